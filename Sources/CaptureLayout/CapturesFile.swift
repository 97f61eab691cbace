/// A file that names one capture folder a line, such as the guide's `active_captures.conf`.
public struct CapturesFile: Sendable {
  /// Paths as bytes, in the file's order.
  public let paths: [[UInt8]]

  /// Blank lines and lines that start with '#' are left out; spaces around a path and the carriage return of
  /// a DOS line are cut.
  public init(parsing contents: [UInt8]) {
    paths = contents.split(separator: UInt8(ascii: "\n")).map(Self.trimmed).filter {
      !$0.isEmpty && $0.first != UInt8(ascii: "#")
    }.map(Array.init)
  }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let isBlank: (UInt8) -> Bool = { [0x20, 0x09, 0x0d].contains($0) }
    let start = line.drop(while: isBlank)
    let end = start.lastIndex { !isBlank($0) } ?? start.startIndex - 1
    return start[...end]
  }
}
