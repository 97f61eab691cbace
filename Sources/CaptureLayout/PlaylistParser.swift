/// What a playlist says of a file that it lists.
public struct PlaylistEntry: Sendable {
  /// What its `EXTINF` says; nil where there is none, or none that a segment can have.
  public let microseconds: Int64?
  /// False for what a tag names: an initialization section (`EXT-X-MAP`), a key (`EXT-X-KEY`).
  public let isSegment: Bool
  /// Whether an `EXT-X-DISCONTINUITY` precedes it.
  public let isDiscontinuous: Bool

  public init(microseconds: Int64?, isSegment: Bool, isDiscontinuous: Bool) {
    self.microseconds = microseconds
    self.isSegment = isSegment
    self.isDiscontinuous = isDiscontinuous
  }
}

/// What hotcold reads of an HLS media playlist (RFC 8216), in whatever pieces it comes: the files that it lists, and how
/// long its segments last. Its memory does not depend on the playlist's size.
public struct PlaylistParser: Sendable {
  private enum Line {
    /// Nothing of it has been read yet.
    case start
    /// RFC 8216 section 4.1: a line that starts with '#' is a tag or a comment.
    case tag
    case uri
    /// Of a URI, what follows its path.
    case query
  }
  /// Of a line, or of the last path component of a URI, that much is kept: more than any tag that counts, and than any
  /// name that a file can have, though every byte of it be percent-encoded.
  private static let bytesKept = 3 * FileName.longest + 1
  /// Longer segments are taken for damage.
  private static let durationSecondsMax: Int64 = 86_400

  private var line = Line.start
  private var kept: [UInt8] = []
  private var duration: Int64?
  private var isDiscontinuous = false
  private var isFirstLine = true
  private var base = Base.here

  /// Where a URI leads to, seen from the playlist (RFC 3986 section 4.2).
  private enum Base {
    /// Beside the playlist.
    case here
    /// To another folder, by a path that begins at the playlist's.
    case otherFolder
    /// Wherever the playlist is.
    case absolute
  }

  /// `EXT-X-TARGETDURATION`, in seconds.
  public private(set) var targetDurationSeconds: Int?
  /// Whether there is an `EXT-X-ENDLIST`: nothing more will come.
  public private(set) var isFinished = false
  /// Whether the first line is `#EXTM3U`.
  public private(set) var hasHeader = false
  /// Whether an `EXTINF` is followed by another one instead of its segment.
  public private(set) var lacksURI = false
  /// Whether a file is listed by a path that leads from the playlist's folder to another one.
  public private(set) var listsOtherFolders = false
  /// What players load before segments (`EXT-X-MAP`), by whatever path, in order, up to a number that bounds the memory.
  public private(set) var maps: [[UInt8]] = []
  private static let mapsMax = 10_000
  private var awaitsURI = false
  private var endsWithLineFeed = false

  public init() {}

  /// Whether it begins as a playlist does and is not cut off within a line or a segment.
  public var isWhole: Bool { hasHeader && endsWithLineFeed && !awaitsURI }

  /// Reads untrusted bytes. `body` is given each file in the playlist's order: the last path component of its URI, cut
  /// off where no file can have such a name, and what the playlist says of it.
  public mutating func parse(_ bytes: Span<UInt8>, _ body: (Span<UInt8>, PlaylistEntry) -> Void) {
    for index in bytes.indices { parse(bytes[index], body) }
    if bytes.count > 0 { endsWithLineFeed = bytes[bytes.count - 1] == UInt8(ascii: "\n") }
  }

  /// Call at the end: the last line may lack its line feed.
  public mutating func finish(_ body: (Span<UInt8>, PlaylistEntry) -> Void) { endLine(body) }

  private mutating func parse(_ byte: UInt8, _ body: (Span<UInt8>, PlaylistEntry) -> Void) {
    if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { return endLine(body) }
    switch line {
    case .start:
      line = byte == UInt8(ascii: "#") ? .tag : .uri
      parse(byte, body)
    case .tag: keep(byte)
    case .uri where byte == UInt8(ascii: "?"): line = .query
    case .uri where byte == UInt8(ascii: "/"): endFolder()
    case .uri: keep(byte)
    case .query: break
    }
  }

  private mutating func keep(_ byte: UInt8) {
    if kept.count < Self.bytesKept { kept.append(byte) }
  }

  /// What was read of a URI is a folder, or the scheme and host.
  private mutating func endFolder() {
    if base == .here {
      if kept.isEmpty || kept.contains(UInt8(ascii: ":")) {
        base = .absolute
      } else if !kept.elementsEqual(".".utf8) {
        base = .otherFolder
      }
    }
    kept.removeAll(keepingCapacity: true)
  }

  private mutating func endLine(_ body: (Span<UInt8>, PlaylistEntry) -> Void) {
    switch line {
    case .start:
      isFirstLine = false
      return
    case .tag:
      readTag()
      if let uri = uriOfTag {
        noteMap(uri)
        list(uri, body)
      }
    case .uri, .query:
      if base == .otherFolder { listsOtherFolders = true }
      if !kept.isEmpty {
        body(
          kept.span, PlaylistEntry(microseconds: duration, isSegment: true, isDiscontinuous: isDiscontinuous))
      }
      duration = nil
      isDiscontinuous = false
      awaitsURI = false
    }
    base = .here
    isFirstLine = false
    line = .start
    kept.removeAll(keepingCapacity: true)
  }

  private mutating func readTag() {
    if let value = value(of: "#EXTINF:") {
      duration = Self.microseconds(value.prefix { $0 != UInt8(ascii: ",") })
      lacksURI = lacksURI || awaitsURI
      awaitsURI = true
    } else if let value = value(of: "#EXT-X-TARGETDURATION:") {
      targetDurationSeconds = Self.microseconds(value).map { Int($0 / 1_000_000) }
    } else if kept.elementsEqual("#EXT-X-DISCONTINUITY".utf8) {
      isDiscontinuous = true
    } else if kept.elementsEqual("#EXT-X-ENDLIST".utf8) {
      isFinished = true
    } else if isFirstLine {
      hasHeader = kept.elementsEqual("#EXTM3U".utf8)
    }
  }

  /// The attribute `URI` of a tag (RFC 8216 section 4.2): a quoted string.
  private var uriOfTag: [UInt8]? {
    guard kept.starts(with: "#EXT-X-".utf8) else { return nil }
    let attribute = Array("URI=\"".utf8)
    var start = 0
    while start + attribute.count < kept.count {
      defer { start += 1 }
      guard [UInt8(ascii: ":"), UInt8(ascii: ",")].contains(kept[start]),
        kept[(start + 1)...].starts(with: attribute)
      else { continue }
      return Array(kept[(start + 1 + attribute.count)...].prefix { $0 != UInt8(ascii: "\"") })
    }
    return nil
  }

  private mutating func noteMap(_ uri: [UInt8]) {
    guard kept.starts(with: "#EXT-X-MAP:".utf8), kept.count < Self.bytesKept, uri != maps.last,
      maps.count < Self.mapsMax
    else { return }
    maps.append(uri)
  }

  /// A key or an initialization section may be anywhere; one beside the playlist belongs to it.
  private mutating func list(_ uri: [UInt8], _ body: (Span<UInt8>, PlaylistEntry) -> Void) {
    kept.removeAll(keepingCapacity: true)
    base = .here
    for byte in uri.prefix(while: { $0 != UInt8(ascii: "?") }) {
      if byte == UInt8(ascii: "/") { endFolder() } else { keep(byte) }
    }
    if base == .otherFolder { listsOtherFolders = true }
    guard base == .here, !kept.isEmpty, !kept.contains(UInt8(ascii: ":")) else { return }
    body(kept.span, PlaylistEntry(microseconds: nil, isSegment: false, isDiscontinuous: false))
  }

  private func value(of tag: String) -> ArraySlice<UInt8>? {
    kept.starts(with: tag.utf8) ? kept.dropFirst(tag.utf8.count) : nil
  }

  /// A decimal number of seconds (RFC 8216 section 4.2), which is not negative.
  static func microseconds(_ text: ArraySlice<UInt8>) -> Int64? {
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

/// Names of files in URIs.
public enum SegmentURI {
  /// The file that the last path component of a URI names to a player: without its fragment, percent-decoded (RFC 3986
  /// sections 2.1 and 3.5). Nil where that is the component itself. ffmpeg writes names as they are, encoded or not, so
  /// which of the two is meant only the folder can tell.
  public static func decoded(_ component: Span<UInt8>) -> [UInt8]? {
    let percent = UInt8(ascii: "%")
    guard
      component.indices.contains(where: { component[$0] == percent || component[$0] == UInt8(ascii: "#") })
    else { return nil }
    var name: [UInt8] = []
    var index = 0
    while index < component.count, component[index] != UInt8(ascii: "#") {
      var byte = component[index]
      if byte == percent, index + 2 < component.count, let high = hexDigit(component[index + 1]),
        let low = hexDigit(component[index + 2])
      {
        byte = high << 4 | low
        index += 2
      }
      index += 1
      if byte == UInt8(ascii: "/") { name.removeAll() } else { name.append(byte) }
    }
    return name
  }

  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
