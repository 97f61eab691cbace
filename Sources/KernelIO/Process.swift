internal import CLiburing
public import SystemPackage

/// SIGINT and SIGTERM, remembered so that what is in flight can be finished.
public enum StopSignal {
  /// Lets signals end this process where it is the first of its PID namespace, as in a container: by default none does
  /// (pid_namespaces(7)).
  public static func endFirstProcess() { hc_signals_end_first_process() }

  /// From now on the first signal is remembered; a second one kills, which is safe at any moment.
  public static func install() { hc_signals_install() }

  /// Asks the work at hand to stop, as the signal itself would.
  public static func request(_ signal: Int32) { hc_signals_request(signal) }

  /// What comes now is not to be stopped by the signal that ended what was before.
  public static func withdraw() { hc_signals_request(0) }

  /// The signal that asked to stop, if one did. A plain load: cheap enough for every file.
  public static var pending: Int32? {
    let signal = hc_signals_pending()
    return signal == 0 ? nil : signal
  }
}

/// The signals that a service answers, waited for by a thread of its own.
public enum ServiceSignal {
  public static let hangUp: Int32 = 1
  /// From now on SIGTERM, SIGINT and SIGHUP wait for `next`. Call before other threads are started.
  public static func hold() { hc_signals_hold() }
  /// Waits for one of them, for this long at most.
  public static func next(withinNanoseconds timeout: Int64) -> Int32? {
    let signal = hc_signals_next(timeout)
    return signal == 0 ? nil : signal
  }
  /// Lets the next one kill, which is safe at any moment, as long as the calling thread lives.
  public static func release() { hc_signals_release() }
}

/// Ends a wait of one thread from another.
public final class WakeUp: Sendable {
  private let descriptor: Int32

  public init() throws(KernelError) {
    descriptor = try KernelError.check(hc_bell_open(), .create, "")
  }

  deinit { hc_close(descriptor) }

  public func signal() { hc_bell_ring(descriptor) }

  /// Until it is signalled, or was since the last time; until `deadline` at the latest (CLOCK_MONOTONIC).
  public func wait(until deadline: Int64) {
    let left = deadline - SystemClock.monotonicNanoseconds
    if left > 0 { hc_bell_wait(descriptor, left) }
  }
}

/// The clocks, in nanoseconds.
public enum SystemClock {
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
    guard isKnown(name) else { return false }
    unsafe hc_zone_use(name)
    return true
  }

  /// Makes UTC the zone of the process, which needs no file of this machine.
  public static func useUTC() { unsafe hc_zone_use("UTC") }

  /// The name of the zone, such as Europe/Zurich, from where glibc takes it: `use`, `TZ`, or /etc/localtime; where that is a
  /// copy, /etc/timezone says of what. "unknown" where only the rules are there.
  public static var name: String {
    if let value = CurrentProcess.environment("TZ") {
      let zone = value.hasPrefix(":") ? String(value.dropFirst()) : value
      return zone.isEmpty ? "UTC" : nameBelowZoneinfo(zone) ?? zone
    }
    let link = unsafe hc_open_component(-1, "/etc/localtime")
    guard link >= 0 else { return "UTC" }
    defer { hc_close(link) }
    var target = [UInt8](repeating: 0, count: 4096)  // PATH_MAX
    let length = unsafe hc_read_link(link, &target, target.count)
    if length > 0, let name = nameBelowZoneinfo(String(decoding: target.prefix(Int(length)), as: UTF8.self)) {
      return name
    }
    let contents = try? readFile(at: "/etc/timezone", limit: target.count)
    let name = String(decoding: contents?.prefix { $0 > UInt8(ascii: " ") } ?? [], as: UTF8.self)
    return name.isEmpty ? "unknown" : name
  }

  private static func nameBelowZoneinfo(_ path: String) -> String? {
    let parts = path.split(separator: "/")
    return parts.lastIndex(of: "zoneinfo").map { parts[($0 + 1)...].joined(separator: "/") }
  }

  /// The value of `TZ` where it is set to something that tzset(3) does not understand, and would silently take for UTC.
  public static var mistakenVariable: String? {
    guard let value = CurrentProcess.environment("TZ") else { return nil }
    let zone = value.hasPrefix(":") ? String(value.dropFirst()) : value
    return zone.isEmpty || isKnown(zone) || PosixZone.isWellFormed(zone) ? nil : value
  }

  /// Whether it names a zone that this machine has.
  public static func isKnown(_ name: String) -> Bool {
    if name == "UTC" { return true }
    guard !name.isEmpty, !name.contains("\0"), !name.split(separator: "/").contains("..") else {
      return false
    }
    let given = CurrentProcess.environment("TZDIR") ?? ""
    let folder = FilePath(given.isEmpty ? "/usr/share/zoneinfo" : given)
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

  /// Says that the settings are being read again; `READY=1` ends it.
  public static func notifyReloading() {
    notify("RELOADING=1\nMONOTONIC_USEC=\(SystemClock.monotonicNanoseconds / 1000)")
  }

  /// Sends lines such as `READY=1` to `NOTIFY_SOCKET`.
  public static func notify(_ lines: String) {
    guard let socket = CurrentProcess.environment("NOTIFY_SOCKET"), !socket.isEmpty else { return }
    // Nobody to tell, where nobody listens.
    _ = unsafe hc_send_datagram(socket, lines)
  }
}

/// The running kernel.
public enum Kernel {
  /// Such as "6.12.48-1-amd64" (uname(2)).
  public static var release: String {
    var release = [CChar](repeating: 0, count: 256)
    _ = unsafe hc_kernel_release(&release, release.count)
    return String(decoding: release.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
  }

  /// By its release; distributions add features to older ones.
  public static func isAtLeast(_ major: Int32, _ minor: Int32) -> Bool { hc_kernel_is_at_least(major, minor) }
}

/// The process and its user.
public enum CurrentProcess {
  /// Processors that this process may run on (sched_getaffinity(2)).
  public static var processorCount: Int { Int(hc_processor_count()) }
  /// The largest resident set so far, in bytes.
  public static var peakResidentBytes: UInt64 { hc_peak_resident_bytes() }
  /// Makes folders get exactly the mode that was asked for, whatever the shell's umask.
  public static func clearUmask() { hc_clear_umask() }
  /// The umask that was in force before.
  public static var firstUmask: UInt32 { hc_first_umask() }
  /// Whether a seccomp filter is in force.
  public static var isFiltered: Bool { hc_is_filtered() }
  /// Whether an environment variable is set and not empty.
  public static func environmentHas(_ name: String) -> Bool { unsafe hc_environment_has(name) }
  public static func environment(_ name: String) -> String? {
    unsafe hc_environment(name).map { unsafe String(cString: $0) }
  }
  /// Whether this is the program of an OCI container, by the variable that podman sets, and hotcold's own image.
  public static var isInContainer: Bool { ["oci", "podman"].contains(environment("container") ?? "") }
  /// The names of all environment variables that begin with `prefix`.
  public static func environmentNames(beginningWith prefix: String) -> [String] {
    var names: [String] = []
    var index: Int32 = 0
    while let entry = unsafe hc_environment_entry(index) {
      let text = unsafe String(cString: entry)
      if text.hasPrefix(prefix) { names.append(String(text.prefix { $0 != "=" })) }
      index += 1
    }
    return names
  }
  /// Without the program's own name. Read from execve(2)'s list: `CommandLine.arguments` needs /proc, and a command
  /// that seems to have no arguments prints its help and succeeds.
  public static var arguments: [String] {
    (1..<max(1, hc_argument_count())).map { unsafe String(cString: hc_argument($0)) }
  }
  /// Without links on its way.
  public static func workingFolder() throws(KernelError) -> FilePath {
    var buffer = [CChar](repeating: 0, count: 4096)  // PATH_MAX
    try KernelError.check(unsafe hc_working_folder(&buffer, buffer.count), .workingFolder, "")
    return FilePath(platformString: buffer)
  }
  public static var isRoot: Bool { hc_effective_uid() == 0 }
  public static var effectiveUser: UInt32 { hc_effective_uid() }
  /// How many descriptors this process may have (RLIMIT_NOFILE).
  public static var descriptorLimit: Int { Int(clamping: hc_descriptor_limit()) }
  /// Raises it to `wanted`, as far as the hard limit goes: the soft one is usually 1024 for the sake of select(2).
  public static func raiseDescriptorLimit(to wanted: Int) { hc_raise_descriptor_limit(UInt64(wanted)) }
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

/// Lets this thread sleep.
public func pause(microseconds: UInt32) { hc_sleep_us(microseconds) }
