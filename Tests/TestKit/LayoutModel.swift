/// A second implementation of the settle rule, written from the specification alone and sharing no code with the
/// product: sort everything, take the newest, done. Slow and obvious.
public struct LayoutModel: Sendable {
  public struct File: Sendable {
    public var path: Bytes
    public var seconds: Int
    public var nanoseconds: Int

    public init(_ path: Bytes, seconds: Int, nanoseconds: Int = 0) {
      self.path = path
      self.seconds = seconds
      self.nanoseconds = nanoseconds
    }
  }

  public var hotLimits = ["segments": 10, "captures": 100, "thumbnails": 100, "metadata": 100]
  public var pinned: Set<Bytes> = []
  public var keepLive = false
  /// The hour of day of a moment; by default in UTC.
  public var hour: @Sendable (Int) -> Int = { seconds in
    let day = 86_400
    return ((seconds % day + day) % day) / 3600
  }

  public init() {}

  /// The kind of a path that is in a flat or hot place, or nil.
  public func kind(_ path: Bytes) -> String? {
    let folder = path.folder.description
    let name = path.name.bytes
    func has(_ prefix: String, _ suffix: String) -> Bool {
      name.count >= prefix.utf8.count + suffix.utf8.count
        && name.starts(with: prefix.utf8) && name.reversed().starts(with: suffix.utf8.reversed())
    }
    let text = String(decoding: name, as: UTF8.self)
    if has("segment_", ".ts") { return ["", "segments"].contains(folder) ? "segments" : nil }
    if has("capture_", "_thumbnail.jpg") {
      return ["captures", "thumbnails"].contains(folder) ? "thumbnails" : nil
    }
    if has("capture_", ".json") { return ["captures", "metadata"].contains(folder) ? "metadata" : nil }
    if has("capture_", ".jpg"), !text.contains("_thumbnail") {
      return folder == "captures" ? "captures" : nil
    }
    return nil
  }

  /// The path of each file once the capture is settled. Names must be unique.
  public func settled(_ files: [File]) -> Set<Bytes> {
    var result: Set<Bytes> = []
    let byKind = Dictionary(grouping: files) { kind($0.path) }
    for (kind, members) in byKind {
      guard let kind else {
        result.formUnion(members.map(\.path))
        continue
      }
      let newestFirst = members.sorted {
        ($0.seconds, $0.nanoseconds, $0.path.name) > ($1.seconds, $1.nanoseconds, $1.path.name)
      }
      for (rank, file) in newestFirst.enumerated() {
        let isHot = rank < hotLimits[kind]! || (kind == "segments" && pinned.contains(file.path.name))
        if isHot {
          result.insert(keepLive ? file.path : Bytes(kind + "/") + file.path.name)
        } else {
          result.insert(Bytes("\(kind)/\(hour(file.seconds))/") + file.path.name)
        }
      }
    }
    return result
  }
}
