internal import CaptureLayout
internal import KernelIO
public import Migration
public import Reporting
public import SystemPackage

/// The file that names captures, one a line.
public enum CapturesList {
  private static let bytesMax = 1 << 20

  /// Why it cannot be used, for the user, and the exit status of a command that cannot begin without it.
  public struct Failure: Error {
    public let message: String
    public let status: ExitStatus
  }

  /// The captures that are named, and those of the file: a regular one, or, with `orStream`, a pipe that is read to its
  /// end.
  public static func captures(
    _ named: [FilePath], from file: FilePath?, orStream: Bool = false
  ) throws(Failure) -> NamedCaptures {
    let lines = try lines(of: file, orStream: orStream)
    do throws(KernelError) { return try NamedCaptures(named, lines: lines) } catch {
      throw Failure(
        message: "\(Explanation.describe(error)). Give paths that begin with '/'.", status: .noCapture)
    }
  }

  /// What to say of a pattern that matches no folder.
  public static func warning(of pattern: [UInt8], in file: FilePath?) -> String {
    "\(file.map(Explanation.text) ?? ""): no folder matches \(printable(pattern))"
  }

  private static func lines(of file: FilePath?, orStream: Bool) throws(Failure) -> [[UInt8]] {
    guard let file else { return [] }
    let contents: [UInt8]
    do throws(KernelError) { contents = try readFile(at: file, limit: bytesMax, orStream: orStream) } catch {
      throw Failure(
        message: "\(Explanation.unreadable(error)). Check the path given to --captures-from.",
        status: .noCapture)
    }
    if let line = TextLines.lineWithControlCharacter(contents) {
      throw Failure(
        message:
          "\(Explanation.text(file)), line \(line): a control character. Give plain text, one capture a line.",
        status: .usage)
    }
    return CapturesFile(parsing: contents).paths
  }
}
