/// How the folders of the cold tier are named.
public enum BucketRule: String, CaseIterable, Sendable {
  /// `0` to `23`: the hour of day. A bucket holds that hour of every day.
  case hour
  /// `2026-11-24/13`: date and hour.
  case dateHour = "date-hour"

  /// The hours of a day, for which a capture or a day has folders.
  public static let hours = 0..<hoursOfDay
  @usableFromInline static var hoursOfDay: Int { 24 }
}

/// A folder of the cold tier.
@frozen public struct Bucket: Hashable, Comparable, Sendable {
  /// Which of a `Layout`'s trees it is in; files are moved to tree 0.
  public let tree: UInt8
  /// The hour of day, 0 to 23, or hours since 1970 in the time zone of the buckets.
  @usableFromInline let number: Int32

  /// The hour, if this is an hour of day in the first tree.
  @inlinable var hourOfDay: Int? {
    tree == 0 && number >= 0 && number < BucketRule.hoursOfDay ? Int(number) : nil
  }

  init(tree: Int = 0, number: Int32) {
    self.tree = UInt8(tree)
    self.number = number
  }

  /// The bucket of the same name in the tree to which files are moved.
  public var inFirstTree: Bucket { Bucket(number: number) }

  public static func hour(_ hour: Int, tree: Int = 0) -> Bucket { Bucket(tree: tree, number: Int32(hour)) }

  public static func dateHour(_ day: Day, _ hour: Int, tree: Int = 0) -> Bucket {
    Bucket(tree: tree, number: day.number * 24 + Int32(hour))
  }

  public static func < (left: Self, right: Self) -> Bool {
    left.tree != right.tree ? left.tree < right.tree : left.number < right.number
  }
}

extension BucketRule {
  /// Whether a bucket belongs to one date. The number of such buckets is unbounded: each is made for its first file, in the
  /// folder of its date, and may be removed when it is over and empty.
  public var hasDates: Bool {
    switch self {
    case .hour: false
    case .dateHour: true
    }
  }

  /// The buckets that a tree has from the beginning, empty or not; none if they have dates.
  public func fixedBuckets(tree: Int = 0) -> [Bucket] {
    hasDates ? [] : Self.hours.map { .hour($0, tree: tree) }
  }

  /// The time zone of the buckets if the layout names none. UTC for dates, so that a date means the same everywhere; nil
  /// for the machine's zone.
  var timeZoneDefault: String? { hasDates ? "UTC" : nil }

  /// The names of a bucket's folders, outermost first: `["7"]`, or `["2026-11-24", "13"]`.
  public func names(of bucket: Bucket) -> [String] {
    switch self {
    case .hour: ["\(bucket.number)"]
    case .dateHour: [day(of: bucket)!.text, CalendarTime.padded(Int64(hour(of: bucket)), 2)]
    }
  }

  /// The path of a bucket below the folder of its kind: "7", or "2026-11-24/13".
  public func text(of bucket: Bucket) -> String { names(of: bucket).joined(separator: "/") }

  /// The hour of day of a bucket, 0 to 23.
  public func hour(of bucket: Bucket) -> Int {
    switch self {
    case .hour: Int(bucket.number)
    case .dateHour: Int(bucket.number - day(of: bucket)!.number * 24)
    }
  }

  /// The day of a bucket; nil if it holds files of every day.
  public func day(of bucket: Bucket) -> Day? {
    switch self {
    case .hour: nil
    case .dateHour: Day(number: bucket.number / 24 - (bucket.number % 24 < 0 ? 1 : 0))
    }
  }

  /// The bucket of a modification time; nil if it has none, because a year before 1 or after 9999 has no four digits.
  public func bucket(of time: ModificationTime, _ clock: inout HourClock) -> Bucket? {
    switch self {
    case .hour: .hour(clock.hour(of: time))
    case .dateHour: clock.dayIfNamed(of: time).map { .dateHour($0, clock.hour(of: time)) }
    }
  }

  /// Whether a folder of this name is a bucket or contains buckets: `7`, or `2026-11-24`.
  public func isFolder(named name: Span<UInt8>) -> Bool {
    hasDates ? Day(parsing: name) != nil : hour(named: name) != nil
  }

  /// The bucket of a day, from the name of its hour folder.
  public func bucket(named name: Span<UInt8>, of day: Day, tree: Int) -> Bucket? {
    hour(named: name).map { .dateHour(day, $0, tree: tree) }
  }

  /// The hour that an hour folder is named after: `7` for hours of day, `07` for dated buckets.
  private func hour(named name: Span<UInt8>) -> Int? {
    guard (1...2).contains(name.count) else { return nil }
    var hour = 0
    for index in name.indices {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(name[index]) else { return nil }
      hour = hour * 10 + Int(name[index] - UInt8(ascii: "0"))
    }
    let digits = hasDates || hour > 9 ? 2 : 1
    return name.count == digits && Self.hours.contains(hour) ? hour : nil
  }
}

/// One value for each bucket of a tree. Hours of day are found without hashing, because this is updated for every file.
@frozen public struct PerBucket<Value> {
  @usableFromInline let initial: Value
  @usableFromInline var hours: [Value]
  @usableFromInline var others: [Bucket: Value] = [:]

  @inlinable public init(repeating value: Value) {
    initial = value
    hours = Array(repeating: value, count: BucketRule.hoursOfDay)
  }

  @inlinable public subscript(bucket: Bucket) -> Value {
    guard let hour = bucket.hourOfDay else { return others[bucket] ?? initial }
    return hours[hour]
  }

  /// A method, because a subscript that modifies in place allocates at each use.
  @inlinable public mutating func update<Result>(_ bucket: Bucket, _ body: (inout Value) -> Result) -> Result
  {
    if let hour = bucket.hourOfDay { return body(&hours[hour]) }
    let initial = initial
    return body(&others[bucket, default: initial])
  }

  /// The hours of day, and the other buckets that have been updated, in order.
  public var all: [(bucket: Bucket, value: Value)] {
    (hours.indices.map { (Bucket.hour($0), hours[$0]) } + others.map { ($0.key, $0.value) }).sorted {
      $0.bucket < $1.bucket
    }
  }
}

extension PerBucket: Sendable where Value: Sendable {}

extension PerBucket<Int> {
  public var sum: Int { hours.reduce(0, +) + others.values.reduce(0, +) }

  public mutating func add(_ other: PerBucket<Int>) {
    for index in hours.indices { hours[index] += other.hours[index] }
    for (bucket, value) in other.others { others[bucket, default: 0] += value }
  }
}
