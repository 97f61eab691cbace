internal import SystemPackage

/// What is wrong for a while is said when it begins, once an hour while it lasts, and when it is over.
///
/// By capture and kind of message, not by its text, in which numbers change. A value without a clock: the time is given.
struct StandingMessages {
  /// What looks for it. What one part of a round does not meet may still be there where that part was not come to.
  enum Stage { case round, settling, maintenance }

  struct Kind: Hashable {
    let stage: Stage
    /// In a few words, which are also how it is said to be over.
    let name: String
  }

  private struct Key: Hashable {
    let capture: FilePath?
    let kind: Kind
  }

  private struct State {
    var saidNanoseconds: Int64
    var occurs = true
  }

  private static let againNanoseconds: Int64 = 3_600_000_000_000

  private var states: [Key: State] = [:]

  /// Notes that these occur together, and returns whether that is to be said now: one is new, or an hour is over.
  mutating func note(_ kinds: [Kind], of capture: FilePath?, at now: Int64) -> Bool {
    var isDue = false
    for kind in kinds {
      let key = Key(capture: capture, kind: kind)
      let said = states[key]?.saidNanoseconds
      if said.map({ now - $0 >= Self.againNanoseconds }) ?? true { isDue = true }
      states[key] = State(saidNanoseconds: said ?? now)
    }
    if isDue { for kind in kinds { states[Key(capture: capture, kind: kind)]?.saidNanoseconds = now } }
    return isDue
  }

  /// The stage is done with: returns the names of what occurred before and does not any more.
  mutating func finish(_ stage: Stage, of capture: FilePath?) -> [String] {
    var over: [String] = []
    for (key, state) in states where key.kind.stage == stage && key.capture == capture {
      if !state.occurs { over.append(key.kind.name) }
      states[key] = state.occurs ? State(saidNanoseconds: state.saidNanoseconds, occurs: false) : nil
    }
    return over.sorted()
  }

  /// Forgets captures that are not looked after any more, and returns those of which something was said.
  mutating func keep(_ captures: Set<FilePath>) -> [FilePath] {
    let gone = Set(states.keys.compactMap(\.capture)).subtracting(captures)
    states = states.filter { $0.key.capture.map(captures.contains) ?? true }
    return gone.sorted { $0.string < $1.string }
  }
}
