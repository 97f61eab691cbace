/// What hotcold reads of an HLS media playlist (RFC 8216): the segments that it lists, and how long they last.
public struct MediaPlaylist: Sendable {
  public struct Entry: Sendable {
    /// The last path component of the URI.
    public let name: [UInt8]
    /// What its `EXTINF` says; nil where there is none, or none that a segment can have.
    public let durationMicroseconds: Int64?
  }

  /// In the playlist's order.
  public let entries: [Entry]
  /// `EXT-X-TARGETDURATION`, in seconds.
  public let targetDurationSeconds: Int?
  /// Whether there is an `EXT-X-ENDLIST`: nothing more will come.
  public let isFinished: Bool

  public var segmentNames: [[UInt8]] { entries.map(\.name) }

  /// Longer segments are taken for damage.
  private static let durationSecondsMax = 86_400

  /// Reads untrusted bytes; a playlist that is cut off yields the segments of its whole lines.
  public init(parsing contents: [UInt8]) {
    var entries: [Entry] = []
    var duration: Int64?
    var target: Int?
    var isFinished = false
    for line in contents.split(whereSeparator: { $0 == .lineFeed || $0 == .carriageReturn }) {
      // RFC 8216 section 4.1: a line is a URI, blank, or starts with '#'.
      guard line.first == .numberSign else {
        if let name = Self.fileName(ofURI: line) {
          entries.append(Entry(name: Array(name), durationMicroseconds: duration))
        }
        duration = nil
        continue
      }
      if let value = line.value(of: "#EXTINF:") {
        duration = Self.microseconds(value.prefix { $0 != UInt8(ascii: ",") })
      } else if let value = line.value(of: "#EXT-X-TARGETDURATION:") {
        target = Self.microseconds(value).map { Int($0 / 1_000_000) }
      } else if line.elementsEqual("#EXT-X-ENDLIST".utf8) {
        isFinished = true
      }
    }
    self.entries = entries
    targetDurationSeconds = target
    self.isFinished = isFinished
  }

  private static func fileName(ofURI uri: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    let path = uri.prefix { $0 != UInt8(ascii: "?") }
    let name = path.suffix(from: path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? path.startIndex)
    return name.isEmpty ? nil : name
  }

  /// A decimal number of seconds (RFC 8216 section 4.2), which is not negative.
  private static func microseconds(_ text: ArraySlice<UInt8>) -> Int64? {
    let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, !whole.isEmpty, whole.allSatisfy(\.isDigit), whole.count <= 6 else {
      return nil
    }
    let seconds = whole.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
    var fraction: Int64 = 0
    var unit: Int64 = 100_000
    for digit in parts.dropFirst().first ?? [] {
      guard digit.isDigit else { return nil }
      fraction += unit * Int64(digit - UInt8(ascii: "0"))
      unit /= 10
    }
    guard seconds <= durationSecondsMax else { return nil }
    return seconds * 1_000_000 + fraction
  }
}

extension ArraySlice<UInt8> {
  fileprivate func value(of tag: String) -> ArraySlice<UInt8>? {
    starts(with: tag.utf8) ? dropFirst(tag.utf8.count) : nil
  }
}

extension UInt8 {
  fileprivate static let lineFeed = UInt8(ascii: "\n")
  fileprivate static let carriageReturn = UInt8(ascii: "\r")
  fileprivate static let numberSign = UInt8(ascii: "#")
  fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
