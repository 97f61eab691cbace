/// A time zone given by its rules, such as `CET-1CEST,M3.5.0,M10.5.0/3` (tzset(3)).
///
/// glibc is more lenient: what it cannot parse, it takes for UTC or ignores. Here that is not well formed.
enum PosixZone {
  static func isWellFormed(_ text: String) -> Bool {
    var reader = Reader(rest: Array(text.utf8)[...])
    return reader.readZone() && reader.rest.isEmpty
  }

  private struct Reader {
    private static let namesMin = 3
    var rest: ArraySlice<UInt8>

    /// std offset [dst [offset] [,start,end]]
    mutating func readZone() -> Bool {
      guard readName(), readTime(hoursMax: 24) else { return false }
      if rest.isEmpty { return true }
      guard readName() else { return false }
      if let next = rest.first, next != UInt8(ascii: ",") {
        guard readTime(hoursMax: 24) else { return false }
      }
      // Without rules glibc uses those of the United States.
      return rest.isEmpty || (readRule() && readRule())
    }

    /// Letters; in angle brackets also digits and signs.
    private mutating func readName() -> Bool {
      let isLetter: (UInt8) -> Bool = { (0x61...0x7a).contains($0 | 0x20) }
      guard skip("<") else { return take(while: isLetter) >= Self.namesMin }
      let count = take {
        isLetter($0) || Self.isDigit($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-")
      }
      return count >= Self.namesMin && skip(">")
    }

    /// [+-]hh[:mm[:ss]]
    private mutating func readTime(hoursMax: Int) -> Bool {
      if !skip("-") { _ = skip("+") }
      guard readNumber(0...hoursMax) else { return false }
      for _ in 0..<2 where skip(":") { guard readNumber(0...59) else { return false } }
      return true
    }

    /// ,Jn or ,n or ,Mm.w.d, then optionally /time
    private mutating func readRule() -> Bool {
      guard skip(",") else { return false }
      let hasDay =
        if skip("M") {
          readNumber(1...12) && skip(".") && readNumber(1...5) && skip(".") && readNumber(0...6)
        } else if skip("J") {
          readNumber(1...365)
        } else {
          readNumber(0...365)
        }
      // tzfile(5): up to a week, in either direction.
      return hasDay && (!skip("/") || readTime(hoursMax: 167))
    }

    private mutating func readNumber(_ range: ClosedRange<Int>) -> Bool {
      let digits = rest.prefix(while: Self.isDigit)
      guard (1...3).contains(digits.count) else { return false }
      rest = rest.dropFirst(digits.count)
      return range.contains(digits.reduce(0) { $0 * 10 + Int($1 - 0x30) })
    }

    private mutating func take(while isWanted: (UInt8) -> Bool) -> Int {
      let count = rest.prefix(while: isWanted).count
      rest = rest.dropFirst(count)
      return count
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
      guard rest.first == UInt8(ascii: character) else { return false }
      rest = rest.dropFirst()
      return true
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  }
}
