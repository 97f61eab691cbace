/// Finds the kind of a name: the patterns of all kinds, laid out so that a look allocates nothing and touches little memory.
///
/// A look at the last byte decides most of the patterns that do not match.
struct NameMatcher: Sendable {
  private struct Pattern {
    let kind: UInt8
    /// In `literals`: before the first star, what is between stars, after the last.
    let literals: Range<Int>
    /// Bytes that a name has at least.
    let countMin: Int
  }

  private var bytes: [UInt8] = []
  /// In `bytes`.
  private var literals: [Range<Int>] = []
  private var patterns: [Pattern] = []
  /// What a kind does not match although one of its patterns does.
  private var exceptions: [Pattern] = []

  /// For each kind the patterns of its names, and of those that it leaves out.
  init(_ kinds: [(matches: [Glob], exceptions: [Glob])]) {
    for (kind, globs) in kinds.enumerated() {
      for glob in globs.matches { patterns.append(add(glob, kind)) }
      for glob in globs.exceptions { exceptions.append(add(glob, kind)) }
    }
  }

  private mutating func add(_ glob: Glob, _ kind: Int) -> Pattern {
    let first = literals.count
    for literal in glob.literals {
      literals.append(bytes.count..<bytes.count + literal.count)
      bytes += literal
    }
    return Pattern(
      kind: UInt8(kind), literals: first..<literals.count, countMin: glob.literals.reduce(0) { $0 + $1.count }
    )
  }

  /// Nil for a name longer than NAME_MAX, which some file systems of other worlds can list.
  func kind(of name: Span<UInt8>) -> Kind? {
    guard name.count <= FileName.longest else { return nil }
    for index in patterns.indices where matches(patterns[index], name) {
      let kind = patterns[index].kind
      if !isException(name, kind) { return Kind(Int(kind)) }
    }
    return nil
  }

  private func isException(_ name: Span<UInt8>, _ kind: UInt8) -> Bool {
    for index in exceptions.indices where exceptions[index].kind == kind {
      if matches(exceptions[index], name) { return true }
    }
    return false
  }

  private func matches(_ pattern: Pattern, _ name: Span<UInt8>) -> Bool {
    guard name.count >= pattern.countMin else { return false }
    let first = literals[pattern.literals.lowerBound]
    guard pattern.literals.count > 1 else {
      return name.count == first.count && isAt(0, first, name)
    }
    let last = literals[pattern.literals.upperBound - 1]
    guard isAt(name.count - last.count, last, name), isAt(0, first, name) else { return false }
    var start = first.count
    let end = name.count - last.count
    for index in pattern.literals.dropFirst().dropLast() {
      guard let found = find(literals[index], name, start..<end) else { return false }
      start = found
    }
    return true
  }

  /// From its end on: endings tell names apart sooner.
  private func isAt(_ start: Int, _ literal: Range<Int>, _ name: Span<UInt8>) -> Bool {
    var index = literal.count - 1
    while index >= 0 {
      if name[start + index] != bytes[literal.lowerBound + index] { return false }
      index -= 1
    }
    return true
  }

  /// Where the first one ends.
  private func find(_ literal: Range<Int>, _ name: Span<UInt8>, _ range: Range<Int>) -> Int? {
    var start = range.lowerBound
    while start + literal.count <= range.upperBound {
      if isAt(start, literal, name) { return start + literal.count }
      start += 1
    }
    return nil
  }

  /// How many bytes of a name come before what the first star of its pattern stands for, and how many after what the last
  /// one does. Nil for a name that is not of that kind.
  func fixedCounts(of name: Span<UInt8>, _ kind: Kind) -> (before: Int, after: Int)? {
    for pattern in patterns where pattern.kind == kind.index && matches(pattern, name) {
      return (
        literals[pattern.literals.lowerBound].count, literals[pattern.literals.upperBound - 1].count
      )
    }
    return nil
  }
}
