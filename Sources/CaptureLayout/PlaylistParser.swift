/// What a playlist says about a file that it lists.
public struct PlaylistEntry: Sendable {
  /// The duration from its `EXTINF`; nil if there is none, or an implausible one.
  public let microseconds: Int64?
  /// False for a file that a tag names: an init segment (`EXT-X-MAP`), a key (`EXT-X-KEY`).
  public let isSegment: Bool
  /// Whether an `EXT-X-DISCONTINUITY` precedes it.
  public let isDiscontinuous: Bool

  public init(microseconds: Int64?, isSegment: Bool, isDiscontinuous: Bool) {
    self.microseconds = microseconds
    self.isSegment = isSegment
    self.isDiscontinuous = isDiscontinuous
  }
}

/// Reads what hotcold needs from an HLS media playlist (RFC 8216), in chunks of any size: the files that it lists, and the
/// durations of its segments. Memory does not depend on the size of the playlist.
public struct PlaylistParser: Sendable {
  /// The rest of a longer line is ignored, so that memory is bounded. More than any player loads.
  private static let lineBytesMax = 1 << 20
  /// The rest of a longer name is ignored, and so is a longer `EXT-X-MAP` tag.
  private static let nameBytesMax = 3 * FileName.longest + 1
  /// Longer durations are taken for damage.
  private static let durationSecondsMax: Int64 = 86_400

  /// The unfinished last line of the chunks so far.
  private var kept: [UInt8] = []
  private var duration: Int64?
  private var isDiscontinuous = false
  private var isFirstLine = true

  /// `EXT-X-TARGETDURATION`, in seconds.
  public private(set) var targetDurationSeconds: Int?
  /// Whether there is an `EXT-X-ENDLIST`: no more segments will be added.
  public private(set) var isFinished = false
  /// Whether the first line is `#EXTM3U`.
  public private(set) var hasHeader = false
  /// Whether an `EXTINF` is followed by another one instead of its segment.
  public private(set) var lacksURI = false
  /// Whether a file is listed by a relative path that leads to another folder than the playlist's.
  public private(set) var listsOtherFolders = false
  /// The URIs of init segments (`EXT-X-MAP`), whatever their path, in order; limited in number, to bound memory.
  public private(set) var maps: [[UInt8]] = []
  private static let mapsMax = 10_000
  private var awaitsURI = false
  private var endsWithLineFeed = false

  public init() {}

  /// Whether it begins like a playlist and is not cut off within a line or before the URI of a segment.
  public var isWhole: Bool { hasHeader && endsWithLineFeed && !awaitsURI }

  /// Parses untrusted bytes. Calls `body` for each file in playlist order, with the last path component of its URI (truncated
  /// if it is too long for a file name) and what the playlist says about it.
  public mutating func parse(_ bytes: Span<UInt8>, _ body: (Span<UInt8>, PlaylistEntry) -> Void) {
    var start = 0
    for end in bytes.indices where bytes[end] == UInt8(ascii: "\n") || bytes[end] == UInt8(ascii: "\r") {
      endLine(bytes.extracting(start..<end), body)
      start = end + 1
    }
    keep(bytes.extracting(start..<bytes.count))
    if bytes.count > 0 { endsWithLineFeed = bytes[bytes.count - 1] == UInt8(ascii: "\n") }
  }

  /// Call after the last chunk: the last line may lack its line feed.
  public mutating func finish(_ body: (Span<UInt8>, PlaylistEntry) -> Void) { endLine(Span(), body) }

  private mutating func keep(_ piece: Span<UInt8>) {
    for index in 0..<min(piece.count, Self.lineBytesMax - kept.count) { kept.append(piece[index]) }
  }

  private mutating func endLine(_ piece: Span<UInt8>, _ body: (Span<UInt8>, PlaylistEntry) -> Void) {
    guard !kept.isEmpty else {
      return read(piece.extracting(0..<min(piece.count, Self.lineBytesMax)), body)
    }
    keep(piece)
    // Moved out of `self`, which `read` modifies.
    var line: [UInt8] = []
    swap(&line, &kept)
    read(line.span, body)
    line.removeAll(keepingCapacity: true)
    swap(&line, &kept)
  }

  /// RFC 8216 section 4.1: a line that starts with '#' is a tag or a comment. Players overlook blanks around a line, which the
  /// section forbids: the file is listed all the same.
  private mutating func read(_ whole: Span<UInt8>, _ body: (Span<UInt8>, PlaylistEntry) -> Void) {
    defer { isFirstLine = false }
    let line = whole.withoutBlanks
    guard line.count > 0 else { return }
    guard line[0] == UInt8(ascii: "#") else { return readURI(line, body) }
    readTag(line)
    guard let uri = Self.uri(ofTag: line) else { return }
    noteMap(uri, line)
    let target = URITarget(uri)
    if target.base == .otherFolder { listsOtherFolders = true }
    // A key or an init segment may be anywhere; one in the folder of the playlist belongs to it.
    guard target.base == .here, target.name.count > 0, !target.name.contains(UInt8(ascii: ":")) else {
      return
    }
    body(
      Self.bounded(target.name), PlaylistEntry(microseconds: nil, isSegment: false, isDiscontinuous: false))
  }

  private mutating func readURI(_ line: Span<UInt8>, _ body: (Span<UInt8>, PlaylistEntry) -> Void) {
    let target = URITarget(line)
    if target.base == .otherFolder { listsOtherFolders = true }
    if target.name.count > 0 {
      body(
        Self.bounded(target.name),
        PlaylistEntry(microseconds: duration, isSegment: true, isDiscontinuous: isDiscontinuous))
    }
    duration = nil
    isDiscontinuous = false
    awaitsURI = false
  }

  @_lifetime(copy name)
  private static func bounded(_ name: Span<UInt8>) -> Span<UInt8> {
    name.extracting(0..<min(name.count, nameBytesMax))
  }

  private mutating func readTag(_ line: Span<UInt8>) {
    if let value = line.value(after: "#EXTINF:") {
      duration = Self.microseconds(value.prefix(upTo: UInt8(ascii: ",")))
      lacksURI = lacksURI || awaitsURI
      awaitsURI = true
    } else if let value = line.value(after: "#EXT-X-TARGETDURATION:") {
      targetDurationSeconds = Self.microseconds(value).map { Int($0 / 1_000_000) }
    } else if line.isEqual(to: "#EXT-X-DISCONTINUITY") {
      isDiscontinuous = true
    } else if line.isEqual(to: "#EXT-X-ENDLIST") {
      isFinished = true
    } else if isFirstLine {
      hasHeader = line.isEqual(to: "#EXTM3U")
    }
  }

  /// The `URI` attribute of a tag (RFC 8216 section 4.2), a quoted string.
  @_lifetime(copy line)
  private static func uri(ofTag line: Span<UInt8>) -> Span<UInt8>? {
    guard line.starts(with: "#EXT-X-") else { return nil }
    for start in line.indices where line[start] == UInt8(ascii: ":") || line[start] == UInt8(ascii: ",") {
      let attribute = line.extracting((start + 1)..<line.count)
      if let value = attribute.value(after: "URI=\"") { return value.prefix(upTo: UInt8(ascii: "\"")) }
    }
    return nil
  }

  private mutating func noteMap(_ uri: Span<UInt8>, _ line: Span<UInt8>) {
    guard line.starts(with: "#EXT-X-MAP:"), line.count < Self.nameBytesMax, maps.count < Self.mapsMax else {
      return
    }
    let uri = Array(copying: uri)
    if uri != maps.last { maps.append(uri) }
  }

  /// Microseconds from a non-negative decimal number of seconds (RFC 8216 section 4.2).
  static func microseconds(_ text: Span<UInt8>) -> Int64? {
    var index = 0
    var seconds: Int64 = 0
    while index < text.count, let digit = text[index].digit {
      guard index < 6 else { return nil }
      seconds = seconds * 10 + digit
      index += 1
    }
    guard index > 0, seconds <= durationSecondsMax else { return nil }
    guard index < text.count else { return seconds * 1_000_000 }
    guard text[index] == UInt8(ascii: ".") else { return nil }
    var fraction: Int64 = 0
    var unit: Int64 = 100_000
    for index in (index + 1)..<text.count {
      guard let digit = text[index].digit else { return nil }
      fraction += unit * digit
      unit /= 10
    }
    return seconds * 1_000_000 + fraction
  }
}

/// Where a URI leads, relative to the playlist (RFC 3986 section 4.2), and the last component of its path.
private struct URITarget: ~Escapable {
  enum Base {
    /// In the folder of the playlist.
    case here
    /// In another folder, by a path relative to the playlist.
    case otherFolder
    /// Independent of where the playlist is.
    case absolute
  }
  private(set) var base = Base.here
  let name: Span<UInt8>

  @_lifetime(copy uri)
  init(_ uri: Span<UInt8>) {
    let end = uri.firstIndex(of: UInt8(ascii: "?")) ?? uri.count
    var start = 0
    for index in 0..<end where uri[index] == UInt8(ascii: "/") {
      if base == .here { base = Self.base(after: uri.extracting(start..<index)) }
      start = index + 1
    }
    name = uri.extracting(start..<end)
  }

  /// - Parameter component: the first one of the URI: a folder, a scheme, or empty before a leading slash.
  private static func base(after component: Span<UInt8>) -> Base {
    if component.count == 0 || component.contains(UInt8(ascii: ":")) { return .absolute }
    return component.count == 1 && component[0] == UInt8(ascii: ".") ? .here : .otherFolder
  }
}

/// File names in URIs.
public enum SegmentURI {
  /// The file name that a player takes the last path component of a URI for: without its fragment, percent-decoded (RFC 3986
  /// sections 2.1 and 3.5). Nil if that is the component itself. ffmpeg writes names unencoded, even if they contain '%' or
  /// '#', so only the folder can tell which of the two is meant.
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
  fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 || self == 0x0b || self == 0x0c }

  fileprivate var digit: Int64? {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) ? Int64(self - UInt8(ascii: "0")) : nil
  }
}

extension Span<UInt8> {
  fileprivate func firstIndex(of byte: UInt8) -> Int? {
    for index in indices where self[index] == byte { return index }
    return nil
  }

  fileprivate func contains(_ byte: UInt8) -> Bool { firstIndex(of: byte) != nil }

  /// Without blanks around it: spaces, tabs, vertical tabs and form feeds.
  fileprivate var withoutBlanks: Span<UInt8> {
    @_lifetime(copy self)
    get {
      var (start, end) = (0, count)
      while end > start, self[end - 1].isBlank { end -= 1 }
      while start < end, self[start].isBlank { start += 1 }
      return extracting(start..<end)
    }
  }

  /// The bytes before the first such byte; all of them if there is none.
  @_lifetime(copy self)
  fileprivate func prefix(upTo byte: UInt8) -> Span<UInt8> { extracting(0..<(firstIndex(of: byte) ?? count)) }

  /// The bytes after `text`; nil if it does not begin with that.
  @_lifetime(copy self)
  fileprivate func value(after text: String) -> Span<UInt8>? {
    starts(with: text) ? extracting(text.utf8.count..<count) : nil
  }

  fileprivate func starts(with text: String) -> Bool {
    guard count >= text.utf8.count else { return false }
    var index = 0
    for byte in text.utf8 {
      guard self[index] == byte else { return false }
      index += 1
    }
    return true
  }

}
