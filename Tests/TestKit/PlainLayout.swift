import Glibc

/// Any layout, and where each file of a capture belongs in it: written from the specification alone and sharing no code with
/// the product.
public struct PlainLayout: Sendable {
  public struct Kind: Sendable {
    public var name: String
    public var prefix: String
    public var suffix: String
    /// Folders with a slash at the end; nothing for the capture itself.
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

  /// A file with the role of the folder that it is in.
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

  /// In UTC.
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

  /// Where all are when the capture is settled. Names must not be there twice.
  public func settled(_ files: [File]) -> Set<Bytes> {
    var result: Set<Bytes> = []
    for index in kinds.indices {
      let own = files.filter { $0.kind == index }
      let fresh = own.filter { $0.role == .flat || $0.role == .hot }.sorted {
        ($0.seconds, $0.nanoseconds, $0.name) > ($1.seconds, $1.nanoseconds, $1.name)
      }
      for file in fresh.prefix(kinds[index].limit) { result.insert(path(file, in: .hot)) }
      let cold =
        fresh.dropFirst(kinds[index].limit) + own.filter { $0.role == .bucket || $0.role == .otherBucket }
      for file in cold { result.insert(path(file, in: .bucket)) }
    }
    return result
  }

  /// Where all are in the flat layout.
  public func flat(_ files: [File]) -> Set<Bytes> { Set(files.map { path($0, in: .flat) }) }

  private func path(_ file: File, in role: File.Role) -> Bytes {
    var file = file
    file.role = role
    return path(file)
  }
}
