import Glibc

/// A model of any layout and where each file of a capture belongs in it, written from the specification alone and sharing no
/// code with the product.
public struct PlainLayout: Sendable {
  public struct Kind: Sendable {
    public var name: String
    public var prefix: String
    public var suffix: String
    /// Folders end with a slash; empty for the capture itself.
    public var flat: String
    public var hot: String
    public var cold: String
    public var limit: Int

    public init(
      name: String, prefix: String, suffix: String, flat: String, hot: String, cold: String, limit: Int
    ) {
      self.name = name
      self.prefix = prefix
      self.suffix = suffix
      self.flat = flat
      self.hot = hot
      self.cold = cold
      self.limit = limit
    }
  }

  /// A file and the role of the folder that it is in.
  public struct File: Sendable {
    public enum Role: Sendable, CaseIterable { case flat, hot, bucket, otherBucket }
    public var kind: Int
    public var name: Bytes
    public var role: Role
    public var seconds: Int
    public var nanoseconds: Int

    public init(kind: Int, name: Bytes, role: Role, seconds: Int, nanoseconds: Int) {
      self.kind = kind
      self.name = name
      self.role = role
      self.seconds = seconds
      self.nanoseconds = nanoseconds
    }
  }

  public var kinds: [Kind]
  public var hasDates: Bool

  public init(kinds: [Kind], hasDates: Bool) {
    self.kinds = kinds
    self.hasDates = hasDates
  }

  public var withOtherBuckets: PlainLayout { PlainLayout(kinds: kinds, hasDates: !hasDates) }

  /// The bucket of a moment, in UTC.
  public func bucket(_ seconds: Int) -> String {
    var time = time_t(seconds)
    var parts = tm()
    gmtime_r(&time, &parts)
    guard hasDates else { return "\(parts.tm_hour)/" }
    func padded(_ value: Int, _ width: Int) -> String {
      String(repeating: "0", count: max(0, width - "\(value)".count)) + "\(value)"
    }
    let date = [(Int(parts.tm_year) + 1900, 4), (Int(parts.tm_mon) + 1, 2), (Int(parts.tm_mday), 2)]
    return date.map { padded($0.0, $0.1) }.joined(separator: "-") + "/\(padded(Int(parts.tm_hour), 2))/"
  }

  public func path(_ file: File) -> Bytes {
    let kind = kinds[file.kind]
    let folder =
      switch file.role {
      case .flat: kind.flat
      case .hot: kind.hot
      case .bucket: kind.cold + bucket(file.seconds)
      case .otherBucket: kind.cold + withOtherBuckets.bucket(file.seconds)
      }
    return Bytes(folder) + file.name
  }

  /// The paths of all files once the capture is settled. Names must be unique.
  public func settled(_ files: [File]) -> Set<Bytes> { paths(roles(of: files)) }

  /// Every file with its role once the capture is settled. A flat or hot file may have been so in another layout; a file in a
  /// bucket of any layout stays cold.
  public func roles(of files: [File]) -> [File] {
    kinds.indices.flatMap { index -> [File] in
      let own = files.filter { $0.kind == index }
      let fresh = own.filter { $0.role == .flat || $0.role == .hot }.sorted {
        ($0.seconds, $0.nanoseconds, $0.name) > ($1.seconds, $1.nanoseconds, $1.name)
      }
      let cold =
        fresh.dropFirst(kinds[index].limit) + own.filter { $0.role == .bucket || $0.role == .otherBucket }
      return fresh.prefix(kinds[index].limit).map { Self.file($0, in: .hot) }
        + cold.map { Self.file($0, in: .bucket) }
    }
  }

  public func paths(_ files: [File]) -> Set<Bytes> { Set(files.map(path)) }

  /// The paths of all files in the flat layout.
  public func flat(_ files: [File]) -> Set<Bytes> { paths(files.map { Self.file($0, in: .flat) }) }

  private static func file(_ file: File, in role: File.Role) -> File {
    var file = file
    file.role = role
    return file
  }
}

// MARK: folders

extension PlainLayout {
  /// The folders that the layout keeps even if they are empty, without a slash at the end.
  public var folders: Set<Bytes> {
    let hours = hasDates ? [] : (0..<24).map { "\($0)/" }
    let all = kinds.flatMap { kind in [kind.flat, kind.hot, kind.cold] + hours.map { kind.cold + $0 } }
    return Set(all.filter { !$0.isEmpty }.map { Bytes(String($0.dropLast())) })
  }

  /// Whether a folder of either layout is, or is inside, a possible bucket of the other: then a file in that folder would be hot
  /// in one and cold in the other.
  public func isInTheWay(of other: PlainLayout) -> Bool {
    func isInBucket(_ folder: String, _ cold: String) -> Bool {
      guard folder.hasPrefix(cold) else { return false }
      let name = folder.dropFirst(cold.count).prefix { $0 != "/" }
      return (0..<24).contains { name == "\($0)" } || (name.count == 10 && name.contains("-"))
    }
    func isIn(_ layout: PlainLayout, bucketOf other: PlainLayout) -> Bool {
      layout.kinds.contains { kind in
        [kind.flat, kind.hot, kind.cold].contains { folder in
          other.kinds.contains { isInBucket(folder, $0.cold) }
        }
      }
    }
    return isIn(self, bucketOf: other) || isIn(other, bucketOf: self)
  }
}
