import Archiver
import CaptureLayout
import KernelIO
import Reporting
import SystemPackage

/// How a text becomes a value.
struct Grammar<Value: Sendable>: Sendable {
  /// What is expected, as an imperative sentence without its period: the remedy of every error.
  let expected: String
  let parse: @Sendable (String) throws(WrongText) -> Value
}

/// A text that does not match a grammar.
struct WrongText: Error {
  /// The wrong one of several values; nil for the whole text.
  var part: String?
  /// What is wrong, where what is expected does not make it obvious.
  var reason: String?
  /// The complete error, where the text is right but what it refers to is wrong.
  var whole: SettingsMistake?

  /// - Parameter what: the wrong value and the setting that it was given for.
  func mistake(_ what: String, expected: String) -> SettingsMistake {
    whole
      ?? SettingsMistake(
        message: "invalid \(what)" + (reason.map { ": \($0)" } ?? ""), remedy: "\(expected).")
  }
}

extension Grammar {
  /// - Parameter value: returns nil for a wrong text.
  fileprivate init(_ expected: String, value: @escaping @Sendable (String) -> Value?) {
    self.init(expected: expected) { text throws(WrongText) in
      guard let value = value(text) else { throw WrongText() }
      return value
    }
  }

  /// Values separated by commas.
  ///
  /// - Parameter add: adds one of them; returns false for a wrong one.
  fileprivate init(
    _ expected: String, list none: Value, add: @escaping @Sendable (Substring, inout Value) -> Bool
  ) {
    self.init(expected: expected) { text throws(WrongText) in
      var value = none
      for part in text.split(separator: ",") where !add(part, &value) {
        throw WrongText(part: String(part))
      }
      return value
    }
  }
}

extension Grammar where Value == Bool {
  static var yesOrNo: Self {
    Grammar("Use yes or no") { text in
      switch text.lowercased() {
      case "yes", "true", "on", "1": true
      case "no", "false", "off", "0": false
      default: nil
      }
    }
  }
}

extension Grammar where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
  static var choice: Self {
    let values = Value.allCases.map(\.rawValue)
    return Grammar("Use \(values.dropLast().joined(separator: ", ")) or \(values.last ?? "")") {
      Value(rawValue: $0)
    }
  }
}

extension Grammar where Value == Int {
  static var aboveZero: Self { Grammar("Use a number above 0") { Int($0).flatMap { $0 > 0 ? $0 : nil } } }
}

extension Grammar where Value == Int64 {
  static func seconds(_ range: ClosedRange<Int64>) -> Self {
    Grammar("Use a number with s, m, h or d, from \(range.lowerBound)s to \(range.upperBound)s") {
      seconds($0).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  static var percent: Self {
    Grammar("Use a percentage from 0% to 100%") { text in
      Int64(text.hasSuffix("%") ? String(text.dropLast()) : text).flatMap {
        (0...100).contains($0) ? $0 : nil
      }
    }
  }

  /// "60s", "5m", "24h", "14d".
  fileprivate static func seconds(_ text: some StringProtocol) -> Int64? {
    let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let last = text.last, let unit = units[last], let number = Int64(text.dropLast()),
      (0...1_000_000_000).contains(number)
    else { return nil }
    return number * unit
  }
}

extension Grammar where Value == FilePath? {
  /// Made absolute, because every message names the whole path. Nil for the empty text of a default.
  static var path: Self {
    Grammar(expected: "Use a path that begins with '/'") { text throws(WrongText) in
      guard !text.isEmpty else { return nil }
      do throws(KernelError) { return try FilePath(text).absolute() } catch {
        throw WrongText(reason: Explanation.describe(error))
      }
    }
  }
}

extension Grammar where Value == String? {
  /// Nil for the empty text of a default, which means the time zone of the machine.
  static var timeZone: Self {
    Grammar(expected: "Use a name from /usr/share/zoneinfo, such as Europe/Zurich") {
      text throws(WrongText) in
      guard !text.isEmpty else { return nil }
      guard LocalZone.isKnown(text) else { throw WrongText() }
      return text
    }
  }
}

private func names(_ layout: Layout) -> String { layout.kinds.map(layout.name(of:)).joined(separator: ", ") }

/// Splits "captures=200" into the kind and the text after "=".
private func assignment(_ text: Substring, _ layout: Layout) -> (kind: Kind, text: Substring)? {
  let sides = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
  guard sides.count == 2, let kind = layout.kind(named: String(sides[0])) else { return nil }
  return (kind, sides[1])
}

extension Grammar where Value == SettleRule {
  /// "segments=5,captures=200".
  static func hotLimits(of layout: Layout) -> Self {
    let countMax = LayoutDescription.hotLimitMax
    return Grammar(
      "Use KIND=N, with one of \(names(layout)), and N from 0 to \(countMax)", list: SettleRule(of: layout)
    ) {
      guard let (kind, text) = assignment($0, layout), let count = Int(text), (0...countMax).contains(count)
      else { return false }
      $1.hotLimits[kind] = count
      return true
    }
  }
}

extension Grammar where Value == PerKind<Int64?> {
  /// "captures=1h,segments=24h", or the layout's own ages: "layout".
  static func ages(of layout: Layout) -> Self {
    let ageSeconds: ClosedRange<Int64> = 60...315_360_000
    return Grammar(
      "Use layout for the ages of the layout, or KIND=AGE, with one of \(names(layout)), and an age from 1m to 3650d",
      list: PerKind(repeating: nil)
    ) {
      // "guide" is the old word for "layout", from when guide was the only layout.
      if $0 == "layout" || $0 == "guide" {
        for kind in layout.kinds { $1[kind] = layout[kind].retentionSeconds }
        return true
      }
      guard let (kind, text) = assignment($0, layout), let seconds = Grammar<Int64>.seconds(text),
        ageSeconds.contains(seconds)
      else { return false }
      $1[kind] = seconds
      return true
    }
  }
}
