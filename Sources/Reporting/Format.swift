/// Numbers as people read them.
package enum Format {
  /// 1234567 as "1,234,567".
  package static func count(_ value: Int) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return value < 0 ? "-" + text : text
  }

  /// "1 capture", "1,234 captures".
  package static func count(_ value: Int, _ noun: String) -> String {
    "\(count(value)) \(noun)\(value == 1 ? "" : "s")"
  }

  /// 1,500,000,000 as "1.5 s".
  package static func seconds(nanoseconds: Int64) -> String { oneDecimal(Double(nanoseconds) / 1e9) + " s" }

  /// 1536 as "1.5 KiB".
  package static func bytes(_ value: UInt64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(value)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    return "\(oneDecimal(value)) \(units[unit])"
  }

  package static func oneDecimal(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(count(tenths / 10)).\(abs(tenths % 10))"
  }

  /// Left-aligned: padded with spaces to `width` characters.
  package static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// Right-aligned: padded with spaces to `width` characters.
  package static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
