internal import CaptureLayout
internal import KernelIO
public import Migration
public import Reporting
public import SystemPackage

/// The file that lists captures, one a line.
public enum CapturesList {
  private static let bytesMax = 1 << 20

  /// The captures named directly and those listed in a file.
  ///
  /// - Parameters:
  ///   - named: paths of captures.
  ///   - file: at most 1 MiB.
  ///   - orStream: whether the file may also be a pipe, which is read to its end; otherwise only a regular file.
  /// - Throws: if the file cannot be read, is not text, or gives a capture two layouts.
  public static func captures(
    _ named: [FilePath], from file: FilePath?, orStream: Bool = false
  ) throws(Issue) -> NamedCaptures {
    let lines = try lines(of: file, orStream: orStream)
    return try checked(file) { () throws(KernelError) in try NamedCaptures(named, lines: lines) }
  }

  /// Captures that are named directly, with the layouts that the service's list names for them. The list must be there: without
  /// it a capture would be taken for one of another layout, and what retention keeps would differ.
  ///
  /// - Throws: as `captures(_:from:orStream:)`.
  public static func captures(_ named: [FilePath], layoutsIn file: FilePath?) throws(Issue) -> NamedCaptures {
    let lines = try lines(of: file, orStream: false)
    return try checked(file) { () throws(KernelError) in try NamedCaptures(named, layoutsIn: lines) }
  }

  private static func checked(
    _ file: FilePath?, _ read: () throws(KernelError) -> NamedCaptures
  ) throws(Issue) -> NamedCaptures {
    let captures: NamedCaptures
    do throws(KernelError) { captures = try read() } catch { throw Issue(.capturePathUnusable(error)) }
    if let (path, layouts) = captures.contradiction {
      let names = layouts.map { "'\(printable($0.name.utf8))' on line \($0.line)" }.joined(separator: " and ")
      throw Issue(
        .usage(
          "\(file.map(Explanation.text) ?? ""): \(printable(path.bytes)) has two layouts, \(names)",
          remedy: "Name one layout per capture."))
    }
    return captures
  }

  private static func lines(of file: FilePath?, orStream: Bool) throws(Issue) -> [CapturesFile.Line] {
    guard let file else { return [] }
    let contents: [UInt8]
    do throws(KernelError) { contents = try readFile(at: file, limit: bytesMax, orStream: orStream) } catch {
      throw Issue(.capturesUnreadable(error))
    }
    if let line = TextLines.lineWithControlCharacter(contents) {
      throw Issue(.capturesNotText(file, line: line))
    }
    return CapturesFile(parsing: contents).lines
  }
}
