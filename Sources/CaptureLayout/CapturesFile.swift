/// A file that names one capture folder per line, such as the guide's `active_captures.conf`.
public struct CapturesFile: Sendable {
  /// A line that names a capture.
  public struct Line: Sendable {
    /// From 1.
    public let number: Int
    /// The bytes of the line, including whatever follows the path.
    public let text: [UInt8]

    public init(_ number: Int, _ text: [UInt8]) {
      self.number = number
      self.text = text
    }
  }

  /// In the file's order.
  public let lines: [Line]

  /// Skips blank lines and lines that start with '#'. Trims the blanks around a line and the carriage return of a DOS line.
  public init(parsing contents: [UInt8]) {
    let all = contents.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    lines = all.enumerated().map { Line($0 + 1, Array(Self.trimmed($1))) }.filter {
      !$0.text.isEmpty && $0.text.first != UInt8(ascii: "#")
    }
  }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    let isBlank: (UInt8) -> Bool = { [0x20, 0x09, 0x0d].contains($0) }
    let start = line.drop(while: isBlank)
    let end = start.lastIndex { !isBlank($0) } ?? start.startIndex - 1
    return start[...end]
  }
}
