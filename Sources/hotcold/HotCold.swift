import Archiver
import ArgumentParser
import KernelIO
import Reporting

@main
struct Program {
  // Not async: that takes a thread more, and where none is granted (RLIMIT_NPROC) libdispatch waits for it for ever.
  static func main() {
    if let message = UnknownCommand.message(CurrentProcess.arguments) {
      HotCold.exit(withError: ValidationError(message))
    }
    do {
      var command = try HotCold.parseAsRoot(CurrentProcess.arguments)
      try command.run()
    } catch let mistake as SettingsMistake {
      end(mistake.message, .usage)
    } catch let failure as CapturesList.Failure {
      end(failure.message, failure.status)
    } catch {
      HotCold.exit(withError: error)
    }
  }

  private static func end(_ message: String, _ status: ExitStatus) -> Never {
    Console(isQuiet: true).error(message)
    HotCold.exit(withError: status.code)
  }
}

struct HotCold: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hotcold",
    abstract: "Moves video captures from the flat layout to the hot/cold layout.",
    discussion: """
      The newest files of each kind stay hot, all others go into 24 hour-of-day folders. A migration \
      overwrites, copies and deletes nothing; a run can be stopped and started again at any point.

      Exit status: 0 done (also: nothing to do, dry run); 1 some files could not be moved or a check failed; \
      64 usage; 66 no such capture, or not a capture; 74 an I/O error stopped the run; 75 another run holds \
      the capture; 77 permission denied; 130, 143 interrupted.
      """,
    version: Version.number,
    subcommands: [
      MigrateCommand.self, VerifyCommand.self, RevertCommand.self, ArchiveCommand.self, SampleCommand.self,
      LayoutCommand.self, NextNumbersCommand.self,
    ]
  )
}
