internal import SystemPackage

/// Decides when a lasting problem is logged: when it begins, once an hour while it lasts, and when it is over.
///
/// Problems are told apart by capture and kind of message, not by text, in which numbers change. Has no clock of its own:
/// callers pass the time.
struct StandingMessages {
  /// The part of a round that looks for a problem. Only if that part has run does a problem that it did not meet count as over.
  enum Stage { case round, settling, maintenance }

  struct Kind: Hashable {
    let stage: Stage
    /// A few words; also printed when the problem is over.
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

  /// Notes problems that occur together.
  ///
  /// - Parameter now: in nanoseconds of any monotonic clock.
  /// - Returns: whether to log them now: one is new, or was last logged an hour ago.
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

  /// Call when a stage is done. Returns the names of what occurred before and no longer does, sorted.
  mutating func finish(_ stage: Stage, of capture: FilePath?) -> [String] {
    var over: [String] = []
    for (key, state) in states where key.kind.stage == stage && key.capture == capture {
      if !state.occurs { over.append(key.kind.name) }
      states[key] = state.occurs ? State(saidNanoseconds: state.saidNanoseconds, occurs: false) : nil
    }
    return over.sorted()
  }

  /// Forgets all captures but these. Returns the forgotten ones that had a problem, sorted.
  mutating func keep(_ captures: Set<FilePath>) -> [FilePath] {
    let gone = Set(states.keys.compactMap(\.capture)).subtracting(captures)
    states = states.filter { $0.key.capture.map(captures.contains) ?? true }
    return gone.sorted { $0.string < $1.string }
  }
}
