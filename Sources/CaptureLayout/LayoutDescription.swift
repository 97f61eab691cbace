/// The description of a layout: names and paths as text, not yet checked.
public struct LayoutDescription: Equatable, Sendable {
  /// A class of files, and the folders in which they are kept.
  public struct Kind: Equatable, Sendable {
    public var name: String
    /// Patterns for its file names (`Glob`), at least one.
    public var match: [String]
    /// Patterns for names that are excluded although they match.
    public var except: [String] = []
    /// A folder below the capture, "" for the capture itself; as for `hot`.
    public var flat: String
    public var hot: String
    /// The folder that contains its buckets; nil for one named as the hot folder.
    public var cold: String?
    /// How many files stay hot.
    public var limit: Int
    /// How long cold files are kept, in seconds, if the service applies the layout's retention; nil for no limit.
    public var retentionSeconds: Int64?
    /// The name of the live playlist, for the kind whose files are the segments of an HLS stream.
    public var playlist: String?
    /// The names of the init segments, which a player loads before a segment (fMP4; EXT-X-MAP, RFC 8216 section 4.3.2.5).
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

  /// A folder whose files are on another file system: a mount point in the capture, or the cold root. Files are moved to it
  /// and from it by copying.
  public struct Mount: Equatable, Sendable {
    /// Relative to the capture; absolute for a cold root.
    public var path: String
    /// The type of the file system (`FileSystemStatus.name`), such as "tmpfs"; nil for any.
    public var type: String?
    /// The UUID of the file system that is mounted there, as blkid(8) prints it; nil for any.
    public var uuid: String?
    /// For a cold root: the absolute path at which its file system must be mounted, which is the root itself or a folder above
    /// it. Nil if the layout does not require a mount.
    public var point: String?

    /// The types that a layout may require of a mount: those that the kernel's magic number distinguishes
    /// (`FileSystemStatus.name`; ext2 and ext3 have the number of ext4).
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

    /// Whether the two are the same folder, or one is inside the other.
    func overlaps(_ other: Mount) -> Bool {
      LayoutDescription.isBelow(path, other.path) || LayoutDescription.isBelow(other.path, path)
    }
  }

  public var name: String
  public var kinds: [Kind]
  /// Mount points below the capture.
  public var mounts: [Mount] = []
  /// The folder below which the buckets of all kinds are; nil if that is the capture.
  public var coldRoot: Mount?
  public var buckets: BucketRule
  /// The time zone of the buckets, unless the user chooses another; nil for UTC with dates, and for the machine's zone
  /// without.
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
  /// The placeholder for the name of the capture in the path of a cold root.
  public static let captureMark = "{capture}"

  /// The folder that contains the buckets of a kind: relative to the capture, or absolute if there is a cold root.
  func coldPath(of kind: Kind) -> String {
    let path = kind.cold ?? kind.hot
    return coldRoot.map { "\($0.path)/\(path)" } ?? path
  }
}

/// Why a description is not a valid layout.
public struct LayoutMistake: Error, Equatable, Sendable {
  /// The kind that is wrong, by its position; nil for the layout as a whole.
  public let kind: Int?
  /// The key that is wrong, as layout files name it.
  public let key: String?
  /// For the user, such as "there is already a kind 'segments'".
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
  /// The guide's layout with its hot places in RAM: a tmpfs on `hot`, to which the recorder writes.
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
