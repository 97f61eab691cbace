import ArgumentParser
import Reporting

/// A first word that is no command: a slip of the fingers, or a capture without the word before it.
enum UnknownCommand {
  /// Nil where the first word is a command or an option.
  static func message(_ arguments: [String]) -> String? {
    let names = HotCold.configuration.subcommands.compactMap { $0.configuration.commandName }
    guard let word = arguments.first, !word.hasPrefix("-"), !(names + ["help"]).contains(word) else {
      return nil
    }
    let start = "Unknown command '\(printable(word.utf8))'."
    let likely = names.first { $0.hasPrefix(word) && !word.isEmpty } ?? names.first { isSlip(word, of: $0) }
    guard let likely else { return "\(start) Commands are: \(names.joined(separator: ", "))." }
    return "\(start) Did you mean '\(likely)'?"
  }

  private static func isSlip(_ word: String, of name: String) -> Bool {
    let differencesMax = 2
    return abs(word.count - name.count) <= differencesMax
      && distance(Array(word.lowercased()), Array(name)) <= differencesMax
  }

  /// Letters to add, drop or change (Levenshtein).
  private static func distance(_ left: [Character], _ right: [Character]) -> Int {
    var row = Array(0...right.count)
    for (index, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in right.indices {
        let change = diagonal + (letter == right[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = min(change, diagonal + 1, row[column] + 1)
      }
    }
    return row[right.count]
  }
}
