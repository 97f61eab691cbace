import Synchronization
import Testing

@testable import KernelIO

@Suite struct TurnTests {
  /// The thread sanitizer sees the plain variable as well.
  private final class Shared: @unchecked Sendable {
    var count = 0
  }

  @Test func oneThreadAtATimeHasIt() {
    let turn = Turn()
    let shared = Shared()
    let holders = Atomic(0)
    let crowded = Atomic(0)
    Threads.run(4) { _ in
      for _ in 0..<2000 {
        let taken = turn.take()
        if holders.add(1, ordering: .relaxed).newValue > 1 { crowded.add(1, ordering: .relaxed) }
        shared.count += 1
        holders.subtract(1, ordering: .relaxed)
        _ = consume taken
      }
    }
    #expect(crowded.load(ordering: .relaxed) == 0)
    #expect(shared.count == 8000)
  }
}
