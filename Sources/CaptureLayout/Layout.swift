/// Where a capture keeps its files: the kinds, each with its names and folders, and how the folders of the cold tier are
/// named. A value: every command works by one.
///
///     flat place ─▶ hot place          the newest of a kind, as many as its limit, and what the live playlist lists
///              └──▶ cold place/bucket  all others
public struct Layout: Sendable {
  /// The folders and limits of a kind. Numbers only, for it is asked for several times for every file.
  public struct Rule: Sendable {
    public let flat: Place
    public let hot: Place
    public let hotLimit: Int
    /// For how long cold files are kept where the service is asked for this layout's retention; nil for as long as the disk
    /// lasts.
    public let retentionSeconds: Int64?
  }

  /// Folders of the cold tier: for each kind a place, and below it the buckets. A kind whose buckets are in the first tree
  /// already has none in another one.
  public struct Tree: Sendable {
    public let rule: BucketRule
    public let places: PerKind<Place?>
  }

  /// The kind that is the segments of an HLS stream.
  public struct Stream: Sendable {
    public let kind: Kind
    /// The name of the media playlist that the encoder rewrites for every segment.
    public let playlist: String
    /// The files that a player loads before a segment; they are where the live playlist is.
    public let initialization: [String]
  }

  /// Of a class, so that it is handed on by reference: it is asked for every file.
  final class Contents: Sendable {
    let description: LayoutDescription
    let rules: [Rule]
    let paths: [String]
    let trees: [Tree]
    /// Places of the layout that a run fetches files from, where those are others.
    let sources: PerKind<[Place]>
    /// Of all layouts that files come from as well.
    let mounts: [LayoutDescription.Mount]
    let hasMounts: Bool
    /// For each path: in which of them it is.
    let mountOfPath: [Int?]
    let stream: Stream?
    let matcher: NameMatcher
    /// Bytes before the first star of a kind's only pattern; -1 where it has several.
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

  /// What it was made from.
  public var description: LayoutDescription { contents.description }
  public var rules: [Rule] { contents.rules }
  /// Each once, the capture itself first: below the capture, or absolute in a cold root.
  public var paths: [String] { contents.paths }
  /// That to which files go, and behind it those from which a run fetches them.
  public var trees: [Tree] { contents.trees }
  public var stream: Stream? { contents.stream }
  /// Folders that are on other file systems: mounts in the capture, and cold roots.
  public var mounts: [LayoutDescription.Mount] { contents.mounts }
  /// Asked of every file, so it costs no look at an array.
  public var hasMounts: Bool { contents.hasMounts }
  /// In which of `mounts` a place is; nil for one on the file system of the capture.
  public func mount(of place: Place) -> Int? { contents.mountOfPath[Int(place.index)] }

  /// For any path of the layout: in which of `mounts` it is, and its path there.
  public func split(_ path: String) -> (mount: Int?, path: String) {
    guard let mount = mounts.firstIndex(where: { LayoutDescription.isBelow(path, $0.path) }) else {
      return (nil, path)
    }
    let below = path.utf8.dropFirst(mounts[mount].path.utf8.count).drop { $0 == UInt8(ascii: "/") }
    return (mount, String(decoding: below, as: UTF8.self))
  }

  public var name: String { description.name }
  /// That of the buckets, where none is asked for otherwise.
  public var timeZone: String? { description.timeZone }
  /// The same; nil for that of the machine.
  public var timeZoneOfBuckets: String? { timeZone ?? buckets.timeZoneDefault }
  public var kinds: [Kind] { rules.indices.map(Kind.init) }
  public var places: [Place] { paths.indices.map(Place.init) }
  public var buckets: BucketRule { trees[0].rule }

  public subscript(kind: Kind) -> Rule { rules[Int(kind.index)] }

  public func name(of kind: Kind) -> String { description.kinds[Int(kind.index)].name }

  public func kind(named name: String) -> Kind? {
    description.kinds.firstIndex { $0.name == name }.map(Kind.init)
  }

  /// For messages, which are printed where the layout is not at hand.
  public func named(_ kind: Kind) -> NamedKind { NamedKind(kind: kind, name: name(of: kind)) }

  // MARK: names

  /// The kind that a name belongs to, or nil for a name that this layout does not know.
  public func kind(of name: Span<UInt8>) -> Kind? { contents.matcher.kind(of: name) }

  public func isSegment(_ kind: Kind) -> Bool { stream?.kind == kind }

  /// The number in a name: the digits right after what all names of its kind begin with, such as 12 in
  /// `segment_000000012.ts` and in `capture_12_thumbnail.jpg`. Nil where there are none, or where something else than the
  /// name's ending follows.
  public func number(of name: Span<UInt8>, _ kind: Kind) -> Int64? {
    // A name of a kind with one pattern begins as that does.
    let prefixCount = contents.prefixCounts[kind]
    if prefixCount >= 0 { return FileName.number(of: name, from: prefixCount) }
    guard let fixed = contents.matcher.fixedCounts(of: name, kind) else { return nil }
    return FileName.number(of: name, from: fixed.before)
  }

  /// A name of the same kind with a file's modification time in it, in UTC: `segment_000000005.ts` becomes
  /// `segment_000000005.20261124T130501Z.ts`. For a file whose own name another one has, as where a recorder begins its
  /// numbers again. Nil where that would be longer than a name may be, or of another kind.
  public func timed(_ name: Span<UInt8>, of kind: Kind, _ modified: ModificationTime) -> [UInt8]? {
    guard let fixed = contents.matcher.fixedCounts(of: name, kind) else { return nil }
    let bytes = Array(copying: name)
    let timed =
      bytes.dropLast(fixed.after) + Array(".\(modified.compactText)".utf8) + bytes.suffix(fixed.after)
    return timed.count <= FileName.longest && self.kind(of: Array(timed).span) == kind ? Array(timed) : nil
  }

  // MARK: folders

  public func path(of place: Place) -> String { paths[Int(place.index)] }

  /// What stands before the names of its entries in a path of the layout: "captures/", or nothing.
  public func prefix(of place: Place) -> String {
    place == .root ? "" : path(of: place) + "/"
  }

  /// Whether files of this kind are looked for here: in its flat place, in its hot place, and in those of a layout that they come
  /// from.
  public func holds(_ place: Place, _ kind: Kind) -> Bool {
    self[kind].flat == place || self[kind].hot == place || contents.sources[kind].contains(place)
  }

  /// Whether files come from another layout's folders.
  public var hasSources: Bool { trees.count > 1 || kinds.contains { !contents.sources[$0].isEmpty } }

  /// Where a live playlist may be: where its segments are written, where those of another layout are hot, and where these are.
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

  /// In which the buckets of a kind are.
  public func coldPlace(of kind: Kind) -> Place { trees[0].places[kind] ?? .root }

  /// That of another tree; nil where the kind has none in it.
  public func coldPlace(of kind: Kind, tree: Int) -> Place? { trees[tree].places[kind] }

  /// Whether a bucket of another tree is one of the first tree as well, for a kind or for another.
  public func isWanted(_ bucket: Bucket, of kind: Kind) -> Bool {
    let tree = trees[Int(bucket.tree)]
    return tree.rule == buckets && kinds.contains { coldPlace(of: $0) == tree.places[kind] }
  }

  /// Whether a name in a bucket of a kind is of that kind, or of another one that has, or had, its buckets in the same folder.
  public func isKnown(_ name: Span<UInt8>, in bucket: Bucket, of kind: Kind) -> Bool {
    guard let other = self.kind(of: name) else { return false }
    let tree = trees[Int(bucket.tree)]
    return trees.contains { $0.rule == tree.rule && $0.places[other] == tree.places[kind] }
  }

  /// As `paths`: "segments/7", or "segments/2026-11-24/13".
  public func path(of bucket: Bucket, _ kind: Kind) -> String {
    let tree = trees[Int(bucket.tree)]
    return prefix(of: tree.places[kind] ?? .root) + tree.rule.text(of: bucket)
  }

  /// How a playlist in a bucket names a file of a place: `../init.mp4`, percent-encoded as `ArchivePlaylist.uri` is. The folders of a
  /// cold root count as if they were in the capture: a web server shows both under one address.
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

  /// A path of the layout without the cold root that it is in.
  private func shown(_ path: String) -> String {
    let (mount, below) = split(path)
    return mount.map { mounts[$0].isColdRoot } ?? false ? below : path
  }

  /// The first name of a path behind a prefix such as "captures/"; nil where the path begins otherwise, or ends there.
  static func entry(of path: String, after prefix: String) -> String? {
    // By bytes: two spellings of one letter are two folders.
    guard path.utf8.starts(with: prefix.utf8) else { return nil }
    let name = path.utf8.dropFirst(prefix.utf8.count).prefix { $0 != UInt8(ascii: "/") }
    // An absolute path is in no folder of the capture.
    return name.isEmpty ? nil : String(decoding: name, as: UTF8.self)
  }

  /// Whether a place is the capture itself or a cold root, in which there are folders of the layout and no files of it. (The capture
  /// may be a flat or a hot place besides.)
  public func isRoot(_ place: Place) -> Bool {
    place == .root
      || mount(of: place).map { mounts[$0].isColdRoot && mounts[$0].path == path(of: place) } ?? false
  }

  /// Nil for a folder that is no place of this layout.
  public func place(at path: String) -> Place? {
    // By bytes: two spellings of one letter are two folders.
    paths.firstIndex { $0.utf8.elementsEqual(path.utf8) }.map { Place($0) }
  }

  /// The names of the folders in a place that are, or lead to, other places; each once.
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

  /// By which the buckets here are named.
  public func bucketRules(in place: Place) -> [BucketRule] {
    BucketRule.allCases.filter { rule in
      trees.contains { tree in tree.rule == rule && kinds.contains { tree.places[$0] == place } }
    }
  }

  /// Whether a folder of this name belongs to the layout in a place: another place, or what buckets are in.
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
  /// The users' guide's: four kinds, buckets by hour of day.
  public static let guide = Layout(checked: .guide)
  public static let guideRAM = Layout(checked: .guideRAM)

  public init(_ description: LayoutDescription) throws(LayoutMistake) {
    try description.check()
    self.init(checked: description)
  }

  /// The check costs more than all else at the start of a program: what is built in has passed it in the tests.
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
