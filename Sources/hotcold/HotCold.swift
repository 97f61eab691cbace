import Archiver
import ArgumentParser
import KernelIO
import Reporting

@main
struct Program {
  /// Enough for the many buckets of a long archive.
  private static let descriptorsWanted = 65_536

  // Not async: that needs another thread, and where none is granted (RLIMIT_NPROC) libdispatch waits for it for ever.
  static func main() {
    CurrentProcess.begin()
    let arguments = CurrentProcess.arguments
    CurrentProcess.raiseDescriptorLimit(to: descriptorsWanted)
    do {
      guard CurrentProcess.areArgumentsText else {
        throw ValidationError(
          "an argument is not UTF-8. Name captures with such names in a file, with --captures-from.")
      }
      if let message = UnknownCommand.message(arguments) { throw ValidationError(message) }
      var command = try HotCold.parseAsRoot(arguments)
      let console = Console(isQuiet: ReportOptions.areQuiet(in: arguments))
      for warning in GivenSettings.unknownVariables { console.warning(warning) }
      try command.run()
    } catch {
      exit(with: error, arguments)
    }
  }

  /// A command that cannot do its work says so on standard error, and as JSON if that was asked for.
  private static func exit(with error: any Error, _ arguments: [String]) -> Never {
    let form = OutputFormat.asked(in: arguments)?.form
    let command = arguments.first ?? ""
    if command == NextNumbersCommand.configuration.commandName, HotCold.exitCode(for: error) != .success {
      NextNumbersCommand.printFailure()
    }
    let mistake = (error as? SettingsMistake)?.issue()
    if let issue = error as? Issue ?? mistake {
      let status = ExitStatus(of: issue)
      Console(isQuiet: true).log(issue, command: command)
      print(issue, command, status.rawValue, form)
      HotCold.exit(withError: status.code)
    }
    // A command that throws an exit code has already printed its messages; help and the like are no errors.
    let exitCode = HotCold.exitCode(for: error)
    if !(error is ExitCode), exitCode != .success {
      let isKnown = HotCold.configuration.subcommands.contains { $0.configuration.commandName == command }
      let help = "See: hotcold \(isKnown ? "\(command) " : "")--help"
      print(Issue(.usage(HotCold.message(for: error), remedy: help)), command, exitCode.rawValue, form)
    }
    HotCold.exit(withError: error)
  }

  private static func print(_ issue: Issue, _ command: String, _ exitCode: Int32, _ form: JSONReport.Form?) {
    guard let form else { return }
    StandardStream.failWithoutSignal()
    let text = JSONReport.failure(issue, command: command, exitCode: exitCode, as: form)
    // Standard error has the same message.
    try? StandardStream.output.write(text)
  }
}

struct HotCold: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hotcold",
    abstract: "Moves video captures from the flat layout to the hot/cold layout.",
    discussion: """
      The newest files of each kind stay hot; all others go into folders by hour. A migration \
      overwrites and loses nothing, and copies only from one file system to another; a run can be stopped and started again at any point.

      Exit status: 0 done (also: nothing to do, dry run); 1 some files could not be moved, a check failed, or bench found something worse; \
      64 usage; 66 no such capture, or not a capture; 74 an I/O error stopped the run; 75 another run holds \
      the capture, or bench is too noisy to tell; 77 permission denied; 130, 143 interrupted.
      """,
    version: Version.number,
    subcommands: [
      MigrateCommand.self, VerifyCommand.self, RevertCommand.self, ArchiveCommand.self, SampleCommand.self,
      LayoutCommand.self, NextNumbersCommand.self, BenchCommand.self,
    ]
  )
}
