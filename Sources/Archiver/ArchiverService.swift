internal import Dispatch
internal import KernelIO
public import Logging
public import ServiceLifecycle
internal import Synchronization
internal import UnixSignals

/// The archiver as a service: a round every interval, until it is asked to stop.
public struct ArchiverService: Service {
  private let options: ArchiverOptions
  private let log: Logger
  private let idleness = Idleness()

  public init(_ options: ArchiverOptions, log: Logger) {
    self.options = options
    self.log = log
  }

  /// Serves until SIGTERM or SIGINT, and then ends in an orderly way. Waits for that on this thread.
  ///
  /// Needs threads of Swift's (`Threads.areGranted`): where there are none it would wait for them for ever.
  public func runUntilSignalled() throws {
    // What the service group says of itself is nobody's concern.
    var quiet = log
    quiet.logLevel = .error
    let group = ServiceGroup(services: [self], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
    let failure = Failure()
    let ended = DispatchSemaphore(value: 0)
    Task {
      do { try await group.run() } catch { failure.error.withLock { $0 = error } }
      ended.signal()
    }
    ended.wait()
    if let error = failure.error.withLock({ $0 }) { throw error }
  }

  /// Between two rounds.
  private final class Idleness: Sendable {
    let isIdle = Atomic<Bool>(true)
  }

  private final class Failure: Sendable {
    let error = Mutex<(any Error)?>(nil)
  }

  public func run() async throws {
    try await withGracefulShutdownHandler {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await watch() }
        await work()
        group.cancelAll()
        try await group.waitForAll()
      }
    } onGracefulShutdown: {
      // What is in flight is finished; nothing more is begun.
      StopSignal.request(15)
    }
    Supervisor.notify("STOPPING=1")
    log.info("stopped")
  }

  private func work() async {
    let archiver = Archiver(options, log: log)
    log.info("a round every \(options.intervalSeconds) s")
    Supervisor.notify("READY=1\nSTATUS=first round")
    while !Task.isShuttingDownGracefully, StopSignal.pending == nil {
      let next = Clock.monotonicNanoseconds + options.intervalSeconds * 1_000_000_000
      idleness.isIdle.store(false, ordering: .relaxed)
      let round = await Self.round(of: archiver, until: next)
      idleness.isIdle.store(true, ordering: .relaxed)
      Supervisor.notify("STATUS=last round: \(round.text)")
      await pause(until: next)
    }
  }

  /// On a thread of its own, one after the other: a round blocks, and its ring belongs to one thread.
  private static func round(of archiver: Archiver, until deadline: Int64) async -> Archiver.Round {
    nonisolated(unsafe) let archiver = archiver
    return await withCheckedContinuation { continuation in
      Threads.detach { continuation.resume(returning: archiver.round(until: deadline)) }
    }
  }

  /// Ends early when the service is to stop.
  private func pause(until deadline: Int64) async {
    let left = deadline - Clock.monotonicNanoseconds
    guard left > 0 else { return }
    try? await cancelWhenGracefulShutdown { try await Task.sleep(nanoseconds: UInt64(left)) }
  }

  /// Tells the supervisor that work goes on, twice as often as it wants to hear it; says nothing when it does not.
  private func watch() async {
    guard let interval = Supervisor.watchdogNanoseconds, interval > 0 else { return }
    var watchdog = Watchdog()
    while !Task.isCancelled {
      let isAlive = watchdog.isAlive(
        signCount: Liveness.signCount, waitingNanoseconds: Liveness.waitingNanoseconds,
        isIdle: idleness.isIdle.load(ordering: .relaxed))
      if isAlive { Supervisor.notify("WATCHDOG=1") }
      try? await Task.sleep(nanoseconds: UInt64(interval / 2))
    }
  }
}
