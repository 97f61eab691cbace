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
  ///   - layoutsIn: another list, which only names layouts: that of the service, for captures that are chosen apart from it. It must
  ///     be there: without it a capture would be taken for one of another layout, and what retention keeps would differ.
  ///   - mustEnd: whether the last line of a list must end with a line feed: otherwise it may be half written, and its layout too.
  /// - Throws: if a file cannot be read, is not text, or gives a capture two layouts.
  public static func captures(
    _ named: [FilePath], from file: FilePath?, orStream: Bool = false, layoutsIn layoutsFile: FilePath? = nil,
    mustEnd: Bool = false
  ) throws(Issue) -> NamedCaptures {
    let lines = try lines(of: file, orStream: orStream, mustEnd: mustEnd)
    let captures = try checked(file) { () throws(KernelError) in
      try NamedCaptures(named, lines: lines, of: file)
    }
    guard let layoutsFile else { return captures }
    let layoutLines = try self.lines(of: layoutsFile, orStream: false, mustEnd: mustEnd)
    return try checked(layoutsFile) { () throws(KernelError) in
      try captures.takingLayouts(of: NamedCaptures([], lines: layoutLines, of: layoutsFile))
    }
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

  private static func lines(
    of file: FilePath?, orStream: Bool, mustEnd: Bool
  ) throws(Issue) -> [CapturesFile.Line] {
    guard let file else { return [] }
    let contents: [UInt8]
    do throws(KernelError) { contents = try readFile(at: file, limit: bytesMax, orStream: orStream) } catch {
      throw Issue(.capturesUnreadable(error))
    }
    if let line = TextLines.lineWithControlCharacter(contents) {
      throw Issue(.capturesNotText(file, line: line))
    }
    if mustEnd, let last = contents.last, last != UInt8(ascii: "\n") {
      throw Issue(
        .usage(
          "\(Explanation.text(file)): the last line does not end: it may be half written, and files are deleted by the ages of its layout",
          remedy: "End it with a line feed."))
    }
    return CapturesFile(parsing: contents).lines
  }
}
