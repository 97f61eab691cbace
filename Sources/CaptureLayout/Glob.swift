/// A pattern for file names: `*` matches any number of any bytes, every other byte matches itself.
public struct Glob: Hashable, Sendable {
  public let text: String
  /// The bytes before, between and after the stars: one more than there are stars.
  let literals: [[UInt8]]

  /// Nil for a pattern that no file name can match: empty, longer than NAME_MAX bytes, with a slash or a NUL.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard (1...FileName.longest).contains(bytes.count), !bytes.contains(0),
      !bytes.contains(UInt8(ascii: "/"))
    else { return nil }
    self.text = text
    literals = bytes.split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
  }

  public func matches(_ name: Span<UInt8>) -> Bool { NameMatcher([([self], [])]).kind(of: name) != nil }

  /// Whether there is a name that both patterns match and none of `exceptions` matches.
  ///
  /// Runs all patterns as automata in parallel, over every class of bytes that any of them tells apart.
  ///
  /// - Parameter budget: how many automaton steps may still be made; reduced by those made here.
  /// - Returns: nil if the budget is not enough.
  static func overlap(
    _ left: Glob, _ right: Glob, besides exceptions: [Glob], budget: inout Int
  ) -> Bool? {
    guard left.mayOverlap(right) else { return false }
    let automata = ([left, right] + exceptions).map(Automaton.init)
    // Nil represents all bytes that no pattern names.
    let named = Set(automata.flatMap(\.bytes))
    let alphabet = named.map { Optional($0) } + [nil]
    var seen: Set<[Set<Int>]> = []
    var pending = [automata.map(\.start)]
    while let states = pending.popLast() {
      guard seen.insert(states).inserted else { continue }
      guard budget > 0 else { return nil }
      budget -= alphabet.count * automata.count
      let isMatch = zip(automata, states).map { $0.isMatch($1) }
      if isMatch[0], isMatch[1], !isMatch[2...].contains(true) { return true }
      for byte in alphabet {
        let next = zip(automata, states).map { $0.next($1, byte) }
        if !next[0].isEmpty, !next[1].isEmpty { pending.append(next) }
      }
    }
    return false
  }

  /// False if prefixes or suffixes differ, as they do for most patterns.
  private func mayOverlap(_ other: Glob) -> Bool {
    func agree(_ left: [UInt8], _ right: [UInt8]) -> Bool { zip(left, right).allSatisfy(==) }
    return agree(literals[0], other.literals[0])
      && agree(literals[literals.count - 1].reversed(), other.literals[other.literals.count - 1].reversed())
  }
}

/// A pattern as a non-deterministic automaton. Its states are positions in the pattern.
private struct Automaton {
  private enum Token {
    case byte(UInt8)
    case anything
  }
  private let tokens: [Token]

  init(_ glob: Glob) {
    tokens = Array(glob.literals.map { $0.map(Token.byte) }.joined(separator: [.anything]))
  }

  var bytes: [UInt8] {
    tokens.compactMap { if case .byte(let byte) = $0 { byte } else { nil } }
  }
  var start: Set<Int> { withoutReading([0]) }

  func isMatch(_ states: Set<Int>) -> Bool { states.contains(tokens.count) }

  /// - Parameter byte: nil for one that no pattern names.
  func next(_ states: Set<Int>, _ byte: UInt8?) -> Set<Int> {
    var next: Set<Int> = []
    for state in states where state < tokens.count {
      switch tokens[state] {
      case .anything: next.insert(state)
      case .byte(let expected): if expected == byte { next.insert(state + 1) }
      }
    }
    return withoutReading(next)
  }

  /// Adds the states that are reached without reading a byte: a star may match nothing.
  private func withoutReading(_ states: Set<Int>) -> Set<Int> {
    var all = states
    for var state in states {
      while state < tokens.count, case .anything = tokens[state] {
        state += 1
        all.insert(state)
      }
    }
    return all
  }
}
