/// Where a capture keeps its files: the kinds, each with its names and folders, and how the folders of the cold tier are
/// named. A value that every command works with.
///
///     flat place ─▶ hot place          the newest files of a kind, up to its limit, and what the live playlist lists
///              └──▶ cold place/bucket  all others
public struct Layout: Sendable {
  /// The folders and limits of a kind. Numbers only, because it is read several times for every file.
  public struct Rule: Sendable {
    public let flat: Place
    public let hot: Place
    public let hotLimit: Int
    /// How long cold files are kept, in seconds, if the service applies this layout's retention; nil for no limit.
    public let retentionSeconds: Int64?
  }

  /// Folders of the cold tier: a place for each kind, with its buckets below. A kind has no place in another tree if its
  /// buckets there are those of the first tree.
  public struct Tree: Sendable {
    public let rule: BucketRule
    public let places: PerKind<Place?>
  }

  /// The kind whose files are the segments of an HLS stream.
  public struct Stream: Sendable {
    public let kind: Kind
    /// The name of the media playlist that the encoder rewrites for every segment.
    public let playlist: String
    /// The names of the init segments, which players load before a segment; they are in the folder of the live playlist.
    public let initialization: [String]
  }

  /// A class, so that it is passed by reference: it is used for every file.
  final class Contents: Sendable {
    let description: LayoutDescription
    let rules: [Rule]
    let paths: [String]
    let trees: [Tree]
    /// Places of the layout that files come from, if they are not places of this one.
    let sources: PerKind<[Place]>
    /// Including those of the layouts that files come from.
    let mounts: [LayoutDescription.Mount]
    let hasMounts: Bool
    /// For each path, the index of the mount that it is in.
    let mountOfPath: [Int?]
    let stream: Stream?
    let matcher: NameMatcher
    /// The number of bytes before the first star of a kind's only pattern; -1 if it has several patterns.
    let prefixCounts: PerKind<Int>

    init(
      _ description: LayoutDescription, _ rules: [Rule], _ paths: [String], _ trees: [Tree],
      _ sources: PerKind<[Place]>, _ mounts: [LayoutDescription.Mount], _ matcher: NameMatcher
    ) {
      self.description = description
      self.mounts = mounts
      hasMounts = !mounts.isEmpty
      mountOfPath = paths.map { path in
        mounts.firstIndex { LayoutDescription.isBelow(path, $0.path) }
      }
      self.rules = rules
      self.paths = paths
      self.trees = trees
      self.sources = sources
      self.matcher = matcher
      prefixCounts = PerKind { matcher.prefixCount(of: Int($0.index)) ?? -1 }
      stream = description.kinds.firstIndex { $0.playlist != nil }.map {
        Stream(
          kind: CaptureLayout.Kind($0), playlist: description.kinds[$0].playlist!,
          initialization: description.kinds[$0].initialization)
      }
    }
  }

  let contents: Contents

  init(contents: Contents) { self.contents = contents }

  /// The description that it was made from.
  public var description: LayoutDescription { contents.description }
  public var rules: [Rule] { contents.rules }
  /// The paths of all places, each once, the capture itself first: relative to the capture, or absolute in a cold root.
  public var paths: [String] { contents.paths }
  /// The tree that files go to, followed by those that they come from.
  public var trees: [Tree] { contents.trees }
  public var stream: Stream? { contents.stream }
  /// Folders on other file systems: mounts in the capture, and cold roots.
  public var mounts: [LayoutDescription.Mount] { contents.mounts }
  /// Whether there are any `mounts`. Stored, because it is read for every file.
  public var hasMounts: Bool { contents.hasMounts }
  /// The index in `mounts` of the mount that a place is in; nil if it is on the file system of the capture.
  public func mount(of place: Place) -> Int? { contents.mountOfPath[Int(place.index)] }

  /// Splits any path of the layout into the index in `mounts` of the mount that it is in, if any, and the path within that.
  public func split(_ path: String) -> (mount: Int?, path: String) {
    guard let mount = mounts.firstIndex(where: { LayoutDescription.isBelow(path, $0.path) }) else {
      return (nil, path)
    }
    let below = path.utf8.dropFirst(mounts[mount].path.utf8.count).drop { $0 == UInt8(ascii: "/") }
    return (mount, String(decoding: below, as: UTF8.self))
  }

  public var name: String { description.name }
  /// The time zone of the buckets that the layout names; the user may choose another.
  public var timeZone: String? { description.timeZone }
  /// The same with the default of the bucket rule; nil for the machine's zone.
  public var timeZoneOfBuckets: String? { timeZone ?? buckets.timeZoneDefault }
  public var kinds: [Kind] { rules.indices.map(Kind.init) }
  public var places: [Place] { paths.indices.map(Place.init) }
  public var buckets: BucketRule { trees[0].rule }

  public subscript(kind: Kind) -> Rule { rules[Int(kind.index)] }

  public func name(of kind: Kind) -> String { description.kinds[Int(kind.index)].name }

  public func kind(named name: String) -> Kind? {
    description.kinds.firstIndex { $0.name == name }.map(Kind.init)
  }

  /// A kind with its name, for messages that are printed where the layout is not available.
  public func named(_ kind: Kind) -> NamedKind { NamedKind(kind: kind, name: name(of: kind)) }

  // MARK: names

  /// The kind that a name belongs to, or nil if it matches no kind of this layout.
  public func kind(of name: Span<UInt8>) -> Kind? { contents.matcher.kind(of: name) }

  public func isSegment(_ kind: Kind) -> Bool { stream?.kind == kind }

  /// The number in a name: the digits right after the fixed beginning of its pattern, such as 12 in
  /// `segment_000000012.ts` and in `capture_12_thumbnail.jpg`. Nil if there are none, if anything but '.' or '_' follows
  /// them, or if 64 bits are too few.
  public func number(of name: Span<UInt8>, _ kind: Kind) -> Int64? {
    // If a kind has only one pattern, its names begin as that does.
    let prefixCount = contents.prefixCounts[kind]
    if prefixCount >= 0 { return FileName.number(of: name, from: prefixCount) }
    guard let fixed = contents.matcher.fixedCounts(of: name, kind) else { return nil }
    return FileName.number(of: name, from: fixed.before)
  }

  /// A name of the same kind that contains the file's modification time in UTC: `segment_000000005.ts` becomes
  /// `segment_000000005.20261124T130501Z.ts`. For a file whose own name is taken, as when a recorder restarts its numbering.
  /// Nil if the result would be too long for a file name, or of another kind.
  public func timed(_ name: Span<UInt8>, of kind: Kind, _ modified: ModificationTime) -> [UInt8]? {
    guard let fixed = contents.matcher.fixedCounts(of: name, kind) else { return nil }
    let bytes = Array(copying: name)
    let timed =
      bytes.dropLast(fixed.after) + Array(".\(modified.compactText)".utf8) + bytes.suffix(fixed.after)
    return timed.count <= FileName.longest && self.kind(of: Array(timed).span) == kind ? Array(timed) : nil
  }

  // MARK: folders

  public func path(of place: Place) -> String { paths[Int(place.index)] }

  /// The prefix of its entries' paths in the layout: "captures/", or empty for the capture itself.
  public func prefix(of place: Place) -> String {
    place == .root ? "" : path(of: place) + "/"
  }

  /// Whether files of this kind are looked for here: in its flat place, its hot place, and those of a layout that they come
  /// from.
  public func holds(_ place: Place, _ kind: Kind) -> Bool {
    self[kind].flat == place || self[kind].hot == place || contents.sources[kind].contains(place)
  }

  /// Whether files come from another layout's folders.
  public var hasSources: Bool { trees.count > 1 || kinds.contains { !contents.sources[$0].isEmpty } }

  /// Where a live playlist may be: the flat place of its segments, the places of another layout that they come from, and
  /// their hot place, in this order.
  public var playlistPlaces: [Place] {
    guard let kind = stream?.kind else { return [] }
    let all = [self[kind].flat] + contents.sources[kind] + [self[kind].hot]
    return all.indices.filter { !all[($0 + 1)...].contains(all[$0]) }.map { all[$0] }
  }

  /// Whether the live playlist may be here.
  public func holdsPlaylist(_ place: Place) -> Bool { stream.map { holds(place, $0.kind) } ?? false }

  /// Whether the segments of the stream are written here.
  public func isFlatPlaceOfStream(_ place: Place) -> Bool {
    stream.map { self[$0.kind].flat == place } ?? false
  }

  /// The folder that contains the buckets of a kind.
  public func coldPlace(of kind: Kind) -> Place { trees[0].places[kind] ?? .root }

  /// The same in another tree; nil if the kind has no buckets there.
  public func coldPlace(of kind: Kind, tree: Int) -> Place? { trees[tree].places[kind] }

  /// Whether a bucket of another tree is also a bucket of the first tree, for this kind or another one.
  public func isWanted(_ bucket: Bucket, of kind: Kind) -> Bool {
    let tree = trees[Int(bucket.tree)]
    return tree.rule == buckets && kinds.contains { coldPlace(of: $0) == tree.places[kind] }
  }

  /// Whether a name in a bucket belongs to the bucket's kind, or to another kind that has, or had, its buckets in the same
  /// folder.
  public func isKnown(_ name: Span<UInt8>, in bucket: Bucket, of kind: Kind) -> Bool {
    guard let other = self.kind(of: name) else { return false }
    let tree = trees[Int(bucket.tree)]
    return trees.contains { $0.rule == tree.rule && $0.places[other] == tree.places[kind] }
  }

  /// The path of a bucket: "segments/7" or "segments/2026-11-24/13" (absolute in a cold root).
  public func path(of bucket: Bucket, _ kind: Kind) -> String {
    let tree = trees[Int(bucket.tree)]
    return prefix(of: tree.places[kind] ?? .root) + tree.rule.text(of: bucket)
  }

  /// How a playlist in a bucket refers to a file in a place: `../init.mp4`, percent-encoded as by `ArchivePlaylist.uri`. The
  /// folders of a cold root count as if they were in the capture: a web server serves both below one URL.
  public func uri(of name: String, in place: Place, from bucket: Bucket, _ kind: Kind) -> String {
    // By bytes: two spellings of one letter are two folders.
    let folder = shown(path(of: bucket, kind)).utf8.split(separator: UInt8(ascii: "/")).map(Array.init)
    let file = shown(prefix(of: place) + name).utf8.split(separator: UInt8(ascii: "/")).map(Array.init)
    let common = zip(folder, file).prefix { $0 == $1 }.count
    let rest = file.dropFirst(common).map {
      String(decoding: ArchivePlaylist.uri(of: $0.span), as: UTF8.self)
    }
    return (folder.dropFirst(common).map { _ in ".." } + rest).joined(separator: "/")
  }

  /// A path of the layout, relative to the cold root if it is in one.
  private func shown(_ path: String) -> String {
    let (mount, below) = split(path)
    return mount.map { mounts[$0].isColdRoot } ?? false ? below : path
  }

  /// The first component of a path after a prefix such as "captures/"; nil if the path lacks the prefix, or ends there.
  static func entry(of path: String, after prefix: String) -> String? {
    // By bytes: two spellings of one letter are two folders.
    guard path.utf8.starts(with: prefix.utf8) else { return nil }
    let name = path.utf8.dropFirst(prefix.utf8.count).prefix { $0 != UInt8(ascii: "/") }
    // An absolute path is in no folder of the capture.
    return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
  }

  /// Whether a place is the capture itself or a cold root: such a place contains folders of the layout, but none of its files
  /// (unless the capture is also a flat or hot place).
  public func isRoot(_ place: Place) -> Bool {
    place == .root
      || mount(of: place).map { mounts[$0].isColdRoot && mounts[$0].path == path(of: place) } ?? false
  }

  /// The place with this path; nil if the folder is not a place of this layout.
  public func place(at path: String) -> Place? {
    // By bytes: two spellings of one letter are two folders.
    paths.firstIndex { $0.utf8.elementsEqual(path.utf8) }.map { Place($0) }
  }

  /// The names of the folders in a place that are, or contain, other places; each once.
  public func folders(in place: Place) -> [String] {
    let prefix = prefix(of: place)
    var names: [String] = []
    for path in paths {
      guard let name = Self.entry(of: path, after: prefix) else { continue }
      if !names.contains(where: { $0.utf8.elementsEqual(name.utf8) }) { names.append(name) }
    }
    return names
  }

  /// Whether any kind has its buckets here.
  public func holdsBuckets(_ place: Place) -> Bool { !bucketRules(in: place).isEmpty }

  /// The rules by which buckets in this place are named; empty if there are none.
  public func bucketRules(in place: Place) -> [BucketRule] {
    BucketRule.allCases.filter { rule in
      trees.contains { tree in tree.rule == rule && kinds.contains { tree.places[$0] == place } }
    }
  }

  /// Whether a folder of this name in a place belongs to the layout: it is or leads to another place, is a bucket, or contains
  /// buckets.
  public func isPart(folder name: Span<UInt8>, of place: Place) -> Bool {
    if folders(in: place).contains(where: { name.isEqual(to: $0) }) { return true }
    return bucketRules(in: place).contains { $0.isFolder(named: name) }
  }
}

/// A kind with its name.
public struct NamedKind: Equatable, Sendable {
  public let kind: Kind
  public let name: String
}

// MARK: making

extension Layout {
  /// The layout of the users' guide: four kinds, buckets by hour of day.
  public static let guide = Layout(checked: .guide)
  /// The guide's layout with the hot places on a tmpfs.
  public static let guideRAM = Layout(checked: .guideRAM)

  /// - Throws: the first mistake in the description.
  public init(_ description: LayoutDescription) throws(LayoutMistake) {
    try description.check()
    self.init(checked: description)
  }

  /// Skips the check, which costs more than everything else at start-up: the tests check the built-in layouts.
  private init(checked description: LayoutDescription) {
    let globs = description.kinds.map { kind in
      (matches: kind.match.compactMap(Glob.init), exceptions: kind.except.compactMap(Glob.init))
    }
    var paths = [""]
    if let root = description.coldRoot { _ = Self.place(root.path, in: &paths) }
    var cold = PerKind<Place?>(repeating: nil)
    let rules = description.kinds.enumerated().map { index, kind in
      let rule = Rule(
        flat: Self.place(kind.flat, in: &paths), hot: Self.place(kind.hot, in: &paths),
        hotLimit: kind.limit, retentionSeconds: kind.retentionSeconds)
      cold[CaptureLayout.Kind(index)] = Self.place(description.coldPath(of: kind), in: &paths)
      return rule
    }
    contents = Contents(
      description, rules, paths, [Tree(rule: description.buckets, places: cold)], PerKind(repeating: []),
      description.mounts + (description.coldRoot.map { [$0] } ?? []), NameMatcher(globs))
  }

  static func place(_ path: String, in paths: inout [String]) -> Place {
    // By bytes: two spellings of one letter are two folders.
    if let index = paths.firstIndex(where: { $0.utf8.elementsEqual(path.utf8) }) { return Place(index) }
    paths.append(path)
    return Place(paths.count - 1)
  }
}
