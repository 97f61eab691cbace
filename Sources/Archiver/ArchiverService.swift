internal import KernelIO
public import Logging
public import Reporting
internal import Synchronization
public import SystemPackage

/// The archiver as a service: a round every interval, until it is asked to stop.
///
///     this thread       round ─▶ wait ─▶ round ─▶ …        SIGHUP: the settings are reloaded between two rounds
///     signalThread      waits for signals, and pings the supervisor's watchdog while work goes on
///
/// The threads are created directly, not by libdispatch, which gives each of its threads a priority that an ordinary user may
/// not set, and then logs the failure to the system log.
public struct ArchiverService {
  /// Reads the settings again.
  public typealias Settings = () throws(SettingsMistake) -> ArchiverOptions

  private let options: ArchiverOptions
  private let settings: Settings
  private let log: Logger

  /// `settings`: called on SIGHUP; if it throws, the previous options stay in effect.
  public init(_ options: ArchiverOptions, log: Logger, settings: @escaping Settings) {
    self.options = options
    self.log = log
    self.settings = settings
  }

  /// Serves until SIGTERM or SIGINT, then finishes what is in flight and returns; a second signal kills the process.
  ///
  /// Needs a second thread (`Threads.areGranted`) to receive signals; without one it would never see a signal.
  ///
  /// - Throws: if the descriptor that wakes the waiting thread cannot be made.
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

  /// What is in flight when the time is over is still finished, so the supervisor is asked to wait longer than `seconds`
  /// (EXTEND_TIMEOUT_USEC, sd_notify(3)).
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
    do throws(Issue) {
      archiver.options = try usableSettings()
      log.info("settings reloaded: a round every \(archiver.options.intervalSeconds) s")
    } catch {
      let text = error.explanation(for: "archive").description
      log.error("\(text)\(text.hasSuffix(".") ? "" : ".") The previous settings stay in effect.")
    }
    Supervisor.notify("READY=1")
  }

  /// With a list that can be read: the captures and layouts of an earlier list do not go with new settings.
  private func usableSettings() throws(Issue) -> ArchiverOptions {
    let options: ArchiverOptions
    do throws(SettingsMistake) { options = try settings() } catch { throw error.issue() }
    _ = try options.namedCaptures()
    return options
  }
}

/// Why settings cannot be used.
public struct SettingsMistake: Error {
  public let message: String
  /// What to do about it, as in `Explanation`.
  public let remedy: String

  public init(message: String, remedy: String = "") {
    self.message = message
    self.remedy = remedy
  }

  public func issue(in capture: FilePath? = nil) -> Issue {
    Issue(.usage(message, remedy: remedy), in: capture)
  }
}

/// Waits for signals, and answers the supervisor's watchdog while the other thread works.
private final class SignalThread: Sendable {
  /// True between two rounds.
  let isIdle = Atomic<Bool>(true)
  private let wakeUp: WakeUp
  private let reloadIsAsked = Atomic<Bool>(false)

  init(wakeUp: WakeUp) { self.wakeUp = wakeUp }

  /// Runs until the process ends. Pings the watchdog twice per interval while work goes on, and stops when it does not.
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

  /// Waits until `deadline` (nanoseconds of CLOCK_MONOTONIC); ends early if the service is to stop or to reload its settings.
  func pause(until deadline: Int64) {
    while StopSignal.pending == nil, !reloadIsAsked.load(ordering: .relaxed),
      SystemClock.monotonicNanoseconds < deadline
    { wakeUp.wait(until: deadline) }
  }
}
