import ArgumentParser
import CaptureLayout
import KernelIO
import Migration
import Reporting
import SystemPackage

struct NextNumbersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "next-numbers",
    abstract: "Prints the numbers that a new encoder has to start with, for a shell.",
    discussion: """
      Prints two lines, next_segment=N and next_capture=N: numbers=$(hotcold next-numbers CAPTURE) && eval "$numbers" makes variables of them, or fails. \
      Stop the old encoder first: what it writes afterwards gets these numbers, and ffmpeg overwrites without asking.
      """)

  /// Enough for a segment of one minute at sixteen captures a second, which has 960.
  private static let capturesPerSegmentMax: Int64 = 1000
  /// If the live playlist is younger than this, its encoder may still be running.
  private static let quietSeconds: Int64 = 10

  @Argument(
    help: "The capture folder: the folder that ffmpeg writes to.", completion: .directory,
    transform: pathArgument)
  var capture: FilePath
  @Option(
    help: ArgumentHelp(
      """
      For a front end that computes a capture's number from its segment's: how many captures a segment has. \
      next_capture is then next_segment times this number.
      """, valueName: "n"))
  var capturesPerSegment: Int64?

  @OptionGroup var service: ServiceOptions
  @OptionGroup var layout: LayoutOptions

  func validate() throws {
    guard capturesPerSegment.map((0...Self.capturesPerSegmentMax).contains) ?? true else {
      throw ValidationError("--captures-per-segment takes a number from 0 to \(Self.capturesPerSegmentMax).")
    }
  }

  /// For a shell that evaluates what is printed: otherwise `eval` would succeed, and variables that were set for another capture
  /// would stay.
  static func printFailure() {
    try? StandardStream.output.write("unset next_segment next_capture; false\n")
  }

  func run() throws {
    let console = Console(isQuiet: false)
    let settings = try service.settings(flags: layout.flags)
    let placement = try settings.tieredPlacement()
    let named = try settings.captures([capture], console)
    let layout = try settings.placements(of: named, beside: placement)[capture]?.layout ?? placement.layout
    var numbers: NextNumbers
    do throws(MigrationError) { numbers = try NextNumbers(of: capture, layout) } catch {
      throw Issue(.stopped(error), in: capture)
    }
    if let capturesPerSegment, capturesPerSegment > 0 {
      guard let aligned = numbers.aligned(capturesPerSegment: capturesPerSegment) else {
        console.error("\(Explanation.text(capture)): the numbers are too large to be multiplied")
        throw ExitStatus.incomplete.code
      }
      numbers = aligned
    }
    for bucket in numbers.bucketsOfNoKind {
      let issue = Issue(.bucketOfNoKind(bucket, layout: layout.name), in: capture)
      console.warning("\(issue.explanation(for: "next-numbers"))")
    }
    if let seconds = numbers.secondsSincePlaylist, seconds < Self.quietSeconds {
      console.warning(
        "\(Explanation.text(capture)): the live playlist was written a moment ago. If its encoder is still running, stop it "
          + "and run this again.")
    }
    try Output.print("next_segment=\(numbers.segment)\nnext_capture=\(numbers.capture)\n", console)
  }
}
