import Archiver
import CaptureLayout
import KernelIO
import Migration
import Reporting
import SystemPackage

/// Settings as values, each with an error that names the setting, where it comes from, and what would be right.
extension ArchiveSettings {
  func path(_ key: Key) throws(Failure) -> FilePath? {
    guard !text(key).isEmpty else { return nil }
    do throws(KernelError) { return try FilePath(text(key)).absolute() } catch {
      throw wrong(key, "\(Explanation.describe(error)); give a path that begins with '/'")
    }
  }

  func isOn(_ key: Key) throws(Failure) -> Bool {
    switch text(key).lowercased() {
    case "yes", "true", "on", "1": return true
    case "no", "false", "off", "0": return false
    default: throw wrong(key, "give yes or no")
    }
  }

  func seconds(_ key: Key, _ range: ClosedRange<Int64>) throws(Failure) -> Int64 {
    guard let seconds = Self.seconds(text(key)), range.contains(seconds) else {
      throw wrong(key, "give a number with s, m, h or d, from \(range.lowerBound)s to \(range.upperBound)s")
    }
    return seconds
  }

  func percent(_ key: Key) throws(Failure) -> Int64 {
    let digits = text(key).hasSuffix("%") ? String(text(key).dropLast()) : text(key)
    guard let percent = Int64(digits), (0...100).contains(percent) else {
      throw wrong(key, "give a percentage from 0% to 100%")
    }
    return percent
  }

  func engine() throws(Failure) -> EngineChoice {
    guard let choice = EngineChoice(rawValue: text(.engine)) else {
      throw wrong(.engine, "give auto, io_uring or syscalls")
    }
    return choice
  }

  func conflictRule() throws(Failure) -> ConflictRule {
    guard let rule = ConflictRule(rawValue: text(.onConflict)) else {
      throw wrong(.onConflict, "give keep or rename")
    }
    return rule
  }

  /// Makes the zone that of the process. Call once, before anything asks for the time.
  func useTimeZone() throws(Failure) {
    try checkTimeZone()
    let zone = text(.timeZone)
    if !zone.isEmpty { _ = LocalZone.use(zone) }
  }

  /// An unknown zone, in the settings or in `TZ` where they have none, would mean UTC.
  func checkTimeZone() throws(Failure) {
    let zone = text(.timeZone)
    if zone.isEmpty {
      if let zone = LocalZone.mistakenVariable { throw Failure(message: Explanation.unknownZone(zone)) }
    } else if !LocalZone.isKnown(zone) {
      throw wrong(.timeZone, "take a name from /usr/share/zoneinfo, such as Europe/Zurich")
    }
  }

  func settleRule() throws(Failure) -> SettleRule {
    var rule = SettleRule(of: .guide)
    for part in parts(.hot) {
      guard let limit = HotLimit(part) else { throw wrong(.hot, HotLimit.expected, part) }
      rule.hotLimits[limit.kind] = limit.count
    }
    return rule
  }

  func retention() throws(Failure) -> RetentionRule {
    var rule = RetentionRule()
    for part in parts(.retain) {
      if part == "guide" {
        for kind in Layout.guide.kinds { rule.ageSeconds[kind] = Layout.guide[kind].retentionSeconds }
        continue
      }
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard sides.count == 2, let kind = Layout.guide.kind(named: sides[0]),
        let seconds = Self.seconds(sides[1]), Self.ageSeconds.contains(seconds)
      else {
        throw wrong(
          .retain,
          "give guide, or KIND=AGE, with one of \(Layout.guide.rules.map(\.name).joined(separator: ", ")), and an age from "
            + "1m to 3650d", part)
      }
      rule.ageSeconds[kind] = seconds
    }
    guard let max = Int(text(.maxDelete)), max > 0 else { throw wrong(.maxDelete, "give a number above 0") }
    rule.deletionsMax = max
    return rule
  }

  /// Every setting with its value and its source, as lines that a settings file may hold.
  var text: String {
    Key.allCases.map { key in
      "# \(source(key).rawValue)\n\(key.variable)=\(printable(text(key).utf8))\n"
    }.joined()
  }

  // MARK: parsing

  private static let ageSeconds: ClosedRange<Int64> = 60...315_360_000

  /// "60s", "5m", "24h", "14d".
  static func seconds(_ text: String) -> Int64? {
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let last = text.last, let unit = units[last], let number = Int64(text.dropLast()), number >= 0,
      number <= 1_000_000_000
    else { return nil }
    return number * unit
  }

  private func parts(_ key: Key) -> [String] { text(key).split(separator: ",").map(String.init) }

  /// `part`: the one of several values that is wrong. What is named is what the user wrote: the flag, or the variable.
  private func wrong(_ key: Key, _ remedy: String, _ part: String? = nil) -> Failure {
    let name = source(key) == .flag ? key.flag : "\(key.variable) (\(source(key).rawValue))"
    return Failure(message: "Invalid value '\(printable((part ?? text(key)).utf8))' for \(name): \(remedy).")
  }
}
