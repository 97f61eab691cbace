internal import CLiburing
internal import SystemPackage

/// SIGINT and SIGTERM, remembered so that what is in flight can be finished.
public enum StopSignal {
  /// From now on the first signal is remembered; a second one kills, which is safe at any moment.
  public static func install() { hc_signals_install() }

  /// Asks the work at hand to stop, as the signal itself would.
  public static func request(_ signal: Int32) { hc_signals_request(signal) }

  /// The signal that asked to stop, if one did. A plain load: cheap enough for every file.
  public static var pending: Int32? {
    let signal = hc_signals_pending()
    return signal == 0 ? nil : signal
  }
}

/// The clocks, in nanoseconds.
public enum Clock {
  public static var monotonicNanoseconds: Int64 { hc_clock_monotonic_ns() }
  /// Since the epoch.
  public static var realtimeNanoseconds: Int64 { hc_clock_realtime_ns() }
  /// Since the machine was started, its sleep included; cannot be set.
  public static var boottimeNanoseconds: Int64 { hc_clock_boottime_ns() }
}

/// The time zone of this process: that of the machine, or the one set before its first use. It does not
/// change during a run.
public enum LocalZone {
  /// Seconds east of Greenwich at a moment (seconds since the epoch).
  public static func offset(at seconds: Int64) -> Int64 { Int64(hc_zone_offset(seconds)) }

  /// Makes `name` the zone of the process. False, with nothing changed, for a zone that this machine does
  /// not know: tzset(3) would silently take UTC.
  public static func use(_ name: String) -> Bool {
    guard !name.isEmpty, !name.contains("\0"), isKnown(name) else { return false }
    unsafe hc_zone_use(name)
    return true
  }

  private static func isKnown(_ name: String) -> Bool {
    if name == "UTC" { return true }
    guard !name.split(separator: "/").contains("..") else { return false }
    let folder = FilePath("/usr/share/zoneinfo")
    let file = name.hasPrefix("/") ? FilePath(name) : folder.appending(name)
    let largest = 1 << 20
    // tzfile(5): every compiled zone begins with this magic.
    guard let contents = try? readFile(at: file, limit: largest) else { return false }
    return contents.starts(with: "TZif".utf8)
  }
}

/// The supervisor that started this service (sd_notify(3)); silence where there is none.
public enum Supervisor {
  /// How often it wants to hear `WATCHDOG=1`, at least; nil where it does not.
  public static var watchdogNanoseconds: Int64? {
    CurrentProcess.environment("WATCHDOG_USEC").flatMap(Int64.init).map {
      let (nanoseconds, hasOverflown) = $0.multipliedReportingOverflow(by: 1000)
      return hasOverflown ? ($0 < 0 ? .min : .max) : nanoseconds
    }
  }

  /// Sends lines such as `READY=1` to `NOTIFY_SOCKET`.
  public static func notify(_ lines: String) {
    guard let socket = CurrentProcess.environment("NOTIFY_SOCKET"), !socket.isEmpty else { return }
    // Nobody to tell, where nobody listens.
    _ = unsafe hc_send_datagram(socket, lines)
  }
}

/// The process and its user.
public enum CurrentProcess {
  /// The largest resident set so far, in bytes.
  public static var peakResidentBytes: UInt64 { hc_peak_resident_bytes() }
  /// Makes folders get exactly the mode that was asked for, whatever the shell's umask.
  public static func clearUmask() { hc_clear_umask() }
  /// Whether an environment variable is set and not empty.
  public static func environmentHas(_ name: String) -> Bool { unsafe hc_environment_has(name) }
  public static func environment(_ name: String) -> String? {
    unsafe hc_environment(name).map { unsafe String(cString: $0) }
  }
  /// Without the program's own name. Read from execve(2)'s list: `CommandLine.arguments` needs /proc, and a command
  /// that seems to have no arguments prints its help and succeeds.
  public static var arguments: [String] {
    (1..<max(1, hc_argument_count())).map { unsafe String(cString: hc_argument($0)) }
  }
  public static var isRoot: Bool { hc_effective_uid() == 0 }
  public static var effectiveUser: UInt32 { hc_effective_uid() }
  /// How many descriptors this process may have (RLIMIT_NOFILE).
  public static var descriptorLimit: Int { Int(clamping: hc_descriptor_limit()) }
  public static func isMember(ofGroup group: UInt32) -> Bool { hc_is_member(group) }
}

/// The user database (passwd(5) and whatever nsswitch.conf(5) adds).
public enum Users {
  /// The login name, or the number as text where the machine knows none.
  public static func name(of user: UInt32) -> String {
    let capacity = 256
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
      let result = unsafe hc_user_name(user, buffer.baseAddress, capacity)
      return unsafe result == 0 ? String(cString: buffer.baseAddress!) : "#\(user)"
    }
  }

  /// Whether the folder is the home of root or of an ordinary user. Homes of system accounts do not count:
  /// Debian gives www-data /var/www.
  public static func isHome(_ folder: borrowing Directory) -> Bool { hc_is_home(folder.descriptor) }
}

public func pause(microseconds: UInt32) { hc_sleep_us(microseconds) }
