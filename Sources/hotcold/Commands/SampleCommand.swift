import ArgumentParser
import KernelIO
import Migration
import Reporting
import SystemPackage

struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample",
    abstract: "Creates a flat capture to try things out on.",
    discussion: """
      One third of the files are segments beside a live playlist, two thirds are captures, thumbnails and metadata in captures/. \
      The same seed gives the same names and the same steps between modification times.
      """)

  @Argument(
    help: "The folder to create; it must be new or empty.", completion: .directory,
    transform: pathArgument)
  var directory: FilePath
  @Option(help: ArgumentHelp("How many files, such as 300000, 100k or 1.4M.", valueName: "n"))
  var files: FileCount
  @Option(
    help: ArgumentHelp(
      "The time from the first file to the last, such as 90m, 24h or 14d.", valueName: "time"))
  var span = Period(argument: "24h")!
  @Option(help: ArgumentHelp("Seed of the modification times.", valueName: "n"))
  var seed: UInt64 = 1
  @Option(help: ArgumentHelp("Bytes in each file.", valueName: "bytes"))
  var fileBytes = 0
  @Flag(name: .shortAndLong, help: "Print errors only.")
  var quiet = false

  func validate() throws {
    let largest = 1 << 30
    guard (0...largest).contains(fileBytes) else {
      throw ValidationError("--file-bytes takes a number from 0 to \(largest).")
    }
  }

  func run() throws {
    try GivenSettings(flags: []).useTimeZone()
    StopSignal.install()
    let sample = SampleCapture(
      files: files.count, spanSeconds: span.seconds, seed: seed, fileBytes: fileBytes)
    let console = Console(isQuiet: quiet)
    let display = ProgressDisplay(isQuiet: quiet, console: console)
    do throws(SampleCapture.Failure) {
      defer { display.finish() }
      try sample.make(at: directory, progressed: display.progressed)
    } catch {
      console.error("\(Explanation.of(error))")
      switch error {
      case .notEmpty: throw ExitStatus.usage.code
      case .kernel(let error) where error.errno == .permissionDenied:
        throw ExitStatus.permissionDenied.code
      case .kernel: throw ExitStatus.ioError.code
      case .interrupted(let signal): throw ExitStatus.interrupted(by: signal).code
      }
    }
  }

  /// "100k", "1.4M".
  struct FileCount: ExpressibleByArgument {
    private static let countMax = 100_000_000.0
    let count: Int

    init?(argument: String) {
      var digits = Substring(argument)
      var factor = 1.0
      if let last = argument.last, let unit = ["k": 1e3, "K": 1e3, "m": 1e6, "M": 1e6][last] {
        factor = unit
        digits = digits.dropLast()
      }
      guard digits.allSatisfy({ $0.isNumber || $0 == "." }), let number = Double(digits),
        (1...Self.countMax).contains(number * factor)
      else { return nil }
      count = Int((number * factor).rounded())
    }
  }

  /// "24h".
  struct Period: ExpressibleByArgument {
    private static let secondsMax = 3650 * 86_400
    let seconds: Int64
    let defaultValueDescription: String

    init?(argument: String) {
      let units = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
      guard let last = argument.last, let unit = units[String(last)],
        let number = Int(argument.dropLast()), (0...Self.secondsMax / unit).contains(number)
      else { return nil }
      seconds = Int64(number * unit)
      defaultValueDescription = argument
    }
  }
}
