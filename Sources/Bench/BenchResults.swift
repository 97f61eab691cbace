/// What a benchmark measured: the raw figures of each run, so that they can be compared later.
public struct BenchResults: Codable, Equatable, Sendable {
  /// The version of this format.
  public static let currentFormat = 1

  public internal(set) var format = currentFormat
  public internal(set) var hotcold: String
  public internal(set) var machine: BenchMachine
  public internal(set) var sizes: [SizeResults] = []

  /// The results for captures with `files` files.
  public struct SizeResults: Codable, Equatable, Sendable {
    public let files: Int
    public internal(set) var loops: [LoopResults]
    public internal(set) var commands: [CommandResults] = []
    /// The average number of processors that other programs used during a round, and that other virtual machines took (stolen):
    /// the maxima over all rounds.
    public internal(set) var othersMax = 0.0
    public internal(set) var stolenMax = 0.0
  }

  /// A bare loop of system calls.
  public struct LoopResults: Codable, Equatable, Sendable {
    public let loop: BareLoop
    public internal(set) var seconds: [Double] = []
  }

  /// A command of hotcold: the figures of each run.
  public struct CommandResults: Codable, Equatable, Sendable {
    public let name: String
    /// The bare loop that it is measured against.
    public let loop: BareLoop
    public internal(set) var seconds: [Double] = []
    /// The ratio to the bare loop of the same round: 1 is the floor.
    public internal(set) var floorRatios: [Double] = []
    /// For `migrate` and `revert`.
    public internal(set) var peakResidentBytes: [Double] = []
    /// Renames per entry into the kernel, if a ring was used.
    public internal(set) var ringBatches: [Double] = []
    /// The engine that did the renames in the last run.
    public internal(set) var engine: String?
  }

  public enum BareLoop: String, Codable, CaseIterable, Sendable {
    /// getdents64(2) and statx(2), on one thread.
    case looks
    /// renameat2(2), on one thread.
    case renames
  }
}

/// The machine and file system of a measurement.
public struct BenchMachine: Codable, Equatable, Sendable {
  public internal(set) var kernel: String
  public internal(set) var processors: Int
  public internal(set) var processorModel: String
  public internal(set) var fileSystem: String
  /// The options of the mount and of the file system.
  public internal(set) var mountOptions: String
  /// Whether a seccomp filter is in force, as in a container.
  public internal(set) var seccompFilter: Bool
}

extension BenchResults {
  private static let figuresMax = 2000
  private static let largest = 1e15

  /// Whether a benchmark can have measured these figures: a file may contain anything.
  var isPlausible: Bool {
    let counts = sizes.map(\.files)
    guard Set(counts).count == counts.count, sizes.count <= Self.figuresMax, machine.processors > 0 else {
      return false
    }
    return sizes.allSatisfy { size in
      let loops = size.loops.map(\.loop)
      guard size.files > 0, Set(loops) == Set(BareLoop.allCases), loops.count == BareLoop.allCases.count,
        size.commands.count <= Self.figuresMax,
        [size.othersMax, size.stolenMax].allSatisfy({ (0...Self.largest).contains($0) })
      else { return false }
      return size.loops.allSatisfy { Self.arePlausible($0.seconds) }
        && size.commands.allSatisfy { command in
          let rounds = size.loops.first { $0.loop == command.loop }?.seconds.count
          return Self.arePlausible(command.seconds) && command.seconds.count == rounds
            && [command.floorRatios, command.peakResidentBytes, command.ringBatches].allSatisfy {
              $0.isEmpty || Self.arePlausible($0)
            }
        }
    }
  }

  private static func arePlausible(_ figures: [Double]) -> Bool {
    (1...figuresMax).contains(figures.count) && figures.allSatisfy { $0 >= 1e-9 && $0 <= largest }
  }
}
