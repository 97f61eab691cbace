internal import CLiburing
public import SystemPackage

/// SIGINT and SIGTERM, recorded so that operations in flight can be finished.
public enum StopSignal {
  /// From now on the first signal is recorded; a second one kills the process, which is safe at any moment.
  public static func install() { hc_signals_install() }

  /// Asks the work at hand to stop, as the signal itself would.
  public static func request(_ signal: Int32) { hc_signals_request(signal) }

  /// Clears the signal, so that it does not also stop the work that follows.
  public static func withdraw() { hc_signals_request(0) }

  /// The signal that asked to stop, if any. A plain load: cheap enough for every file.
  public static var pending: Int32? {
    let signal = hc_signals_pending()
    return signal == 0 ? nil : signal
  }
}

/// The signals that a service handles, on a thread that waits for them.
public enum ServiceSignal {
  public static let hangUp: Int32 = 1
  /// From now on SIGTERM, SIGINT and SIGHUP are held for `next`. Call before other threads are started.
  public static func hold() { hc_signals_hold() }
  /// Waits for one of them; returns nil after this time.
  public static func next(withinNanoseconds timeout: Int64) -> Int32? {
    let signal = hc_signals_next(timeout)
    return signal == 0 ? nil : signal
  }
  /// Lets the next one kill the process, which is safe at any moment, as long as the calling thread lives.
  public static func release() { hc_signals_release() }
}

/// Lets one thread end the wait of another.
public final class WakeUp: Sendable {
  private let descriptor: Int32

  public init() throws(KernelError) {
    descriptor = try KernelError.check(hc_bell_open(), .create, "")
  }

  deinit { hc_close(descriptor) }

  public func signal() { hc_bell_ring(descriptor) }

  /// Waits until it is signalled, or returns at once if it was since the last wait; until `deadline` at the latest
  /// (CLOCK_MONOTONIC, nanoseconds).
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
  /// Since boot, including sleep; cannot be set.
  public static var boottimeNanoseconds: Int64 { hc_clock_boottime_ns() }
}

/// The time zone of this process: the machine's, or the one set before its first use. It does not change during a
/// run.
public enum LocalZone {
  /// The offset in seconds east of Greenwich at a moment, in seconds since the epoch.
  public static func offset(at seconds: Int64) -> Int64 { Int64(hc_zone_offset(seconds)) }

  /// Makes `name` the zone of the process. False, with nothing changed, for a zone that this machine does
  /// not know: tzset(3) would silently use UTC.
  public static func use(_ name: String) -> Bool {
    guard isKnown(name) else { return false }
    unsafe hc_zone_use(name)
    return true
  }

  /// Makes UTC the zone of the process, which needs no zone file.
  public static func useUTC() { unsafe hc_zone_use("UTC") }

  /// Whether this is a name of UTC (tzdata, `backward`).
  public static func isUniversal(_ name: String) -> Bool {
    ["UTC", "UTC0", "UCT", "Universal", "Zulu"].contains(
      name.hasPrefix("Etc/") ? String(name.dropFirst(4)) : name)
  }

  /// The name of the zone, such as Europe/Zurich, from the same sources as glibc: `use`, `TZ`, or /etc/localtime; if that is a
  /// copy rather than a link, from /etc/timezone. "unknown" if no name is found.
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

  /// The value of `TZ`, if tzset(3) does not understand it and would silently use UTC; otherwise nil.
  public static var mistakenVariable: String? {
    guard let value = CurrentProcess.environment("TZ") else { return nil }
    let zone = value.hasPrefix(":") ? String(value.dropFirst()) : value
    return zone.isEmpty || isKnown(zone) || PosixZone.isWellFormed(zone) ? nil : value
  }

  /// Whether this machine has a zone of this name.
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

/// The supervisor that started this service (sd_notify(3)). Without one, nothing is sent.
public enum Supervisor {
  /// The longest interval at which it expects `WATCHDOG=1`; nil if it expects none.
  public static var watchdogNanoseconds: Int64? {
    CurrentProcess.environment("WATCHDOG_USEC").flatMap(Int64.init).map {
      let (nanoseconds, hasOverflown) = $0.multipliedReportingOverflow(by: 1000)
      return hasOverflown ? ($0 < 0 ? .min : .max) : nanoseconds
    }
  }

  /// Announces that the settings are being reloaded; `READY=1` ends the reload.
  public static func notifyReloading() {
    notify("RELOADING=1\nMONOTONIC_USEC=\(SystemClock.monotonicNanoseconds / 1000)")
  }

  /// Sends lines such as `READY=1` to `NOTIFY_SOCKET`.
  public static func notify(_ lines: String) {
    guard let socket = CurrentProcess.environment("NOTIFY_SOCKET"), !socket.isEmpty else { return }
    // An error is ignored: there is nobody to report it to.
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

  /// Judged by its release number; distributions backport features to older ones.
  public static func isAtLeast(_ major: Int32, _ minor: Int32) -> Bool { hc_kernel_is_at_least(major, minor) }
}

/// The process and its user.
public enum CurrentProcess {
  /// Makes up for how the process was started: with standard streams closed, with signals blocked, or as the first of its PID
  /// namespace, as in a container, where by default no signal ends it (pid_namespaces(7)). Call first.
  public static func begin() { hc_process_begin() }
  /// Processors that this process may run on (sched_getaffinity(2)).
  public static var processorCount: Int { Int(hc_processor_count()) }
  /// The peak resident set size so far, in bytes.
  public static var peakResidentBytes: UInt64 { hc_peak_resident_bytes() }
  /// Clears the umask, so that new folders get exactly the requested mode.
  public static func clearUmask() { hc_clear_umask() }
  /// The umask that the process was started with.
  public static var firstUmask: UInt32 { hc_first_umask() }
  /// Whether a seccomp filter is in force.
  public static var isFiltered: Bool { hc_is_filtered() }
  /// Whether an environment variable is set and not empty.
  public static func environmentHas(_ name: String) -> Bool { unsafe hc_environment_has(name) }
  public static func environment(_ name: String) -> String? {
    unsafe hc_environment(name).map { unsafe String(cString: $0) }
  }
  /// Whether this process runs in an OCI container, judged by the variable that podman and hotcold's own image set.
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
  /// Without the program's own name. Taken from the list that execve(2) passed: `CommandLine.arguments` needs /proc, and a
  /// command that seems to have no arguments would print its help and succeed.
  public static var arguments: [String] {
    (1..<max(1, hc_argument_count())).map { unsafe String(cString: hc_argument($0)) }
  }
  /// Whether `arguments` has every argument as it was passed: bytes that are not UTF-8 are replaced, and a path with such bytes
  /// would become the path of something else.
  public static var areArgumentsText: Bool {
    (1..<max(1, hc_argument_count())).allSatisfy {
      unsafe String(validatingCString: hc_argument($0)) != nil
    }
  }
  /// The absolute path of the working folder, without links.
  public static func workingFolder() throws(KernelError) -> FilePath {
    var buffer = [CChar](repeating: 0, count: 4096)  // PATH_MAX
    try KernelError.check(unsafe hc_working_folder(&buffer, buffer.count), .workingFolder, "")
    return FilePath(platformString: buffer)
  }
  public static var isRoot: Bool { hc_effective_uid() == 0 }
  public static var effectiveUser: UInt32 { hc_effective_uid() }
  /// How many descriptors this process may have open (RLIMIT_NOFILE).
  public static var descriptorLimit: Int { Int(clamping: hc_descriptor_limit()) }
  /// Raises that limit to `wanted`, as far as the hard limit permits: the soft one is usually 1024 for the sake of select(2).
  public static func raiseDescriptorLimit(to wanted: Int) { hc_raise_descriptor_limit(UInt64(wanted)) }
  public static func isMember(ofGroup group: UInt32) -> Bool { hc_is_member(group) }
}

/// The user database (passwd(5) and whatever nsswitch.conf(5) adds).
public enum Users {
  /// The login name, or `#` and the number if the machine knows none.
  public static func name(of user: UInt32) -> String {
    let capacity = 256
    return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
      let result = unsafe hc_user_name(user, buffer.baseAddress, capacity)
      return unsafe result == 0 ? String(cString: buffer.baseAddress!) : "#\(user)"
    }
  }

  /// Whether the folder is the home folder of root or an ordinary user. Those of system accounts do not count:
  /// on Debian the home of www-data is /var/www.
  public static func isHome(_ folder: borrowing Directory) -> Bool { hc_is_home(folder.descriptor) }
}

/// Suspends this thread.
public func pause(microseconds: UInt32) { hc_sleep_us(microseconds) }
