internal import Synchronization

/// Lets only one thread at a time do work that takes much memory.
public final class Turn: Sendable {
  /// Ending the life of this value passes the turn to the next thread.
  public struct Taken: ~Copyable {
    fileprivate let turn: Turn

    deinit {
      turn.isTaken.store(false, ordering: .releasing)
      turn.bell.ring()
    }
  }

  private let isTaken = Atomic(false)
  private let bell = Bell()

  public init() {}

  /// Waits until no other thread has the turn.
  public func take() -> Taken {
    while true {
      let seen = bell.count
      if !isTaken.exchange(true, ordering: .acquiringAndReleasing) { return Taken(turn: self) }
      bell.sleep(while: seen)
    }
  }
}
