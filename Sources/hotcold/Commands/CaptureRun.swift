import ArgumentParser
import CaptureLayout
import KernelIO
import Migration
import Reporting
import Synchronization
import SystemPackage

/// Options of the commands that move files.
struct MoveOptions: ParsableArguments {
  @Flag(help: "Do it. Without this flag nothing is written at all.")
  var execute = false
  @Flag(name: .shortAndLong, help: "Answer yes to the question of --execute.")
  var yes = false
  @Flag(help: "Do not wait until the moves would survive a power cut.")
  var noSync = false
}

extension ColdRootConflicts {
  /// Throws, before any capture is touched, if two captures of a command have cold roots that conflict, or one and a capture of
  /// the service.
  static func refuse(_ named: NamedCaptures, layout: (FilePath) -> Layout) throws(Issue) {
    let conflicts = ColdRootConflicts(among: named.withNeighbours, layout: layout)
    for capture in named.captures {
      if let conflict = conflicts[capture] { throw Issue(.stopped(.coldRootInTheWay(conflict)), in: capture) }
    }
  }
}

/// One run of `migrate` or `revert` over the named captures: question, engine, work, report, exit status.
struct CaptureRun {
  let command: String
  let engine: EngineChoice
  let options: MigrationOptions
  /// For the captures that have a layout of their own.
  let placements: [FilePath: Placement]
  let move: MoveOptions
  let output: OutputOptions

  /// Always throws: the exit code.
  func run(_ named: NamedCaptures) throws {
    let console = Console(isQuiet: output.quiet)
    let paths = named.captures
    try ColdRootConflicts.refuse(named) { placements[$0]?.layout ?? options.layout }
    StopSignal.install()
    CurrentProcess.clearUmask()
    if move.execute, !move.yes {
      try Confirmation.ask(about: paths, layout: options.target == .flat ? "the flat" : "new", console)
    }

    let start = SystemClock.monotonicNanoseconds
    let lines = CaptureLines(output.format)
    let report = try run(paths, console, lines)
    try show(report, since: start, lines, console)
  }

  /// Runs captures on different file systems concurrently, as far as the descriptor limit allows. Each thread has an engine
  /// of its own: a ring belongs to one thread.
  private func run(_ paths: [FilePath], _ console: Console, _ lines: CaptureLines) throws -> RunReport {
    let groups = CaptureGroups.byFileSystem(paths)
    let engine = try chooseEngine()
    let run = Mutex(RunReport(of: paths))
    // The calling thread is the last one, with the engine that was set up on it.
    nonisolated(unsafe) let mainEngine = engine
    let limit = CurrentProcess.descriptorLimit
    let threads = CaptureGroups.concurrentMax(groups.count, descriptorLimit: limit)
    let share = CaptureGroups.share(of: threads, descriptorLimit: limit)
    let begun = Atomic(0)
    Threads.run(threads) { thread in
      let engine = thread == threads - 1 ? mainEngine : mainEngine.another()
      while true {
        let group = begun.add(1, ordering: .relaxed).oldValue
        guard group < groups.count else { break }
        for position in groups[group] where StopSignal.pending == nil {
          let path = paths[position]
          let display = display(path, engine, console, isAlone: groups.count == 1)
          let report = engine.migrate(
            path, options: options(for: path, descriptorsMax: share), observer: display)
          display.finish()
          run.withLock { $0.set(report, at: position) }
          lines.print(JSONReport.line(report, command: command))
        }
      }
      run.withLock { $0.finish(engine) }
    }
    return run.withLock { $0 }
  }

  private func options(for path: FilePath, descriptorsMax: Int) -> MigrationOptions {
    var options = options
    options.descriptorsMax = descriptorsMax
    placements[path].map { options.take($0) }
    return options
  }

  private func chooseEngine() throws -> Engine {
    do throws(KernelError) { return try Engine.choose(engine) } catch {
      throw Issue(.engineUnavailable(error))
    }
  }

  private func display(
    _ path: FilePath, _ engine: Engine, _ console: Console, isAlone: Bool
  ) -> ProgressDisplay {
    if !StandardStream.error.isTerminal {
      let what = move.execute ? command : "\(command), dry run"
      console.info("\(Explanation.text(path)): \(what), engine \(engine.choice.rawValue)")
    }
    return ProgressDisplay(
      isQuiet: output.quiet, wantsMoves: output.verbose, isAlone: isAlone, console: console)
  }

  /// Always throws: the exit code.
  private func show(
    _ report: RunReport, since start: Int64, _ lines: CaptureLines, _ console: Console
  ) throws {
    let status = ExitStatus.combined(
      report.captures.map(ExitStatus.init(of:)), stopSignal: StopSignal.pending)
    let text = TextReport(isColoured: console.isColoured, command: command)
    for capture in report.captures {
      console.repeatErrors(capture.issues, command: command)
    }
    for path in report.notBegun {
      console.warning("\(Explanation.text(path)): interrupted before it began")
    }
    if let warning = report.engineWarning { console.warning("\(warning)") }
    if let form = output.format.form {
      let run = JSONReport.run(
        report, command: command, exitCode: status.rawValue,
        elapsedNanoseconds: SystemClock.monotonicNanoseconds - start, as: form)
      try lines.finish(with: run, console)
    } else if output.quiet {
      let errors = report.captures.flatMap(text.errors).map { $0 + "\n" }
      try Output.print(errors.joined(), console)
    } else {
      let parts = report.captures.map { text.render($0, of: report) }
      try Output.print(parts.joined(separator: "\n"), console)
    }
    throw status.code
  }
}
