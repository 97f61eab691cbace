import Archiver
import CaptureLayout
import KernelIO
import Reporting
import SystemPackage

/// The settings file of the service: lines `HOTCOLD_NAME=value`, in the format of systemd's `EnvironmentFile=`.
enum SettingsFile {
  static let usual: FilePath = "/etc/hotcold/archive.conf"
  private static let bytesMax = 1 << 20

  /// The texts by variable. Blank lines and lines that begin with '#' are ignored.
  static func texts(of file: FilePath?) throws(SettingsMistake) -> [String: String] {
    let path = file ?? usual
    let contents: [UInt8]
    do throws(KernelError) { contents = try readFile(at: path, limit: bytesMax) } catch {
      if file == nil, error.errno == .noSuchFileOrDirectory { return [:] }
      throw SettingsMistake(
        message: Explanation.unreadable(error),
        remedy: file != nil
          ? "Check the path given to --config."
          : error.errno == .permissionDenied
            ? "Whoever runs this must be able to read it: sudo chmod a+r \(usual)."
            : "Put a settings file there.")
    }
    func mistake(line: Int, _ text: String, _ remedy: String) -> SettingsMistake {
      SettingsMistake(message: "\(Explanation.text(path)), line \(line): \(text)", remedy: remedy)
    }
    if let line = TextLines.lineWithControlCharacter(contents) {
      throw mistake(line: line, "a control character", "Use plain text, one setting per line.")
    }
    let known = Settings.all.map(\.variable)
    var texts: [String: String] = [:]
    // Split as bytes: in a String, CR LF is a single Character.
    let lines = contents.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      let text = String(decoding: line, as: UTF8.self).trimmingSpace
      guard !text.isEmpty, text.first != "#" else { continue }
      let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map(\.trimmingSpace)
      guard sides.count == 2 else {
        throw mistake(line: index + 1, "not a setting", "Use lines of the form HOTCOLD_NAME=value.")
      }
      guard known.contains(sides[0]) else {
        throw mistake(
          line: index + 1,
          "unknown setting '\(printable(sides[0].utf8))'",
          "Known settings: \(known.joined(separator: ", ")).")
      }
      texts[sides[0]] = sides[1].withoutQuotes
    }
    return texts
  }
}

extension StringProtocol {
  fileprivate var trimmingSpace: String {
    var text = Substring(self)
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}

extension String {
  /// Without a pair of quotes around it, as systemd and shells read it.
  fileprivate var withoutQuotes: String {
    for quote in ["\"", "'"] where count >= 2 && hasPrefix(quote) && hasSuffix(quote) {
      return String(dropFirst().dropLast())
    }
    return self
  }
}
