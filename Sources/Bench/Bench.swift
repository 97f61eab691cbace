internal import CaptureLayout
internal import FoundationEssentials
internal import KernelIO
public import Migration
internal import Reporting
public import SystemPackage

/// Makes captures in a folder and measures this program there: the commands in turn, and the bare loops of system calls that
/// are the floor for a single thread.
///
///     a round:  fresh capture ─▶ looks, dry run, renames
///               fresh capture ─▶ execution by an engine ─▶ (the first engine:) verify, revert    for each engine
public struct Bench: Sendable {
  public var folder: FilePath
  public var sizes: [Int]
  public var runs: Int

  /// With fewer files, start-up would dominate the measurement.
  public static let filesMin = 1000

  /// - Parameters:
  ///   - folder: the folder on the file system to measure; captures are made below it and removed.
  ///   - sizes: the numbers of files in the captures to measure.
  ///   - runs: the number of rounds for each size.
  public init(in folder: FilePath, sizes: [Int], runs: Int) {
    self.folder = folder
    self.sizes = sizes
    self.runs = runs
  }

  /// What a benchmark reports while it runs.
  public enum Event: Sendable {
    /// Folders left by killed runs that were not removed, such as those that contain something that no benchmark made.
    case leftovers([FilePath])
    /// A size that there is no room for, and the one that is measured instead.
    case bounded(files: Int, to: Int)
    case engineRefused(EngineChoice, String)
    /// Before a round: its number, the number of rounds, and the size.
    case round(Int, of: Int, files: Int)
    /// Others used this many processors during a round: it does not count, and is repeated.
    case disturbed(Double)
  }

  /// Removes what killed runs left, refuses unsuitable folders, and limits the sizes to the available room.
  public mutating func prepare(_ tell: (Event) -> Void) throws(BenchError) {
    guard !CapturePath.isInCapture(folder, .guide) else { throw .isCapture(folder) }
    do throws(KernelError) {
      let left = try BenchFolder.removeLeftovers(in: folder)
      if !left.isEmpty { tell(.leftovers(left)) }
    } catch { throw .stopped(error) }
    sizes = try boundedSizes(tell)
    try checkRenames()
  }

  /// Measures all sizes. Call `prepare` first.
  ///
  /// - Parameters:
  ///   - isEnough: called after a size has been measured; if false, as many rounds are made once more.
  ///   - tell: called for each event.
  public func run(
    isEnough: (BenchResults.SizeResults) -> Bool = { _ in true }, _ tell: (Event) -> Void
  ) throws(BenchError) -> BenchResults {
    let commands = Self.commands(tell)
    var results: BenchResults
    do throws(KernelError) {
      let machine = try BenchMachine(of: try Directory.open(folder))
      results = BenchResults(hotcold: Version.number, machine: machine)
    } catch { throw .stopped(error) }
    for files in sizes {
      results.sizes.append(try measure(files, commands, results.machine, isEnough, tell))
    }
    return results
  }

  // MARK: sizes

  /// The bytes that a file takes: its inode and entry, as far as a file system counts them. A tmpfs counts neither and keeps them
  /// in memory: there it is the memory that they and the program's own list take, doubled.
  private static func bytesPerFile(_ fileSystem: FileSystemStatus) -> UInt64 {
    fileSystem.isInMemory ? 2048 : 512
  }

  private func boundedSizes(_ tell: (Event) -> Void) throws(BenchError) -> [Int] {
    let fileSystem: FileSystemStatus
    do throws(KernelError) { fileSystem = try Directory.open(folder).fileSystem() } catch {
      throw .stopped(error)
    }
    guard !fileSystem.isReadOnly else {
      throw .stopped(KernelError(.access, folder, .readOnlyFileSystem))
    }
    // A tenth stays free for other writers.
    let inodes = fileSystem.freeInodes.map { $0 / 10 * 9 } ?? .max
    let ofBytes = fileSystem.bytes == 0 ? .max : fileSystem.freeBytes / Self.bytesPerFile(fileSystem) / 10 * 9
    // Rounded, so that the next run gets the same size even if a few files have been added meanwhile.
    let most = Self.roundedDown(Int(clamping: min(inodes, ofBytes)))
    guard most >= min(Self.filesMin, sizes.min() ?? 0) else { throw .noRoom(folder, files: most) }
    var bounded: [Int] = []
    for files in sizes {
      if files > most { tell(.bounded(files: files, to: most)) }
      if !bounded.contains(min(files, most)) { bounded.append(min(files, most)) }
    }
    return bounded
  }

  /// Rounds down to 1, 2 or 5 times a power of ten.
  static func roundedDown(_ count: Int) -> Int {
    var round = 0
    var power = 1
    while power <= count {
      for factor in [1, 2, 5] where power * factor <= count { round = power * factor }
      guard power <= Int.max / 100 else { break }
      power *= 10
    }
    return round
  }

  private func checkRenames() throws(BenchError) {
    let fileSystem: FileSystemStatus
    let isSafe: Bool
    do throws(KernelError) {
      fileSystem = try Directory.open(folder).fileSystem()
      let own = try BenchFolder(in: folder)
      do throws(KernelError) { isSafe = try own.refusesToReplace() } catch {
        try own.remove()
        throw error
      }
      try own.remove()
    } catch { throw .stopped(error) }
    if !isSafe { throw .mayReplace(folder, fileSystem: fileSystem.name) }
  }

  // MARK: commands

  private struct Command: Sendable {
    let name: String
    let arguments: [String]
    let loop: BenchResults.BareLoop
  }

  private static let dryRun = Command(name: "dry run", arguments: ["migrate"], loop: .looks)
  private static let verify = Command(name: "verify", arguments: ["verify"], loop: .looks)
  private static let revert = Command(
    name: "revert", arguments: ["revert", "--execute", "--yes"], loop: .renames)

  private struct Commands: Sendable {
    var executions: [Command]
    var all: [Command] { [dryRun] + executions + [verify, revert] }
  }

  /// The commands, with an execution by each engine that is available.
  private static func commands(_ tell: (Event) -> Void) -> Commands {
    var executions: [Command] = []
    for engine in EngineChoice.allCases {
      do throws(KernelError) { _ = try Engine.choose(engine) } catch {
        tell(.engineRefused(engine, engine == .ioUring ? Engine.refusalReason(error) : "\(error.errno)"))
        continue
      }
      executions.append(
        Command(
          name: "execute, \(engine.rawValue)",
          arguments: ["migrate", "--execute", "--yes", "--engine", engine.rawValue], loop: .renames))
    }
    return Commands(executions: executions)
  }

  // MARK: measuring

  private func measure(
    _ files: Int, _ commands: Commands, _ machine: BenchMachine,
    _ isEnough: (BenchResults.SizeResults) -> Bool,
    _ tell: (Event) -> Void
  ) throws(BenchError) -> BenchResults.SizeResults {
    var results = BenchResults.SizeResults(
      files: files, loops: BenchResults.BareLoop.allCases.map { BenchResults.LoopResults(loop: $0) },
      commands: commands.all.map { BenchResults.CommandResults(name: $0.name, loop: $0.loop) })
    var wanted = runs
    var disturbedLeft = runs
    var done = 0
    while done < wanted {
      tell(.round(done + 1, of: wanted, files: files))
      let load = MachineLoad()
      let round = try measureRound(done, files, commands)
      let (others, stolen) = load.sinceStart
      if disturbedLeft > 0,
        MachineLoad.disturbs(others: others, stolen: stolen, processors: machine.processors)
      {
        disturbedLeft -= 1
        tell(.disturbed(others + stolen))
        continue
      }
      results.add(round)
      results.othersMax = max(results.othersMax, others)
      results.stolenMax = max(results.stolenMax, stolen)
      done += 1
      // If others use the processors all the time, more rounds tell nothing.
      if done == wanted, wanted == runs, disturbedLeft > 0, !isEnough(results) { wanted += runs }
    }
    return results
  }

  /// Each round begins with a different command.
  private func measureRound(_ round: Int, _ files: Int, _ commands: Commands) throws(BenchError) -> Round {
    let own: BenchFolder
    do throws(KernelError) { own = try BenchFolder(in: folder) } catch { throw .stopped(error) }
    var figures = Round()
    var failure: BenchError?
    do throws(BenchError) {
      let executions = commands.executions
      for turn in 0...executions.count {
        let index = (turn + round) % (executions.count + 1)
        try makeCapture(files, in: own)
        if index == executions.count {
          try measureFlat(own, round, &figures)
        } else {
          try measure(executions[index], own, &figures)
          if index == 0 {
            try measure(Self.verify, own, &figures)
            try measure(Self.revert, own, &figures)
          }
        }
      }
    } catch { failure = error }
    do throws(KernelError) { try own.remove() } catch { throw failure ?? .stopped(error) }
    if let failure { throw failure }
    return figures
  }

  private func measureFlat(
    _ own: borrowing BenchFolder, _ round: Int, _ figures: inout Round
  ) throws(BenchError) {
    if round % 2 == 0 { try measure(Self.dryRun, own, &figures) }
    do throws(KernelError) { figures.loops[.looks] = try BareCapture(own.capture).nanosecondsOfLooks() } catch
    {
      throw .stopped(error)
    }
    if round % 2 == 1 { try measure(Self.dryRun, own, &figures) }
    do throws(KernelError) {
      figures.loops[.renames] = try BareCapture(own.capture).nanosecondsOfRenames(syncs: true)
    } catch { throw .stopped(error) }
  }

  private func makeCapture(_ files: Int, in own: borrowing BenchFolder) throws(BenchError) {
    do throws(KernelError) { try own.removeCapture() } catch { throw .stopped(error) }
    do throws(SampleCapture.Failure) { try SampleCapture(files: files).make(at: own.capture) } catch {
      switch error {
      case .notEmpty(let path): throw .stopped(KernelError(.create, path, .directoryNotEmpty))
      case .kernel(let error): throw .stopped(error)
      case .interrupted(let signal): throw .interrupted(signal)
      }
    }
    // Otherwise the writeback would slow down what is measured next.
    do throws(KernelError) { try own.directory.syncFileSystem() } catch { throw .stopped(error) }
  }

  private func measure(
    _ command: Command, _ own: borrowing BenchFolder, _ figures: inout Round
  ) throws(BenchError) {
    if let signal = StopSignal.pending { throw .interrupted(signal) }
    let arguments =
      command.arguments + ["--layout", Layout.guide.name, "--format", "json", BenchFolder.captureName]
    let result: ChildProcess.Result
    do throws(KernelError) {
      result = try ChildProcess.run(
        arguments, environment: CurrentProcess.environment(without: "HOTCOLD_"), in: own.directory)
    } catch { throw .stopped(error) }
    if let signal = StopSignal.pending { throw .interrupted(signal) }
    guard result.status == 0, let report = try? JSONDecoder().decode(Report.self, from: Data(result.output))
    else {
      throw .failed(
        arguments, status: result.status, errors: String(decoding: result.errors, as: UTF8.self))
    }
    figures.commands[command.name] = Round.Command(nanoseconds: result.nanoseconds, report: report)
  }
}

/// The measured part of the program's own report.
struct Report: Decodable {
  let engine: String?
  let peakResidentBytes: Double?
  let ringRequests: Double?
  let ringSubmissions: Double?
}

/// The figures of one round.
private struct Round {
  struct Command {
    let nanoseconds: Int64
    let report: Report
  }

  var loops: [BenchResults.BareLoop: Int64] = [:]
  var commands: [String: Command] = [:]
}

extension BenchResults.SizeResults {
  fileprivate mutating func add(_ round: Round) {
    for index in loops.indices {
      guard let nanoseconds = round.loops[loops[index].loop] else { continue }
      loops[index].seconds.append(Double(nanoseconds) / 1e9)
    }
    for index in commands.indices {
      guard let command = round.commands[commands[index].name], let floor = round.loops[commands[index].loop]
      else { continue }
      commands[index].seconds.append(Double(command.nanoseconds) / 1e9)
      commands[index].floorRatios.append(Double(command.nanoseconds) / Double(max(1, floor)))
      let report = command.report
      if let peak = report.peakResidentBytes { commands[index].peakResidentBytes.append(peak) }
      if let requests = report.ringRequests, let submissions = report.ringSubmissions, submissions > 0 {
        commands[index].ringBatches.append(requests / submissions)
      }
      commands[index].engine = report.engine
    }
  }
}
