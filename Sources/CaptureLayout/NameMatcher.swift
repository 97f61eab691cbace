/// Finds the kind of a name: the patterns of all kinds, laid out so that a look allocates nothing and touches little memory.
///
/// A name is of one kind at the most (`LayoutCheck`), so patterns are tried in an order of our own: those with longer endings
/// first, for they say more. What several patterns begin with is looked at once.
struct NameMatcher: Sendable {
  /// In `bytes`.
  private struct Literal: Equatable {
    let start: Int
    let count: Int
    var end: Int { start + count }
  }

  private struct Pattern {
    let kind: UInt8
    /// No star: the prefix is the whole name.
    let isExact: Bool
    let prefix: Literal
    let suffix: Literal
    /// In `middles`.
    let middles: Range<Int>
    /// Bytes that a name has at least.
    let countMin: Int
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
    return Pattern(
      kind: UInt8(kind), isExact: literals.count == 1, prefix: literals[0], suffix: literals.last!,
      middles: first..<middles.count, countMin: literals.reduce(0) { $0 + $1.count })
  }

  /// The same bytes once.
  private mutating func literal(_ literal: [UInt8]) -> Literal {
    for start in bytes.indices where bytes[start...].starts(with: literal) {
      return Literal(start: start, count: literal.count)
    }
    bytes += literal
    return Literal(start: bytes.count - literal.count, count: literal.count)
  }

  /// Nil for a name longer than NAME_MAX, which some file systems of other worlds can list.
  func kind(of name: Span<UInt8>) -> Kind? {
    guard name.count <= FileName.longest else { return nil }
    let bytes = bytes.span
    var known: (prefix: Literal, isThere: Bool)?
    for pattern in patterns where name.count >= pattern.countMin {
      guard Self.isAt(name.count - pattern.suffix.count, pattern.suffix, name, bytes) else { continue }
      if known?.prefix != pattern.prefix {
        known = (pattern.prefix, Self.isAt(0, pattern.prefix, name, bytes))
      }
      if known!.isThere, holdsMiddles(pattern, name, bytes), !isException(name, pattern.kind, bytes) {
        return Kind(Int(pattern.kind))
      }
    }
    return nil
  }

  private func isException(_ name: Span<UInt8>, _ kind: UInt8, _ bytes: Span<UInt8>) -> Bool {
    for pattern in exceptions where pattern.kind == kind {
      if matches(pattern, name, bytes) { return true }
    }
    return false
  }

  private func matches(_ pattern: Pattern, _ name: Span<UInt8>, _ bytes: Span<UInt8>) -> Bool {
    name.count >= pattern.countMin
      && Self.isAt(name.count - pattern.suffix.count, pattern.suffix, name, bytes)
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
    for pattern in patterns where pattern.kind == kind.index && matches(pattern, name, bytes.span) {
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
