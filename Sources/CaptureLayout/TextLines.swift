/// Text files written by people on any system: lines end with LF or CRLF.
public enum TextLines {
  /// The number of the first line, from 1, that contains a control character other than a tab, such as a NUL; nil if none
  /// does. A carriage return is allowed only before a line feed or at the end.
  public static func lineWithControlCharacter(_ contents: [UInt8]) -> Int? {
    var line = 1
    for (index, byte) in contents.enumerated() {
      switch byte {
      case 0x0a: line += 1
      case 0x09, 0x20..<0x7f, 0x80...: continue
      case 0x0d where index + 1 == contents.count || contents[index + 1] == 0x0a: continue
      default: return line
      }
    }
    return nil
  }
}
