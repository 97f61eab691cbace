/// What describes a layout: names and paths as text, not checked yet.
public struct LayoutDescription: Equatable, Sendable {
  public struct Kind: Equatable, Sendable {
    public var name: String
    /// Patterns of its names (`Glob`), at least one.
    public var match: [String]
    /// Names that it leaves out although they match.
    public var except: [String] = []
    /// Folders below the capture, "" for the capture itself.
    public var flat: String
    public var hot: String
    /// In which its buckets are; nil for the hot folder.
    public var cold: String?
    public var limit: Int
    public var retentionSeconds: Int64?
    /// The live playlist, for the kind that is the segments of an HLS stream.
    public var playlist: String?
    /// The files that a player loads before a segment (fMP4; EXT-X-MAP, RFC 8216 section 4.3.2.5).
    public var initialization: [String] = []

    public init(
      name: String, match: [String], except: [String] = [], flat: String, hot: String, cold: String? = nil,
      limit: Int, retentionSeconds: Int64? = nil, playlist: String? = nil, initialization: [String] = []
    ) {
      self.name = name
      self.match = match
      self.except = except
      self.flat = flat
      self.hot = hot
      self.cold = cold
      self.limit = limit
      self.retentionSeconds = retentionSeconds
      self.playlist = playlist
      self.initialization = initialization
    }
  }

  /// A folder whose files are on another file system: one of the capture on which something is mounted, or the cold root. Files come
  /// to it and leave it by copies.
  public struct Mount: Equatable, Sendable {
    /// Below the capture; that of a cold root is absolute.
    public var path: String
    /// As `FileSystemStatus.name`, such as "tmpfs"; nil for any.
    public var type: String?
    /// Of the file system that is mounted there, as blkid(8) prints it; nil for any.
    public var uuid: String?
    /// Of a cold root: the absolute path at which its file system must be mounted, which is the root or a folder above it. Nil where
    /// the layout asks for none.
    public var point: String?

    /// The types that a mount may be asked for: those that the kernel's number tells apart (`FileSystemStatus.name`; ext2 and ext3 have the
    /// number of ext4).
    public static let types = [
      "tmpfs", "ext4", "xfs", "btrfs", "overlay", "fuse", "nfs", "9p", "zfs", "f2fs",
    ]

    public init(path: String, type: String? = nil, uuid: String? = nil, point: String? = nil) {
      self.path = path
      self.type = type
      self.uuid = uuid
      self.point = point
    }

    public var isColdRoot: Bool { path.utf8.first == UInt8(ascii: "/") }

    /// Whether one is, or is in, the other.
    func overlaps(_ other: Mount) -> Bool {
      LayoutDescription.isBelow(path, other.path) || LayoutDescription.isBelow(other.path, path)
    }
  }

  public var name: String
  public var kinds: [Kind]
  /// Below the capture.
  public var mounts: [Mount] = []
  /// Below which the buckets of every kind are; nil where that is the capture.
  public var coldRoot: Mount?
  public var buckets: BucketRule
  /// That of the buckets, where none is asked for otherwise; nil for UTC with dates, and that of the machine without.
  public var timeZone: String?

  public init(
    name: String, kinds: [Kind], mounts: [Mount] = [], buckets: BucketRule, timeZone: String? = nil
  ) {
    self.name = name
    self.kinds = kinds
    self.mounts = mounts
    self.buckets = buckets
    self.timeZone = timeZone
  }
}

extension LayoutDescription {
  /// What stands for the name of the capture in the path of a cold root.
  public static let captureMark = "{capture}"

  /// Below which the buckets of a kind are: below the capture, or absolute where there is a cold root.
  func coldPath(of kind: Kind) -> String {
    let path = kind.cold ?? kind.hot
    return coldRoot.map { "\($0.path)/\(path)" } ?? path
  }
}

/// Why a description is not one of a layout.
public struct LayoutMistake: Error, Equatable, Sendable {
  /// What of it is wrong: a kind by its position, nil for the layout as a whole; and one of its keys, as layout files name
  /// them.
  public let kind: Int?
  public let key: String?
  /// In the user's words, such as "'..' is not allowed in a path".
  public let reason: String

  init(_ reason: String, kind: Int? = nil, key: String? = nil) {
    self.kind = kind
    self.key = key
    self.reason = reason
  }
}

extension LayoutDescription {
  public static let guide = LayoutDescription(
    name: "guide",
    kinds: [
      Kind(
        name: "segments", match: ["segment_*.ts"], flat: "", hot: "segments", limit: 10,
        retentionSeconds: 86_400, playlist: "output.m3u8"),
      Kind(
        name: "captures", match: ["capture_*.jpg"], except: ["*_thumbnail*"], flat: "captures",
        hot: "captures", limit: 100, retentionSeconds: 3600),
      Kind(
        name: "thumbnails", match: ["capture_*_thumbnail.jpg"], flat: "captures", hot: "thumbnails",
        limit: 100, retentionSeconds: 86_400),
      Kind(
        name: "metadata", match: ["capture_*.json"], flat: "captures", hot: "metadata", limit: 100,
        retentionSeconds: 86_400),
    ], buckets: .hour)
  /// The guide's with its hot places in RAM: a tmpfs on `hot`, into which the recorder writes.
  public static let guideRAM: LayoutDescription = {
    var layout = LayoutDescription.guide
    layout.name = "guide-ram"
    layout.mounts = [Mount(path: "hot", type: "tmpfs")]
    for index in layout.kinds.indices {
      layout.kinds[index].cold = layout.kinds[index].hot
      layout.kinds[index].hot = "hot/\(layout.kinds[index].hot)"
    }
    return layout
  }()
}
