internal import CLiburing
internal import SystemPackage

/// How the processors that this process may run on have spent their time so far (proc(5): /proc/stat).
public struct ProcessorTimes: Sendable {
  private let busyTicks: Int64
  private let stolenTicks: Int64
  private let ofKernelThreads: [KernelThread: Int64]
  private let ownNanoseconds: Int64
  private let moment: Int64

  private struct KernelThread: Hashable {
    let process: Int64
    /// Tells threads apart whose process ID has been reused.
    let startTicks: Int64
  }

  private static let statBytesMax = 4 << 20
  /// PF_KTHREAD, linux/sched.h.
  private static let kernelThreadFlag: Int64 = 0x20_0000

  /// The times at this moment; nil if /proc does not tell.
  public static var now: ProcessorTimes? {
    guard let contents = try? readFile(at: "/proc/stat", limit: statBytesMax) else { return nil }
    var (busy, stolen): (Int64, Int64) = (0, 0)
    var isKnown = false
    for line in contents.split(separator: UInt8(ascii: "\n")) where line.starts(with: "cpu".utf8) {
      // cpuN user nice system idle iowait irq softirq steal. The first line is the sum of all.
      let fields = line.split(separator: UInt8(ascii: " "))
      guard let processor = Int32(String(decoding: fields[0].dropFirst(3), as: UTF8.self)), fields.count > 8,
        hc_may_run_on(processor)
      else { continue }
      let ticks = numbers(fields.dropFirst())
      busy &+= ticks[0] &+ ticks[1] &+ ticks[2]
      stolen &+= ticks[7]
      isKnown = true
    }
    guard isKnown else { return nil }
    return ProcessorTimes(
      busyTicks: busy, stolenTicks: stolen, ofKernelThreads: kernelThreads,
      ownNanoseconds: hc_processor_ns_used(),
      moment: SystemClock.monotonicNanoseconds)
  }

  /// How many processors other programs have used since then, on average. This process, its children and kernel threads, which
  /// work for a loop device, for instance, do not count. In a PID namespace kernel threads are not visible, and count as others.
  public func others(since earlier: ProcessorTimes) -> Double {
    var ofKernel: Int64 = 0
    for (thread, ticks) in ofKernelThreads {
      ofKernel &+= ticks &- earlier.ofKernelThreads[thread, default: 0]
    }
    let ticks = (busyTicks &- earlier.busyTicks) &- ofKernel
    return processors(Self.nanoseconds(ticks) &- (ownNanoseconds &- earlier.ownNanoseconds), earlier)
  }

  /// How many processors the hypervisor has given to other virtual machines since then, on average (stolen time).
  public func stolen(since earlier: ProcessorTimes) -> Double {
    processors(Self.nanoseconds(stolenTicks &- earlier.stolenTicks), earlier)
  }

  private func processors(_ nanoseconds: Int64, _ earlier: ProcessorTimes) -> Double {
    max(0, Double(nanoseconds)) / Double(max(1, moment - earlier.moment))
  }

  private static var kernelThreads: [KernelThread: Int64] {
    guard let processes = try? Directory.open("/proc"), var stream = try? DirectoryStream(of: processes)
    else {
      return [:]
    }
    var threads: [KernelThread: Int64] = [:]
    func add(_ entry: borrowing DirectoryEntry) {
      let name = entry.name
      let text = String(decoding: name.indices.map { name[$0] }, as: UTF8.self)
      guard let process = Int64(text),
        let stat = try? readFile(at: FilePath("/proc/\(text)/stat"), limit: 4096)
      else { return }
      // The name of the program is in parentheses, and may itself contain any. After it: state, ppid, …, flags (6), …,
      // utime (11), stime, …, starttime (19).
      let afterName = stat.lastIndex(of: UInt8(ascii: ")")).map { $0 + 1 } ?? 0
      let fields = numbers(stat[afterName...].split(separator: UInt8(ascii: " "))[...])
      guard fields.count > 19, fields[6] & kernelThreadFlag != 0 else { return }
      threads[KernelThread(process: process, startTicks: fields[19])] = fields[11] &+ fields[12]
    }
    while (try? stream.nextWindow({ entry throws(KernelError) in add(entry) })) == true {}
    return threads
  }

  private static func nanoseconds(_ ticks: Int64) -> Int64 {
    let ofOne = 1_000_000_000 / Int64(max(1, hc_clock_ticks()))
    return ticks.multipliedReportingOverflow(by: ofOne).partialValue
  }

  /// A field that is not a number counts as 0, so that the others keep their positions.
  private static func numbers(_ fields: ArraySlice<ArraySlice<UInt8>>) -> [Int64] {
    fields.map { Int64(String(decoding: $0, as: UTF8.self)) ?? 0 }
  }
}
