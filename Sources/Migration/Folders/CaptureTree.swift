internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// A folder that stays open for as long as something refers to it.
final class OpenFolder: Sendable {
  let directory: Directory

  init(_ directory: consuming Directory) { self.directory = directory }
}

/// The existing folders of a layout in one capture. The places stay open, and so do up to 96 buckets (24 hours of four kinds);
/// the other buckets are opened when needed. A value: it shows how things were when it was made.
struct CaptureTree: Sendable {
  fileprivate enum Folder {
    case absent
    case open(OpenFolder)
    case refused(FolderRefusal)
  }

  private enum BucketFolder {
    /// Exists; nil if it is not kept open.
    case there(OpenFolder?)
    case refused(FolderRefusal)

    var isThere: Bool { if case .there = self { true } else { false } }
  }

  /// Instead of a descriptor: the folder does not exist.
  static let absent: Int32 = -1
  /// Instead of a descriptor: the folder may not be used.
  static let refused: Int32 = -2

  static func isOpen(_ dirfd: Int32) -> Bool { dirfd >= 0 }

  let layout: Layout
  let capture: FilePath
  /// Whether link and unlink may take the place of renames if the file system turns out to have no RENAME_NOREPLACE.
  let allowsLinks: Bool
  /// Whether a killed run may have left a file under both its old and its new name: links are allowed, and the file system
  /// is not known to have RENAME_NOREPLACE.
  let mayHoldBothNames: Bool
  private var places: [Folder] = []
  /// The folders of `Layout.mounts`; nil for a cold root that does not exist yet.
  private(set) var mounts: [OpenFolder?] = []
  /// For each mount, the first mount that files can be renamed to from it: itself, an earlier one, or nil, the capture.
  private(set) var media: [Int?] = []
  /// Whether a move can be a copy to another file system.
  private(set) var copiesFiles = false
  /// Mounts in memory, which a power cut empties; nil is the file system of the capture.
  private var inMemory: Set<Int?> = []
  private var buckets = PerKind<[Bucket: BucketFolder]>(repeating: [:])
  private var keptCount = 0
  private let keptMax: Int
  /// Date folders, with or without hours in them.
  private(set) var dates: [(kind: Kind, tree: Int, day: Day)] = []
  private var otherRefusals: [FolderRefusal] = []
  /// Other entries in date folders, which hold only buckets.
  private(set) var unrecognised = Unrecognised()
  /// Kinds with a place that may not be used: their files stay where they are.
  private(set) var refusedKinds = PerKind(repeating: false)
  /// For each kind at most one bucket whose files are all of no kind (`BucketSample`).
  var bucketsOfNoKind: [String] = []
  /// Entries found in each bucket before the run.
  var bucketEntries = PerKind(repeating: PerBucket(repeating: 0))
  /// Folders in which a killed run has left files that were renamed aside (`TemporaryName`), among those that were listed.
  var sitesWithAsides: [Site] = []

  /// Opens the folders that exist. Makes and writes nothing.
  ///
  /// - Parameter budget: how many folders may stay open.
  init(
    of capture: borrowing Directory, _ layout: Layout, allowsLinks: Bool = false,
    budget: DescriptorBudget = DescriptorBudget(descriptorsMax: CurrentProcess.descriptorLimit)
  ) throws(KernelError) {
    keptMax = budget.keptMax
    self.layout = layout
    self.allowsLinks = allowsLinks
    self.capture = capture.path
    mayHoldBothNames = allowsLinks ? try !capture.fileSystem().refusesToReplace : false
    places = [.open(OpenFolder(try capture.reopened()))]
    for mount in layout.mounts {
      mounts.append(try Self.openMount(mount, in: capture))
      media.append(try medium(of: mounts.count - 1, capture))
    }
    copiesFiles = media.contains { $0 != nil }
    if layout.hasMounts, try capture.fileSystem().isInMemory { inMemory.insert(nil) }
    for index in mounts.indices where try mounts[index]?.directory.fileSystem().isInMemory == true {
      inMemory.insert(index)
    }
    for place in layout.places.dropFirst() { places.append(try open(place, in: capture)) }
    for kind in layout.kinds {
      for tree in layout.trees.indices {
        guard let place = layout.coldPlace(of: kind, tree: tree) else { continue }
        try withPlace(place) { (place) throws(KernelError) in try find(tree, of: kind, in: place) }
      }
      let own = [layout[kind].flat, layout[kind].hot, layout.coldPlace(of: kind)]
      refusedKinds[kind] = own.contains { dirfd(of: $0) == Self.refused }
    }
  }

  private func open(_ place: Place, in capture: borrowing Directory) throws(KernelError) -> Folder {
    let (mount, path) = layout.split(layout.path(of: place))
    guard let mount else { return try Self.open(path, in: capture) }
    guard let root = mounts[mount] else { return .absent }
    if path.isEmpty { return .open(root) }
    return try Self.open(path, in: root.directory).named(layout.path(of: place))
  }

  /// A folder that may not be used is returned as `refused`; errors that say nothing about the folder itself are thrown.
  private static func open(_ path: String, in parent: borrowing Directory) throws(KernelError) -> Folder {
    do throws(KernelError) { return .open(OpenFolder(try parent.openFolder(path))) } catch {
      guard error.errno != .noSuchFileOrDirectory else { return .absent }
      if let refusal = try firstRefusal(on: path, in: parent) { return .refused(refusal) }
      return .refused(try refusal(path, error))
    }
  }

  /// The refusal of the first folder on the way that may not be used: what lies behind a link is not part of the capture.
  private static func firstRefusal(
    on path: String, in parent: borrowing Directory
  ) throws(KernelError) -> FolderRefusal? {
    for end in path.indices where path[end] == "/" {
      let folder = String(path[..<end])
      if let error = failure(toOpen: folder, in: parent) { return try refusal(folder, error) }
    }
    return nil
  }

  private static func failure(toOpen path: String, in parent: borrowing Directory) -> KernelError? {
    do throws(KernelError) {
      _ = OpenFolder(try parent.openFolder(path))
      return nil
    } catch { return error }
  }

  private static func refusal(_ path: String, _ error: KernelError) throws(KernelError) -> FolderRefusal {
    switch error.errno {
    case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .ioError: throw error
    default: return FolderRefusal(folder: path, error)
    }
  }

  // MARK: places

  func dirfd(of place: Place) -> Int32 {
    switch places[Int(place.index)] {
    case .absent: Self.absent
    case .open(let folder): folder.directory.descriptor
    case .refused: Self.refused
    }
  }

  func isAbsent(_ place: Place) -> Bool { dirfd(of: place) == Self.absent }

  /// Gives the folder of a place to `body`, unless it is absent or refused.
  func withPlace<Failure>(
    _ place: Place, _ body: (borrowing Directory) throws(Failure) -> Void
  ) throws(Failure) {
    if case .open(let folder) = places[Int(place.index)] { try body(folder.directory) }
  }

  mutating func reopen(_ place: Place) throws(KernelError) {
    guard case .open(let root) = places[0] else { return }
    places[Int(place.index)] = try open(place, in: root.directory)
  }

  /// Gives the root of a mount to `body`, or the capture itself for nil.
  func withFileSystem<Result: ~Copyable>(
    _ mount: Int?, _ body: (borrowing Directory) throws(KernelError) -> Result
  ) throws(KernelError) -> Result {
    if let mount {
      guard let folder = mounts[mount] else {
        throw KernelError(.open, capture.reaching(layout.mounts[mount].path), .noSuchFileOrDirectory)
      }
      return try body(folder.directory)
    }
    guard case .open(let root) = places[0] else { preconditionFailure("the capture is open") }
    return try body(root.directory)
  }

  /// Whether a place that was open in `before` is not open here.
  func lacksPlace(of before: CaptureTree) -> Bool {
    layout.places.contains { Self.isOpen(before.dirfd(of: $0)) && !Self.isOpen(dirfd(of: $0)) }
  }

  /// The dirfd of the other place that files of this kind may be in, flat or hot; nil if it is not open.
  func otherPlace(of kind: Kind, than site: Site) -> Int32? {
    let rule = layout[kind]
    guard rule.flat != rule.hot else { return nil }
    let other = dirfd(of: site == .place(rule.flat) ? rule.hot : rule.flat)
    return Self.isOpen(other) ? other : nil
  }

  /// Whether a segment of this name is certainly in the flat or the hot place.
  func isHotSegment(_ name: Span<UInt8>) -> Bool {
    guard let stream = layout.stream else { return false }
    return [layout[stream.kind].flat, layout[stream.kind].hot].contains {
      Self.isOpen(dirfd(of: $0)) && Name.isThere(name, in: dirfd(of: $0))
    }
  }

  /// Whether files of a kind in a place are in memory, while its buckets are not: a power cut loses only the former.
  func isInMemory(_ place: Place, _ kind: Kind) -> Bool {
    let isIn = { (place: Place) in inMemory.contains(layout.mount(of: place)) }
    return isIn(place) && !isIn(layout.coldPlace(of: kind))
  }

  // MARK: buckets

  /// The buckets of a kind that exist and may be used, in order.
  func buckets(of kind: Kind, tree: Int = 0) -> [Bucket] {
    buckets[kind].filter { $0.key.tree == tree && $0.value.isThere }.keys.sorted()
  }

  /// The buckets of all kinds that exist and may be used.
  func buckets(tree: Int = 0) -> [(kind: Kind, bucket: Bucket)] {
    layout.kinds.flatMap { kind in buckets(of: kind, tree: tree).map { (kind, $0) } }
  }

  func isThere(_ bucket: Bucket, of kind: Kind) -> Bool { buckets[kind][bucket] != nil }

  /// Nil if it does not exist, or no longer.
  func open(_ bucket: Bucket, of kind: Kind) throws(KernelError) -> OpenFolder? {
    if case .there(let kept?) = buckets[kind][bucket] { return kept }
    let tree = layout.trees[Int(bucket.tree)]
    guard let own = tree.places[kind], case .open(let place) = places[Int(own.index)] else { return nil }
    do throws(KernelError) {
      return OpenFolder(try place.directory.openFolder(tree.rule.text(of: bucket)))
    } catch {
      guard error.errno != .noSuchFileOrDirectory else { return nil }
      throw error
    }
  }

  /// Gives a bucket to `body`, if it exists.
  func withBucket(
    _ bucket: Bucket, of kind: Kind, _ body: (borrowing Directory) throws(KernelError) -> Void
  ) throws(KernelError) {
    if let folder = try open(bucket, of: kind) { try body(folder.directory) }
  }

  /// Whether a name can be taken there at all: false for a missing place, and for a bucket without entries.
  func mayHoldFiles(_ site: Site) -> Bool {
    switch site {
    case .place(let place): Self.isOpen(dirfd(of: place))
    case .bucket(let kind, let bucket): bucketEntries[kind][bucket] > 0
    }
  }

  private mutating func find(
    _ tree: Int, of kind: Kind, in place: borrowing Directory
  ) throws(KernelError) {
    let rule = layout.trees[tree].rule
    for bucket in rule.fixedBuckets(tree: tree) { try look(at: bucket, of: kind, in: place) }
    // A place without subfolders, which may hold a million files, need not be listed.
    guard rule.hasDates, try place.mayHaveSubfolders() else { return }
    // A set, since a network file system may list a name twice.
    var days: Set<Day> = []
    try place.forEachEntry { entry in
      if let day = Day(parsing: entry.name) { days.insert(day) }
    }
    for day in days.sorted() { try find(day, tree, of: kind, in: place) }
  }

  mutating func look(at bucket: Bucket, of kind: Kind, in place: borrowing Directory) throws(KernelError) {
    do throws(KernelError) {
      let folder = OpenFolder(try place.openFolder(layout.trees[Int(bucket.tree)].rule.text(of: bucket)))
      let isKept = keptCount < keptMax
      if isKept { keptCount += 1 }
      buckets[kind][bucket] = .there(isKept ? folder : nil)
    } catch {
      guard error.errno != .noSuchFileOrDirectory else { return }
      buckets[kind][bucket] = .refused(try Self.refusal(layout.path(of: bucket, kind), error))
    }
  }

  private mutating func find(
    _ day: Day, _ tree: Int, of kind: Kind, in place: borrowing Directory
  ) throws(KernelError) {
    dates.append((kind, tree, day))
    let path = layout.prefix(of: layout.coldPlace(of: kind, tree: tree) ?? .root) + day.text
    switch try Self.open(day.text, in: place).named(path) {
    case .absent: break
    case .refused(let refusal): otherRefusals.append(refusal)
    case .open(let folder):
      // If another tree has its buckets in the same folders, unknown entries are counted once.
      let (cold, rule) = (layout.coldPlace(of: kind, tree: tree), layout.trees[tree].rule)
      let isFirst = !layout.trees[..<tree].contains { other in
        other.rule == rule && layout.kinds.contains { other.places[$0] == cold }
      }
      var buckets: [Bucket] = []
      try folder.directory.forEachEntry { entry in
        if let bucket = rule.bucket(named: entry.name, of: day, tree: tree) {
          buckets.append(bucket)
        } else if isFirst {
          unrecognised.add(entry.name, in: path + "/")
        }
      }
      for bucket in buckets.sorted() { try look(at: bucket, of: kind, in: place) }
    }
  }

  /// Gives the unknown entries of places that hold only buckets to `body`: no pass walks these places.
  func forEachEntryBesideBuckets(
    _ body: (borrowing DirectoryEntry, Place) -> Void
  ) throws(KernelError) {
    for place in layout.places
    where layout.holdsBuckets(place) && !layout.kinds.contains(where: { layout.holds(place, $0) }) {
      try withPlace(place) { (directory) throws(KernelError) in
        try directory.forEachEntry { entry in
          // A link, a mount or a file with the name of a bucket is reported as a refusal instead.
          if !layout.isPart(folder: entry.name, of: place), !layout.isOfStream(entry.name, in: place) {
            body(entry, place)
          }
        }
      }
    }
  }

  func unrecognisedBesideBuckets() throws(KernelError) -> Unrecognised {
    var others = Unrecognised()
    try forEachEntryBesideBuckets { others.add($0.name, in: layout.prefix(of: $1)) }
    return others
  }

  // MARK: refusals

  var refusals: [FolderRefusal] {
    places.compactMap { if case .refused(let refusal) = $0 { refusal } else { nil } } + bucketRefusals
  }

  /// The refusals of buckets, and of date folders.
  var bucketRefusals: [FolderRefusal] {
    let ofBuckets = layout.kinds.flatMap { kind in
      buckets[kind].compactMap { key, value in
        if case .refused(let refusal) = value { (key, refusal) } else { nil }
      }.sorted { $0.0 < $1.0 }.map(\.1)
    }
    return ofBuckets + otherRefusals
  }

  /// Throws if a folder that could be read before is now closed to this process: what cannot be read cannot be compared.
  func checkReadable(unlike before: [FolderRefusal]) throws(KernelError) {
    for refusal in refusals where !before.contains(refusal) {
      if case .denied(let error) = refusal.reason { throw error }
    }
  }
}

extension CaptureTree.Folder {
  /// The same with the path that the folder has below the capture.
  func named(_ path: String) -> Self {
    if case .refused(let refusal) = self { .refused(refusal.named(path)) } else { self }
  }
}

extension Directory {
  /// False if the folder's link count shows that it has no subfolders besides `known` ones. File systems that do not count
  /// them (btrfs) always report 1.
  func mayHaveSubfolders(besides known: Int = 0) throws(KernelError) -> Bool {
    let links = try status().links
    return links < 2 || Int(links) > 2 + known
  }
}
