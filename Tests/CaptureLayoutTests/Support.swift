import CaptureLayout

/// What a playlist lists, held whole. Read in one piece, and again byte by byte, which must make no difference.
struct MediaPlaylist {
  struct Entry: Equatable {
    let name: [UInt8]
    let durationMicroseconds: Int64?
  }
  let entries: [Entry]
  let targetDurationSeconds: Int?
  let isFinished: Bool
  let isWhole: Bool

  var segmentNames: [[UInt8]] { entries.map(\.name) }

  init(parsing contents: [UInt8]) {
    self.init(parsing: contents, piece: max(1, contents.count))
    let inPieces = MediaPlaylist(parsing: contents, piece: 1)
    precondition(inPieces.entries == entries && inPieces.isWhole == isWhole)
  }

  private init(parsing contents: [UInt8], piece: Int) {
    var entries: [Entry] = []
    var parser = PlaylistParser()
    func add(_ name: Span<UInt8>, _ entry: PlaylistEntry) {
      guard entry.isSegment else { return }
      entries.append(Entry(name: Array(copying: name), durationMicroseconds: entry.microseconds))
    }
    for start in stride(from: 0, to: contents.count, by: piece) {
      parser.parse(Array(contents[start..<min(start + piece, contents.count)]).span, add)
    }
    parser.finish(add)
    self.entries = entries
    targetDurationSeconds = parser.targetDurationSeconds
    isFinished = parser.isFinished
    isWhole = parser.isWhole
  }
}

/// The kinds of the built-in layout, by the names that tests use.
extension Kind {
  static let segments = Layout.guide.kind(named: "segments")!
  static let captures = Layout.guide.kind(named: "captures")!
  static let thumbnails = Layout.guide.kind(named: "thumbnails")!
  static let metadata = Layout.guide.kind(named: "metadata")!
  static var allCases: [Kind] { Layout.guide.kinds }
  var name: String { Layout.guide.name(of: self) }
}

extension ArchivedSegments {
  mutating func append(_ name: Span<UInt8>, _ modified: ModificationTime) {
    append(name, number: FileName.number(of: name), modified)
  }
}

extension FileName {
  static func kind(of name: Span<UInt8>) -> Kind? { Layout.guide.kind(of: name) }

  static func number(of name: Span<UInt8>) -> Int64? {
    kind(of: name).flatMap { Layout.guide.number(of: name, $0) }
  }
}
