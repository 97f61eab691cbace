// TO BE DELETED when this module meets the `Layout` of CaptureLayout: minimal copies of its types. What is new here, and
// has to be added there, is `LayoutDescription.timeZone` and `LayoutDescription.Kind.initialization`.

public enum BucketRule: String, CaseIterable, Sendable {
  case hour
  case dateHour = "date-hour"
}

public struct LayoutDescription: Equatable, Sendable {
  public struct Kind: Equatable, Sendable {
    public var name: String
    public var match: [String]
    public var except: [String] = []
    public var flat: String
    public var hot: String
    public var cold: String?
    public var limit: Int
    public var retentionSeconds: Int64?
    public var playlist: String?
    /// The initialisation files of the stream (EXT-X-MAP), for the kind that has a playlist.
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

  public var name: String
  public var kinds: [Kind]
  public var buckets: BucketRule
  /// Of the buckets; nil for UTC where they have dates, and for the machine's own zone where they do not.
  public var timeZone: String?

  public init(name: String, kinds: [Kind], buckets: BucketRule, timeZone: String? = nil) {
    self.name = name
    self.kinds = kinds
    self.buckets = buckets
    self.timeZone = timeZone
  }
}

public struct LayoutMistake: Error, Equatable, Sendable {
  public let kind: Int?
  public let key: String?
  public let reason: String

  init(_ reason: String, kind: Int? = nil, key: String? = nil) {
    self.kind = kind
    self.key = key
    self.reason = reason
  }
}
