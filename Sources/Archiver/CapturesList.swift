internal import CaptureLayout
internal import KernelIO
public import Reporting
public import SystemPackage

/// The file that names captures, one folder a line.
public enum CapturesList {
  private static let bytesMax = 1 << 20

  /// Why it cannot be used, for the user, and the exit status of a command that cannot begin without it.
  public struct Failure: Error {
    public let message: String
    public let status: ExitStatus
  }

  /// Reads a regular file, or, with `orStream`, a pipe to its end.
  public static func read(_ file: FilePath, orStream: Bool = false) throws(Failure) -> [FilePath] {
    let contents: [UInt8]
    do throws(KernelError) { contents = try readFile(at: file, limit: bytesMax, orStream: orStream) } catch {
      throw Failure(
        message: "\(Explanation.unreadable(error)). Check the path given to --captures-from.",
        status: .noCapture)
    }
    if let line = TextLines.lineWithControlCharacter(contents) {
      throw Failure(
        message:
          "\(Explanation.text(file)), line \(line): a control character. Give plain text, one folder a line.",
        status: .usage)
    }
    return CapturesFile(parsing: contents).paths.map { FilePath(bytes: $0) }
  }
}
