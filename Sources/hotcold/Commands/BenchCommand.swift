import ArgumentParser
import Bench
import CaptureLayout
import KernelIO
import Migration
import Reporting
import SystemPackage

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measures hotcold on the file system of a folder, and compares with earlier figures.",
    discussion: """
      Creates captures of empty files in a folder of its own, measures each command alternately with bare loops of system \
      calls, and removes the captures. With --baseline the exit status is 0 for the same or better, 1 for worse, and 75 \
      if it is too noisy to tell.
      """)

  @Argument(
    help: "A folder on the file system to measure; not a capture.", completion: .directory,
    transform: pathArgument)
  var directory: FilePath
  @Option(
    help: ArgumentHelp(
      "How many files, such as 100k,300k,700k,1.4M; no more than there is room for.", valueName: "n,..."))
  var files = Sizes(argument: "100k")!
  @Option(
    help: ArgumentHelp(
      "How often each is measured; with --baseline twice as often if that is inconclusive.", valueName: "n"))
  var runs = 7
  @Option(
    help: ArgumentHelp("Save the figures in this file.", valueName: "file"), completion: .file(),
    transform: pathArgument)
  var save: FilePath?
  @Option(
    help: ArgumentHelp("Compare with the figures that --save wrote to this file.", valueName: "file"),
    completion: .file(),
    transform: pathArgument)
  var baseline: FilePath?
  @Option(help: ArgumentHelp("By how much a figure may differ from the baseline.", valueName: "percent"))
  var tolerance = Percentage(argument: "25%")!
  @Option(help: ArgumentHelp("By how much the time of a bare loop may differ from it.", valueName: "percent"))
  var floorTolerance = Percentage(argument: "50%")!
  @Flag(help: "Refuse a baseline of another kernel, processor, file system, mount option or seccomp filter.")
  var sameMachine = false
  @OptionGroup var output: BenchOutput

  struct BenchOutput: ParsableArguments {
    @Option(help: "How the figures are printed: text, json, ndjson.")
    var format = OutputFormat.text
    @Flag(name: .shortAndLong, help: "Print only errors and the figures.")
    var quiet = false
  }

  func validate() throws {
    guard (3...1000).contains(runs) else { throw ValidationError("--runs takes a number from 3 to 1000.") }
    if sameMachine, baseline == nil { throw ValidationError("--same-machine requires --baseline.") }
  }

  func run() throws {
    try GivenSettings(flags: []).useTimeZone()
    StopSignal.install()
    let console = Console(isQuiet: output.quiet)
    let old = try baseline.map(load)
    if let save {
      do throws(KernelError) { try Baseline.checkPlace(save) } catch { throw Self.notSaved(error) }
    }
    let start = SystemClock.monotonicNanoseconds
    var tolerances = BenchComparison.Tolerances()
    tolerances.ratios = tolerance.part
    tolerances.floors = floorTolerance.part
    let results: BenchResults
    do throws(BenchError) {
      var bench = Bench(in: directory, sizes: files.counts, runs: runs)
      try bench.prepare { tell($0, console) }
      if let old { try check(old, bench.sizes) }
      results = try bench.run(
        isEnough: { size in old.map { BenchComparison.tells(size, with: $0, tolerances) } ?? true },
        { tell($0, console) })
    } catch { throw try issue(error) }
    let comparison = old.map { BenchComparison(results, with: $0, tolerances) }
    if results.isDisturbed {
      console.warning(
        "other programs or virtual machines used the processors: these figures are noise, and no use as a baseline"
      )
    }
    let status = save != nil && results.isDisturbed ? ExitStatus.busy : Self.status(of: comparison?.verdict)
    try Output.print(text(results, comparison, status, start), console)
    if let save {
      do throws(KernelError) { try Baseline.save(results, to: save) } catch { throw Self.notSaved(error) }
    }
    if status != .done { throw status.code }
  }

  private static func notSaved(_ error: KernelError) -> Issue {
    Issue(
      .notMeasured(
        Explanation.describe(error),
        remedy: "Give --save a new file, or one of its own, in a folder that this user may write to."))
  }

  private static func status(of verdict: BenchComparison.Verdict?) -> ExitStatus {
    switch verdict {
    case nil, .same, .better: .done
    case .worse: .incomplete
    case .noisy: .busy
    }
  }

  private func text(
    _ results: BenchResults, _ comparison: BenchComparison?, _ status: ExitStatus, _ start: Int64
  ) -> String {
    guard let form = output.format.form else {
      let table = BenchText.table(results, in: directory)
      return table + (comparison.map { "\n" + BenchText.comparison($0, with: baseline ?? directory) } ?? "")
    }
    return JSONReport.bench(
      results, comparison, folder: directory, exitCode: status.rawValue,
      elapsedNanoseconds: SystemClock.monotonicNanoseconds - start, as: form)
  }

  private func tell(_ event: Bench.Event, _ console: Console) {
    switch event {
    case .leftovers(let folders):
      for folder in folders {
        console.warning(
          "\(Explanation.text(folder)): left by a killed bench, and something in it was not created by bench. Look at it, and remove it yourself."
        )
      }
    case .bounded(let files, let most):
      console.warning(
        "\(Explanation.text(directory)): no room for \(Format.count(files)) files (df -h, df -i); measuring \(Format.count(most)) instead"
      )
    case .engineRefused(let engine, let reason): console.info("\(engine.rawValue) is not measured: \(reason)")
    case .round(let round, let of, let files):
      console.info("\(Format.count(files, "file")), round \(round) of \(of)")
    case .disturbed(let processors):
      console.info(
        "other programs used \(Format.oneDecimal(processors)) processors meanwhile; measuring again")
    }
  }

  // MARK: errors

  private func load(_ path: FilePath) throws -> BenchResults {
    let anew = "Save a new one: hotcold bench \(Explanation.text(directory)) --save FILE"
    do throws(Baseline.Failure) { return try Baseline.load(path) } catch {
      switch error {
      case .stopped(let error):
        throw Issue(.usage("\(Explanation.describe(error))", remedy: anew))
      case .unreadable(let path):
        throw Issue(
          .usage("\(Explanation.text(path)): not the figures of a bench, or truncated", remedy: anew))
      case .otherFormat(let path, let format):
        throw Issue(
          .usage(
            "\(Explanation.text(path)): from another version of hotcold (format \(format))", remedy: anew))
      case .changed(let path):
        throw Issue(
          .usage("\(Explanation.text(path)): its figures were changed after they were saved", remedy: anew))
      }
    }
  }

  /// Refuses a baseline without figures for these sizes before minutes are spent on them.
  private func check(_ old: BenchResults, _ sizes: [Int]) throws(BenchError) {
    let missing = sizes.filter { count in !old.sizes.contains { $0.files == count } }
    guard missing.isEmpty else { throw .notInBaseline(sizes: missing, measured: old.sizes.map(\.files)) }
    guard sameMachine else { return }
    let differences: [String]
    do throws(KernelError) { differences = try old.machineDifferences(in: directory) } catch {
      throw .stopped(error)
    }
    guard differences.isEmpty else { throw .otherMachine(differences) }
  }

  private func issue(_ error: BenchError) throws -> Issue {
    let text = Explanation.text(directory)
    switch error {
    case .interrupted(let signal): throw ExitStatus.interrupted(by: signal).code
    case .stopped(let error): return Issue(.stopped(.ofCall(error, in: directory)), in: directory)
    case .notInBaseline(let sizes, let measured):
      let (wanted, there) = (sizes, measured)
      return Issue(
        .usage(
          "\(Explanation.text(baseline ?? directory)): has no figures for \(wanted.map { Format.count($0) }.joined(separator: " and ")) files",
          remedy: "It has them for --files \(there.map(String.init).joined(separator: ","))."))
    case .otherMachine(let differences):
      return Issue(
        .usage(
          "\(Explanation.text(baseline ?? directory)): from another machine: \(printable(differences.joined(separator: "; ").utf8))",
          remedy: "Save one here (--save), or leave out --same-machine."))
    case .isCapture:
      return Issue(
        .usage(
          "\(text): a capture, or inside one",
          remedy:
            "Name a folder beside it, on the same file system: bench creates files there and removes them."))
    case .noRoom(_, let files):
      return Issue(
        .notMeasured(
          "\(text): no room for the captures of a bench",
          remedy:
            "There is room for \(Format.count(files, "file")), but fewer than \(Format.count(Bench.filesMin)) tell nothing (df -h, df -i)."
        ))
    case .mayReplace(_, let fileSystem):
      return Issue(
        .notMeasured(
          "\(text): \(fileSystem) cannot rename without the risk of replacing a file (RENAME_NOREPLACE), so there is nothing to measure",
          remedy: "Name a folder on the machine that has the disk."
        ))
    case .failed(let arguments, let status, let errors):
      return Issue(
        .notMeasured(
          "hotcold \(printable(arguments.joined(separator: " ").utf8)) ended with status \(status)",
          remedy: Self.lastWords(of: errors, status)
        ))
    }
  }

  private static func lastWords(of errors: String, _ status: Int32) -> String {
    // The shell's convention for a program that cannot be executed.
    if status == 127 { return "It could not be started again: that needs /proc." }
    if status > 128 { return "It was ended by signal \(status - 128)." }
    return errors.split(separator: "\n").last.map { printable($0.utf8) } ?? "It printed no error."
  }

  // MARK: values

  /// "100k,1.4M".
  struct Sizes: ExpressibleByArgument {
    let counts: [Int]
    let defaultValueDescription: String

    init?(argument: String) {
      let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
      let counts = parts.compactMap { SampleCommand.FileCount(argument: String($0))?.count }
      guard counts.count == parts.count else { return nil }
      self.counts = counts
      defaultValueDescription = argument
    }
  }

  /// "25%".
  struct Percentage: ExpressibleByArgument {
    private static let percentMax = 1000.0
    let part: Double
    let defaultValueDescription: String

    init?(argument: String) {
      let digits = argument.hasSuffix("%") ? argument.dropLast() : Substring(argument)
      guard digits.allSatisfy({ $0.isNumber || $0 == "." }), let number = Double(digits),
        (1...Self.percentMax).contains(number)
      else { return nil }
      part = number / 100
      defaultValueDescription = argument
    }
  }
}
