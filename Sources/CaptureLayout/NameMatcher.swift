/// Finds the kind of a name: the patterns of all kinds, laid out so that a look allocates nothing and touches little memory.
///
/// A name is of one kind at the most (`LayoutCheck`), so patterns are tried in an order of our own: those with longer endings
/// first, for they say more. The first and the last eight bytes of a name are read once, as numbers; most patterns are told
/// apart by these alone.
struct NameMatcher: Sendable {
  /// In `bytes`.
  private struct Literal {
    let start: Int
    let count: Int
  }

  /// What up to eight bytes at an end of a name must be.
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
    /// In `middles`.
    let middles: Range<Int>
    /// Bytes that a name has at least.
    let countMin: Int
    /// Nothing is left to compare where its ends fit.
    let isToldByEnds: Bool
  }

  private var bytes: [UInt8] = []
  private var middles: [Literal] = []
  private var patterns: [Pattern] = []
  /// What a kind does not match although one of its patterns does.
  private var exceptions: [Pattern] = []

  /// For each kind the patterns of its names, and of those that it leaves out.
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

  /// The same bytes once.
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

  /// The first eight bytes, the first one lowest.
  private static func head(of name: Span<UInt8>) -> UInt64 {
    if name.count >= endCount { return name.word(at: 0) }
    var word: UInt64 = 0
    for index in name.indices { word |= UInt64(name[index]) &<< UInt64(8 &* index) }
    return word
  }

  /// The last eight bytes, the last one lowest.
  private static func tail(of name: Span<UInt8>) -> UInt64 {
    if name.count >= endCount { return name.word(at: name.count &- endCount).byteSwapped }
    var word: UInt64 = 0
    for index in name.indices { word |= UInt64(name[name.count &- 1 &- index]) &<< UInt64(8 &* index) }
    return word
  }

  /// Nil for a name longer than NAME_MAX, which some file systems of other worlds can list.
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

  /// From its end on: endings tell names apart sooner.
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

  /// Where the first one ends.
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

  /// How many bytes of a name come before what the first star of its pattern stands for, and how many after what the last
  /// one does. Nil for a name that is not of that kind.
  func fixedCounts(of name: Span<UInt8>, _ kind: Kind) -> (before: Int, after: Int)? {
    let (head, tail) = (Self.head(of: name), Self.tail(of: name))
    for pattern in patterns where pattern.kind == kind.index && matches(pattern, name, head, tail) {
      return (pattern.prefix.count, pattern.suffix.count)
    }
    return nil
  }

  /// Of a kind with one pattern, how many bytes come before its first star; nil of others.
  func prefixCount(of kind: Int) -> Int? {
    let own = patterns.filter { Int($0.kind) == kind }
    return own.count == 1 ? own[0].prefix.count : nil
  }
}
