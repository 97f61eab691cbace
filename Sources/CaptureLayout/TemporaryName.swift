/// The names of hotcold's own files that are not in their places: no other program gives or asks for them.
public enum TemporaryName {
  /// Of a file that is being written. What a killed run has left of one is worth nothing, and is removed.
  public static func ofWritten(_ name: String) -> String { ".\(name)\(written)" }

  /// Of a file that is looked at once more before it is removed (`Directory.removeFile`). What a killed run has left there may
  /// be the only one, and is put back.
  public static func ofAside(_ name: String) -> String { ".\(name)\(aside)" }

  public static func ofAside(_ name: Span<UInt8>) -> [UInt8] {
    Array(".".utf8) + Array(copying: name) + Array(aside.utf8)
  }

  /// Of a copy to another file system that is not finished. It is worth nothing. As long for every name.
  public static func ofCopy(_ name: Span<UInt8>) -> [UInt8] {
    Array(".\(String(hashOfName(name), radix: 16))\(copy)".utf8)
  }

  /// Where the name of the file stands in that of one that is being written; nil for any other name.
  public static func nameOfWritten(_ name: Span<UInt8>) -> Range<Int>? { range(name, written) }

  public static func nameOfAside(_ name: Span<UInt8>) -> Range<Int>? { range(name, aside) }

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
