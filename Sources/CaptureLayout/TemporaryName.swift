/// The temporary names of hotcold's own files, which no other program uses.
public enum TemporaryName {
  /// The name of a file while it is being written. If a killed run leaves one, it is worthless and is removed.
  public static func ofWritten(_ name: String) -> String { ".\(name)\(written)" }

  /// The name of a file that is checked once more before it is removed (`Directory.removeFile`). If a killed run leaves one, it
  /// may be the only copy and is put back.
  public static func ofAside(_ name: String) -> String { ".\(name)\(aside)" }

  public static func ofAside(_ name: Span<UInt8>) -> [UInt8] {
    Array(".".utf8) + Array(copying: name) + Array(aside.utf8)
  }

  /// The name of an unfinished copy to another file system, which is worthless. Short, however long the file's name.
  public static func ofCopy(_ name: Span<UInt8>) -> [UInt8] {
    Array(".\(String(hashOfName(name), radix: 16))\(copy)".utf8)
  }

  /// The range of the file's name within the name of a file that is being written; nil for any other name.
  public static func nameOfWritten(_ name: Span<UInt8>) -> Range<Int>? { range(name, written) }

  /// The range of the file's name within the name of one that was taken aside; nil for any other name.
  public static func nameOfAside(_ name: Span<UInt8>) -> Range<Int>? { range(name, aside) }

  /// Whether it is the name of an unfinished copy.
  public static func isOfCopy(_ name: Span<UInt8>) -> Bool { range(name, copy) != nil }

  private static let written = ".hotcold"
  private static let copy = ".copy.hotcold"
  private static let aside = ".aside.hotcold"

  private static func range(_ name: Span<UInt8>, _ ending: String) -> Range<Int>? {
    let end = name.count - ending.utf8.count
    guard end > 1, name[0] == UInt8(ascii: "."), name.extracting(end...).isEqual(to: ending) else {
      return nil
    }
    return 1..<end
  }
}
