import ArgumentParser
import Reporting

/// A first word that is no command: a typing mistake, or a capture without the command before it.
enum UnknownCommand {
  /// The error message; nil if the first word is a command or an option.
  static func message(_ arguments: [String]) -> String? {
    let names = HotCold.configuration.subcommands.compactMap { $0.configuration.commandName }
    guard let word = arguments.first, !word.hasPrefix("-"), !(names + ["help"]).contains(word) else {
      return nil
    }
    let start = "Unknown command '\(printable(word.utf8))'."
    let likely =
      names.first { $0.hasPrefix(word) && !word.isEmpty }
      ?? nearest(to: word, among: names, differencesMax: 2)
    guard let likely else { return "\(start) Commands are: \(names.joined(separator: ", "))." }
    return "\(start) Did you mean '\(likely)'?"
  }
}
