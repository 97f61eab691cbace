public import KernelIO
public import SystemPackage

extension BenchMachine {
  private static let unknown = "unknown"

  /// This machine, and the file system of a folder.
  init(of directory: borrowing Directory) throws(KernelError) {
    self.init(
      kernel: Kernel.release, processors: CurrentProcess.processorCount,
      processorModel: Self.model ?? Self.unknown, fileSystem: try directory.fileSystem().name,
      mountOptions: MountTable.options(of: directory) ?? Self.unknown,
      seccompFilter: CurrentProcess.isFiltered)
  }

  /// The model of the processor; nil if /proc/cpuinfo has none, as on arm64.
  private static var model: String? {
    let largest = 4 << 20
    guard let contents = try? readFile(at: "/proc/cpuinfo", limit: largest) else { return nil }
    for line in contents.split(separator: UInt8(ascii: "\n")) where line.starts(with: "model name".utf8) {
      let value = line.drop { $0 != UInt8(ascii: ":") }.dropFirst().drop { $0 == UInt8(ascii: " ") }
      return String(decoding: value, as: UTF8.self)
    }
    return nil
  }

  /// The differences from another machine, in words: "kernel 6.12 (was 6.1)".
  func differences(from other: BenchMachine) -> [String] {
    func difference(
      _ name: String, _ own: some Equatable & CustomStringConvertible, _ others: some CustomStringConvertible
    )
      -> String?
    { "\(own)" == "\(others)" ? nil : "\(name) \(own) (was \(others))" }
    return [
      difference("kernel", kernel, other.kernel), difference("processors", processors, other.processors),
      difference("processor", processorModel, other.processorModel),
      difference("file system", fileSystem, other.fileSystem),
      difference("mount options", mountOptions, other.mountOptions),
      difference("seccomp filter", seccompFilter ? "yes" : "no", other.seccompFilter ? "yes" : "no"),
    ].compactMap(\.self)
  }
}

extension BenchResults {
  /// The differences between this machine, with the file system of a folder, and the machine of these results.
  public func machineDifferences(in folder: FilePath) throws(KernelError) -> [String] {
    try BenchMachine(of: try Directory.open(folder)).differences(from: machine)
  }
}

/// What else the machine did during a measurement.
struct MachineLoad {
  private let start = ProcessorTimes.now

  /// Others may always use this many processors.
  static let othersMax = 0.2
  /// Others may use all but this many processors: a migration has two threads.
  static let keptMin = 2.5

  /// The average number of processors used by other programs, and by other virtual machines, since this was created.
  var sinceStart: (others: Double, stolen: Double) {
    guard let start, let now = ProcessorTimes.now else { return (0, 0) }
    return (now.others(since: start), now.stolen(since: start))
  }

  /// Whether such a load was enough to slow down the measurement.
  static func disturbs(others: Double, stolen: Double, processors: Int) -> Bool {
    others + stolen > max(othersMax, Double(processors) - keptMin)
  }
}
