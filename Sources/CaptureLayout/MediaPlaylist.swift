/// What hotcold reads of an HLS media playlist (RFC 8216): the names of the segments that it lists.
public struct MediaPlaylist: Sendable {
  /// File names in the playlist's order. URIs are reduced to their last path component.
  public let segmentNames: [[UInt8]]

  /// Reads untrusted bytes; a playlist that is cut off yields the segments of its whole lines.
  public init(parsing contents: [UInt8]) {
    var names: [[UInt8]] = []
    for line in contents.split(whereSeparator: { $0 == .lineFeed || $0 == .carriageReturn }) {
      // RFC 8216 section 4.1: a line is a URI, blank, or starts with '#'.
      guard line.first != .numberSign, let name = Self.fileName(ofURI: line) else { continue }
      names.append(Array(name))
    }
    segmentNames = names
  }

  private static func fileName(ofURI uri: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let path = uri.prefix { $0 != UInt8(ascii: "?") }
    let name = path.suffix(from: path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? path.startIndex)
    return name.isEmpty ? nil : name
  }
}

extension UInt8 {
  fileprivate static let lineFeed = UInt8(ascii: "\n")
  fileprivate static let carriageReturn = UInt8(ascii: "\r")
  fileprivate static let numberSign = UInt8(ascii: "#")
}
