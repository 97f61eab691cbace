internal import CLiburing
internal import SystemPackage

/// What the processors of the machine have done so far (proc(5): /proc/stat), and for whom.
public struct ProcessorTimes: Sendable {
  private let busy: Int64
  private let stolen: Int64
  private let ofKernelThreads: Int64
  private let own: Int64
  private let moment: Int64

  private static let statBytesMax = 4 << 20
  /// PF_KTHREAD, linux/sched.h.
  private static let isKernelThread: Int64 = 0x20_0000

  /// Nil where /proc does not tell.
  public static var now: ProcessorTimes? {
    guard let contents = try? readFile(at: "/proc/stat", limit: statBytesMax),
      let line = contents.split(separator: UInt8(ascii: "\n")).first, line.starts(with: "cpu ".utf8)
    else { return nil }
    // user nice system idle iowait irq softirq steal
    let ticks = numbers(line.dropFirst(4))
    guard ticks.count >= 8 else { return nil }
    return ProcessorTimes(
      busy: nanoseconds(ticks[0] &+ ticks[1] &+ ticks[2]), stolen: nanoseconds(ticks[7]),
      ofKernelThreads: nanoseconds(kernelThreadTicks), own: hc_processor_ns_used(),
      moment: SystemClock.monotonicNanoseconds)
  }

  /// How many processors other programs had since then, on average: not this process, its children, and the threads of the
  /// kernel, which work for a loop device, for instance.
  public func others(since earlier: ProcessorTimes) -> Double {
    processors(
      (busy - earlier.busy) - (own - earlier.own) - (ofKernelThreads - earlier.ofKernelThreads), earlier)
  }

  /// How many processors the hypervisor had given to other machines.
  public func stolen(since earlier: ProcessorTimes) -> Double { processors(stolen - earlier.stolen, earlier) }

  private func processors(_ nanoseconds: Int64, _ earlier: ProcessorTimes) -> Double {
    max(0, Double(nanoseconds)) / Double(max(1, moment - earlier.moment))
  }

  private static var kernelThreadTicks: Int64 {
    guard let processes = try? Directory.open("/proc"), var stream = try? DirectoryStream(of: processes)
    else {
      return 0
    }
    var sum: Int64 = 0
    func add(_ entry: borrowing DirectoryEntry) {
      let name = entry.name
      guard name.indices.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(name[$0]) }),
        let stat = try? readFile(at: FilePath("/proc/\(String(copying: name))/stat"), limit: 4096)
      else { return }
      // The name of the program is in brackets, and may have any in it.
      let afterName = stat.lastIndex(of: UInt8(ascii: ")")).map { $0 + 1 } ?? 0
      let fields = numbers(stat[afterName...])
      // After the state, which is no number: ppid 1, …, flags 6, …, utime 11, stime 12 (counted from the state).
      guard fields.count > 12, fields[6] & isKernelThread != 0 else { return }
      sum &+= fields[11] &+ fields[12]
    }
    while (try? stream.nextWindow({ entry throws(KernelError) in add(entry) })) == true {}
    return sum
  }

  private static func nanoseconds(_ ticks: Int64) -> Int64 {
    let ofOne = 1_000_000_000 / Int64(max(1, hc_clock_ticks()))
    return ticks.multipliedReportingOverflow(by: ofOne).partialValue
  }

  /// What is no number counts as 0, so that all others keep their places.
  private static func numbers(_ line: ArraySlice<UInt8>) -> [Int64] {
    line.split(separator: UInt8(ascii: " ")).map { Int64(String(decoding: $0, as: UTF8.self)) ?? 0 }
  }
}

extension String {
  fileprivate init(copying bytes: Span<UInt8>) {
    self.init(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
  }
}
