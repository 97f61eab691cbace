/// Finds the kind of a name. The patterns of all kinds are laid out so that a lookup allocates nothing and touches little
/// memory.
///
/// A name matches at most one kind (`LayoutCheck`), so patterns may be tried in any order: those with longer suffixes come
/// first, because they are more selective. The first and the last eight bytes of a name are read once, as numbers; these
/// alone tell most patterns apart.
struct NameMatcher: Sendable {
  /// A range of `bytes`.
  private struct Literal {
    let start: Int
    let count: Int
  }

  /// The required value of up to eight bytes at either end of a name.
  private struct End {
    let mask: UInt64
    let value: UInt64

    @inline(__always) func fits(_ word: UInt64) -> Bool { word & mask == value }
  }

  private struct Pattern {
    let kind: UInt8
    /// No star: the prefix is the whole name.
    let isExact: Bool
    let prefix: Literal
    let suffix: Literal
    let head: End
    let tail: End
    /// Indices in `middles`.
    let middles: Range<Int>
    /// The least number of bytes that a matching name has.
    let countMin: Int
    /// Whether a name matches as soon as both its ends fit.
    let isToldByEnds: Bool
  }

  private var bytes: [UInt8] = []
  private var middles: [Literal] = []
  private var patterns: [Pattern] = []
  /// Patterns for names that are excluded from a kind although they match.
  private var exceptions: [Pattern] = []

  /// - Parameter kinds: for each kind, the patterns for its names and those for names that it excludes.
  init(_ kinds: [(matches: [Glob], exceptions: [Glob])]) {
    for (kind, globs) in kinds.enumerated() {
      for glob in globs.matches { patterns.append(pattern(glob, kind)) }
      for glob in globs.exceptions { exceptions.append(pattern(glob, kind)) }
    }
    patterns.sort { $0.suffix.count > $1.suffix.count }
  }

  private mutating func pattern(_ glob: Glob, _ kind: Int) -> Pattern {
    let literals = glob.literals.map { literal($0) }
    let first = middles.count
    middles += literals.dropFirst().dropLast()
    let (prefix, suffix) = (glob.literals.first!, glob.literals.last!)
    return Pattern(
      kind: UInt8(kind), isExact: literals.count == 1, prefix: literals[0], suffix: literals.last!,
      head: End(mask: Self.mask(prefix.count), value: Self.head(of: prefix.span)),
      tail: End(mask: Self.mask(suffix.count), value: Self.tail(of: suffix.span)),
      middles: first..<middles.count, countMin: literals.reduce(0) { $0 + $1.count },
      isToldByEnds: literals.count == 2 && max(prefix.count, suffix.count) <= Self.endCount)
  }

  /// Stores the same bytes only once.
  private mutating func literal(_ literal: [UInt8]) -> Literal {
    for start in bytes.indices where bytes[start...].starts(with: literal) {
      return Literal(start: start, count: literal.count)
    }
    bytes += literal
    return Literal(start: bytes.count - literal.count, count: literal.count)
  }

  private static let endCount = 8

  private static func mask(_ count: Int) -> UInt64 {
    count >= endCount ? .max : (1 << UInt64(8 * count)) - 1
  }

  /// The first eight bytes, the first one in the low byte.
  private static func head(of name: Span<UInt8>) -> UInt64 {
    if name.count >= endCount { return name.word(at: 0) }
    var word: UInt64 = 0
    for index in name.indices { word |= UInt64(name[index]) &<< UInt64(8 &* index) }
    return word
  }

  /// The last eight bytes, the last one in the low byte.
  private static func tail(of name: Span<UInt8>) -> UInt64 {
    if name.count >= endCount { return name.word(at: name.count &- endCount).byteSwapped }
    var word: UInt64 = 0
    for index in name.indices { word |= UInt64(name[name.count &- 1 &- index]) &<< UInt64(8 &* index) }
    return word
  }

  /// Nil also for a name longer than NAME_MAX, which some foreign file systems can list.
  func kind(of name: Span<UInt8>) -> Kind? {
    guard name.count <= FileName.longest else { return nil }
    let (head, tail) = (Self.head(of: name), Self.tail(of: name))
    let patterns = patterns.span
    for index in patterns.indices where matches(patterns[index], name, head, tail) {
      let kind = patterns[index].kind
      if !isException(name, kind, head, tail) { return Kind(Int(kind)) }
    }
    return nil
  }

  private func isException(_ name: Span<UInt8>, _ kind: UInt8, _ head: UInt64, _ tail: UInt64) -> Bool {
    let exceptions = exceptions.span
    for index in exceptions.indices where exceptions[index].kind == kind {
      if matches(exceptions[index], name, head, tail) { return true }
    }
    return false
  }

  @inline(__always) private func matches(
    _ pattern: Pattern, _ name: Span<UInt8>, _ head: UInt64, _ tail: UInt64
  ) -> Bool {
    guard name.count >= pattern.countMin, pattern.tail.fits(tail), pattern.head.fits(head) else {
      return false
    }
    return pattern.isToldByEnds || matchesWhole(pattern, name)
  }

  private func matchesWhole(_ pattern: Pattern, _ name: Span<UInt8>) -> Bool {
    let bytes = bytes.span
    return Self.isAt(name.count - pattern.suffix.count, pattern.suffix, name, bytes)
      && Self.isAt(0, pattern.prefix, name, bytes) && holdsMiddles(pattern, name, bytes)
  }

  private func holdsMiddles(_ pattern: Pattern, _ name: Span<UInt8>, _ bytes: Span<UInt8>) -> Bool {
    if pattern.isExact { return name.count == pattern.prefix.count }
    var start = pattern.prefix.count
    let end = name.count - pattern.suffix.count
    for index in pattern.middles {
      guard let found = Self.find(middles[index], in: name, start..<end, bytes) else { return false }
      start = found
    }
    return true
  }

  /// Compares backwards, because names differ sooner near their end.
  private static func isAt(
    _ start: Int, _ literal: Literal, _ name: Span<UInt8>, _ bytes: Span<UInt8>
  ) -> Bool {
    var index = literal.count
    while index > 0 {
      index -= 1
      if name[start + index] != bytes[literal.start + index] { return false }
    }
    return true
  }

  /// The end of the first occurrence.
  private static func find(
    _ literal: Literal, in name: Span<UInt8>, _ range: Range<Int>, _ bytes: Span<UInt8>
  ) -> Int? {
    guard literal.count > 0 else { return range.lowerBound }
    let first = bytes[literal.start]
    var start = range.lowerBound
    while start + literal.count <= range.upperBound {
      if name[start] == first, isAt(start, literal, name, bytes) { return start + literal.count }
      start += 1
    }
    return nil
  }

  /// The number of bytes of a name before the part that the first star of its pattern matches, and after the part that the
  /// last star matches. Nil for a name that is not of that kind.
  func fixedCounts(of name: Span<UInt8>, _ kind: Kind) -> (before: Int, after: Int)? {
    let (head, tail) = (Self.head(of: name), Self.tail(of: name))
    for pattern in patterns where pattern.kind == kind.index && matches(pattern, name, head, tail) {
      return (pattern.prefix.count, pattern.suffix.count)
    }
    return nil
  }

  /// The number of bytes before the first star, for a kind with only one pattern; nil for others.
  func prefixCount(of kind: Int) -> Int? {
    let own = patterns.filter { Int($0.kind) == kind }
    return own.count == 1 ? own[0].prefix.count : nil
  }
}
