internal import KernelIO
public import Logging
public import Reporting
internal import Synchronization
public import SystemPackage

/// The archiver as a service: a round every interval, until it is asked to stop.
///
///     this thread       round ─▶ wait ─▶ round ─▶ …        SIGHUP: the settings are read again in between
///     signalThread         waits for signals, and tells the supervisor in time that work goes on
///
/// Threads of its own, not Swift's: libdispatch gives each of its threads a priority that an ordinary user may not give, and
/// writes to the system log that it could not.
public struct ArchiverService {
  /// Reads the settings again.
  public typealias Settings = () throws(SettingsMistake) -> ArchiverOptions

  private let options: ArchiverOptions
  private let settings: Settings
  private let log: Logger

  public init(_ options: ArchiverOptions, log: Logger, settings: @escaping Settings) {
    self.options = options
    self.log = log
    self.settings = settings
  }

  /// Serves until SIGTERM or SIGINT, and then ends in an orderly way; a second signal kills.
  ///
  /// Needs a thread besides this one (`Threads.areGranted`), on which it would never hear a signal.
  public func runUntilSignalled() throws {
    ServiceSignal.hold()
    let signalThread = SignalThread(wakeUp: try WakeUp())
    Threads.detach { signalThread.run() }

    let archiver = Archiver(options, log: log)
    log.info("a round every \(options.intervalSeconds) s")
    Supervisor.notify("READY=1\nSTATUS=first round")
    while StopSignal.pending == nil {
      if signalThread.takeReload() { reload(archiver) }
      let next = SystemClock.monotonicNanoseconds + archiver.options.intervalSeconds * 1_000_000_000
      signalThread.isIdle.store(false, ordering: .relaxed)
      let round = archiver.round(until: next)
      signalThread.isIdle.store(true, ordering: .relaxed)
      Supervisor.notify("STATUS=last round: \(round.text)")
      signalThread.pause(until: next)
    }
    Supervisor.notify("STOPPING=1")
    if let seconds = archiver.options.flushSeconds {
      signalThread.isIdle.store(false, ordering: .relaxed)
      flush(archiver, within: seconds)
    }
    log.info("stopped")
  }

  /// What is in flight when the time is over is still finished, for which the supervisor is to wait as well (sd_notify(3)).
  private func flush(_ archiver: Archiver, within seconds: Int64) {
    let syncSeconds: Int64 = 30
    Supervisor.notify(
      "EXTEND_TIMEOUT_USEC=\((seconds + syncSeconds) * 1_000_000)\nSTATUS=flushing files in memory to disk"
    )
    StopSignal.withdraw()
    archiver.flush(until: SystemClock.monotonicNanoseconds + seconds * 1_000_000_000)
  }

  private func reload(_ archiver: Archiver) {
    Supervisor.notifyReloading()
    do throws(SettingsMistake) {
      archiver.options = try settings()
      log.info("settings reloaded: a round every \(archiver.options.intervalSeconds) s")
    } catch {
      let text = error.issue().explanation(for: "archive").description
      log.error("\(text)\(text.hasSuffix(".") ? "" : ".") The previous settings stay in effect.")
    }
    Supervisor.notify("READY=1")
  }
}

/// Settings that cannot be used, and why.
public struct SettingsMistake: Error {
  public let message: String
  /// As in `Explanation`.
  public let remedy: String

  public init(message: String, remedy: String = "") {
    self.message = message
    self.remedy = remedy
  }

  public func issue(in capture: FilePath? = nil) -> Issue {
    Issue(.usage(message, remedy: remedy), in: capture)
  }
}

/// Waits for signals, and answers the supervisor while the other thread works.
private final class SignalThread: Sendable {
  /// Between two rounds.
  let isIdle = Atomic<Bool>(true)
  private let wakeUp: WakeUp
  private let reloadIsAsked = Atomic<Bool>(false)

  init(wakeUp: WakeUp) { self.wakeUp = wakeUp }

  /// Until the process ends. Tells the supervisor that work goes on, twice as often as it wants to hear it; says nothing
  /// when it does not.
  func run() {
    let hour: Int64 = 3_600_000_000_000
    let interval = Supervisor.watchdogNanoseconds.flatMap { $0 > 0 ? min($0, hour) : nil }
    let pause = (interval ?? hour) / 2
    var watchdog = Watchdog()
    var next = SystemClock.monotonicNanoseconds
    while true {
      let signal = ServiceSignal.next(withinNanoseconds: max(0, next - SystemClock.monotonicNanoseconds))
      if let signal { handle(signal) }
      guard SystemClock.monotonicNanoseconds >= next else { continue }
      next = SystemClock.monotonicNanoseconds + pause
      let isAlive = watchdog.isAlive(
        signCount: Heartbeat.signCount, waitingNanoseconds: Heartbeat.waitingNanoseconds,
        isIdle: isIdle.load(ordering: .relaxed))
      if isAlive, interval != nil { Supervisor.notify("WATCHDOG=1") }
    }
  }

  private func handle(_ signal: Int32) {
    if signal == ServiceSignal.hangUp {
      reloadIsAsked.store(true, ordering: .relaxed)
    } else {
      // What is in flight is finished; nothing more is begun.
      StopSignal.request(signal)
      ServiceSignal.release()
    }
    wakeUp.signal()
  }

  func takeReload() -> Bool { reloadIsAsked.exchange(false, ordering: .relaxed) }

  /// Ends early when the service is to stop, or to read its settings again.
  func pause(until deadline: Int64) {
    while StopSignal.pending == nil, !reloadIsAsked.load(ordering: .relaxed),
      SystemClock.monotonicNanoseconds < deadline
    { wakeUp.wait(until: deadline) }
  }
}
