/// A second parser of media playlists, written from RFC 8216 alone and sharing no code with the product: byte by byte, line by
/// line.
///
/// Where the RFC is silent, a lone carriage return ends a line too, blanks around a line are not part of it, and a name is what the
/// encoder wrote (ffmpeg encodes nothing in its URIs).
public struct ReferencePlaylist {
  public struct Segment: Equatable, Sendable {
    public var name: Bytes
    public var microseconds: Int64?

    public init(name: Bytes, microseconds: Int64?) {
      self.name = name
      self.microseconds = microseconds
    }
  }

  public private(set) var segments: [Segment] = []
  public private(set) var isFinished = false
  private var announced: Int64?
  private let nameBytesMax: Int

  public init(_ contents: [UInt8], nameBytesMax: Int = .max) {
    self.nameBytesMax = nameBytesMax
    var line: [UInt8] = []
    for byte in contents + [0x0a] {
      guard byte == 0x0a || byte == 0x0d else {
        line.append(byte)
        continue
      }
      read(line)
      line = []
    }
  }

  /// Section 4.1: a line is blank, a tag or comment that begins with '#', or a URI.
  private mutating func read(_ whole: [UInt8]) {
    let isBlank: (UInt8) -> Bool = { [0x20, 0x09, 0x0b, 0x0c].contains($0) }
    let line = Array(whole.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    if line.isEmpty { return }
    if line[0] == UInt8(ascii: "#") {
      let text = String(decoding: line, as: UTF8.self)
      if text == "#EXT-X-ENDLIST" { isFinished = true }
      if text.utf8.starts(with: "#EXTINF:".utf8) { announced = Self.duration(line.dropFirst(8)) }
      return
    }
    // RFC 3986 section 3: the query begins with the first '?'; the last segment of the path comes after its last '/'.
    var name: [UInt8] = []
    for byte in line {
      if byte == UInt8(ascii: "?") { break }
      if byte == UInt8(ascii: "/") { name = [] } else { name.append(byte) }
    }
    if !name.isEmpty {
      segments.append(Segment(name: Bytes(Array(name.prefix(nameBytesMax))), microseconds: announced))
    }
    // Section 4.3.2.1: EXTINF applies to the next segment only.
    announced = nil
  }

  /// Section 4.2: a decimal floating-point number, up to the comma. More than a day is implausible.
  private static func duration(_ value: ArraySlice<UInt8>) -> Int64? {
    var whole: [Int64] = []
    var fraction: [Int64] = []
    var hasPoint = false
    for byte in value {
      if byte == UInt8(ascii: ",") { break }
      if byte == UInt8(ascii: "."), !hasPoint {
        hasPoint = true
        continue
      }
      guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
      let digit = Int64(byte - UInt8(ascii: "0"))
      if hasPoint { fraction.append(digit) } else { whole.append(digit) }
    }
    guard (1...6).contains(whole.count) else { return nil }
    let seconds = whole.reduce(0) { 10 * $0 + $1 }
    let micros = (fraction + [0, 0, 0, 0, 0, 0]).prefix(6).reduce(0) { 10 * $0 + $1 }
    return seconds > 86_400 ? nil : seconds * 1_000_000 + micros
  }
}
