internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Finds files in buckets that the layout does not know: another layout was used here. With this layout they would be ignored,
/// and new files would go where nobody looks for them.
///
/// It searches for folders that are named like buckets and hold files:
/// - in the layout's own folders, where buckets of that rule do not belong: files of any kind;
/// - elsewhere, at most five folders below the capture: files of kinds that have no buckets at all in this layout. Once a kind
///   has buckets, such a folder is taken for a copy of the user's own; that is why the last date folder stays even if it is
///   empty (`Maintenance.removeEmptyDates`).
///
/// It also searches for tiers that the layout does not know (`OtherTier`). What a kind's own buckets hold is checked elsewhere
/// (`BucketSample`).
///
/// An ordinary capture costs a few stats and one window of names for each kind: places without unknown folders are not listed,
/// and other folders are opened only if they have subfolders. So only the depth of the search is limited. On file systems that
/// do not count subfolders in the link count (btrfs), all folders are read.
struct OtherBuckets {
  private static let depthMax = 4

  private let tree: CaptureTree
  private let layout: Layout
  private let kindsWithoutBuckets: [Kind]

  init(_ tree: CaptureTree) {
    self.tree = tree
    layout = tree.layout
    kindsWithoutBuckets = layout.kinds.filter { kind in
      !tree.dates.contains { $0.kind == kind }
        && tree.layout.trees.indices.allSatisfy { tree.buckets(of: kind, tree: $0).isEmpty }
    }
  }

  /// The path below the capture of the first such folder; nil if there is none.
  func first() throws(KernelError) -> String? {
    for place in layout.places {
      var path: String?
      try tree.withPlace(place) { (directory) throws(KernelError) in path = try first(in: directory, place) }
      if let path { return path }
    }
    return nil
  }

  private func first(in directory: borrowing Directory, _ place: Place) throws(KernelError) -> String? {
    let leading = layout.folders(in: place)
    let known = leading.count { directory.hasFolder($0) } + knownBuckets(in: place)
    // Listed only if there are unknown folders: it may hold a million files.
    guard try directory.mayHaveSubfolders(besides: known) else {
      return try first(below: leading, in: directory, layout.path(of: place))
    }
    let own = layout.bucketRules(in: place)
    let names = try directory.folders().filter { name in
      !own.contains { $0.isFolder(named: name.utf8.span) }
    }
    let rules = BucketRule.allCases.filter { !own.contains($0) }
    let search = FolderSearch(
      kinds: layout.isRoot(place) ? kindsWithoutBuckets : layout.kinds, layout, needsWholeDay: own.isEmpty)
    if let bucket = try search.firstBucket(rules, among: names, in: directory) {
      return layout.prefix(of: place) + bucket
    }
    for name in names where !leading.contains(name) {
      if let tier = try OtherTier(layout).first(in: directory, name) {
        return layout.prefix(of: place) + tier
      }
    }
    return try first(below: names, in: directory, layout.path(of: place))
  }

  /// How many folders of a place are buckets of the layout, or date folders.
  private func knownBuckets(in place: Place) -> Int {
    var names: Set<String> = []
    for (index, other) in layout.trees.enumerated() {
      for kind in layout.kinds where other.places[kind] == place {
        let buckets = tree.buckets(of: kind, tree: index)
        if other.rule.hasDates {
          names.formUnion(Set(buckets.map { other.rule.day(of: $0) }).compactMap { $0?.text })
        } else {
          names.formUnion(buckets.map(other.rule.text))
        }
      }
    }
    return names.count
  }

  /// Searches those of these folders that are no places, and the folders in them.
  private func first(
    below names: [String], in directory: borrowing Directory, _ path: String
  ) throws(KernelError) -> String? {
    let below = layout.split(path).path
    let depth = below.isEmpty ? 0 : below.utf8.count { $0 == UInt8(ascii: "/") } + 1
    guard !kindsWithoutBuckets.isEmpty, depth < Self.depthMax else { return nil }
    let search = FolderSearch(kinds: kindsWithoutBuckets, layout, needsWholeDay: true)
    for name in names {
      let path = path.isEmpty ? name : "\(path)/\(name)"
      guard layout.place(at: path) == nil, try directory.mayHoldFolders(name),
        let folder = try directory.folder(name, isBucket: false),
        let names = try folder.directory.foldersUnlessClosed()
      else { continue }
      if let bucket = try search.firstBucket(BucketRule.allCases, among: names, in: folder.directory) {
        return "\(path)/\(bucket)"
      }
      if let found = try first(below: names, in: folder.directory, path) { return found }
    }
    return nil
  }
}

/// Looks for files of some kinds in folders that are named like buckets.
private struct FolderSearch {
  private let kinds: [Kind]
  private let layout: Layout
  /// Folders named by the hour count only if all 24 exist, since they are made at once. A few numbers are something else, such
  /// as the variants of a stream.
  private let needsWholeDay: Bool

  init(kinds: [Kind], _ layout: Layout, needsWholeDay: Bool) {
    self.kinds = kinds
    self.layout = layout
    self.needsWholeDay = needsWholeDay
  }

  func firstBucket(
    _ rules: [BucketRule], among names: [String], in directory: borrowing Directory
  ) throws(KernelError) -> String? {
    guard !kinds.isEmpty else { return nil }
    for rule in rules {
      let whole = needsWholeDay ? rule.fixedBuckets().map(rule.text) : []
      guard whole.allSatisfy(names.contains) else { continue }
      for name in names where rule.isFolder(named: name.utf8.span) {
        for bucket in try buckets(name, rule, in: directory) {
          guard let folder = try directory.folder(bucket, isBucket: true) else { continue }
          if try folder.directory.holdsFile(of: kinds, layout) { return bucket }
        }
      }
    }
    return nil
  }

  /// The folder itself if it is named by the hour; the hours in it if it is a date folder.
  private func buckets(
    _ name: String, _ rule: BucketRule, in directory: borrowing Directory
  ) throws(KernelError) -> [String] {
    guard let day = Day(parsing: name.utf8.span) else { return [name] }
    guard let folder = try directory.folder(name, isBucket: true) else { return [] }
    return try folder.directory.folders().filter {
      rule.bucket(named: $0.utf8.span, of: day, tree: 0) != nil
    }.map { "\(name)/\($0)" }
  }
}

extension OpenCapture {
  /// The existing folders of the layout. Throws if the capture has files in buckets of another layout.
  func tree() throws(MigrationError) -> CaptureTree {
    try unlessOtherBuckets { () throws(KernelError) in try CaptureTree(of: directory, layout) }
  }

  func unlessOtherBuckets(_ look: () throws(KernelError) -> CaptureTree) throws(MigrationError) -> CaptureTree
  {
    var tree: CaptureTree
    var other: String?
    do throws(KernelError) {
      tree = try look()
      let samples = try tree.sampleBuckets()
      tree.bucketsOfNoKind = samples.ofNoKind
      other = samples.ofOtherLayout
      if other == nil { other = try OtherBuckets(tree).first() }
    } catch { throw stopped(error) }
    if let other { throw .otherBuckets(directory.path.reaching(other), layout: tree.layout.name) }
    return tree
  }
}

extension Directory {
  func hasFolder(_ name: String) -> Bool {
    (try? status(of: name))?.type == .directory
  }

  /// False for a folder whose link count shows that it has no subfolders.
  fileprivate func mayHoldFolders(_ name: String) throws(KernelError) -> Bool {
    do throws(KernelError) { return try statusIfThere(name)?.links != 2 } catch {
      guard [.permissionDenied, .notPermitted].contains(error.errno) else { throw error }
      return false
    }
  }

  /// Opens a folder. Nil for a link, another mount, or a folder that is gone: no file of this capture was moved there. If the
  /// folder may not be opened, a bucket throws, since it may hold files; for any other folder, such as lost+found, returns nil.
  func folder(_ path: String, isBucket: Bool) throws(KernelError) -> OpenFolder? {
    do throws(KernelError) { return OpenFolder(try openFolder(path)) } catch {
      switch error.errno {
      case .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels, .improperLink: return nil
      case .permissionDenied, .notPermitted:
        if !isBucket { return nil }
      default: break
      }
      throw error
    }
  }

  /// Nil if the folder may be opened but not read or searched (mode 0744).
  func foldersUnlessClosed() throws(KernelError) -> [String]? {
    do throws(KernelError) { return try folders() } catch {
      guard [.permissionDenied, .notPermitted].contains(error.errno) else { throw error }
      return nil
    }
  }

  /// The names of its subfolders that are valid UTF-8, sorted.
  fileprivate func folders() throws(KernelError) -> [String] {
    var folders: [String] = []
    try forEachEntry { entry in
      guard entry.type == .directory else { return }
      if let name = String(validating: Array(copying: entry.name), as: UTF8.self) { folders.append(name) }
    }
    return folders.sorted()
  }

  func holdsFile(of kinds: [Kind], _ layout: Layout) throws(KernelError) -> Bool {
    var holdsFile = false
    try Walk(layout, look: .name).run(
      self, wants: kinds.contains, goesOn: { !holdsFile },
      visit: { (_, found, _) throws(KernelError) in
        if case .file = found { holdsFile = true }
      })
    return holdsFile
  }
}
