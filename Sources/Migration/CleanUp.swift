internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Removes what hotcold made and the target layout has no use for, when the files have left: its playlists, also those of
/// buckets in which a file had to stay, and the folders of the layout that are empty.
///
/// What cannot be removed stays, and is reported; so does what something else has made.
struct CleanUp {
  private let tree: CaptureTree
  /// Set for a dry run: what would have left each folder by then.
  private let leaving: LeavingFiles?
  private(set) var manifests = ManifestReport()
  private(set) var unrecognised = Unrecognised()
  private(set) var foldersRemoved = 0
  /// Of folders.
  private(set) var failures: [KernelError] = []

  init(_ tree: CaptureTree, leaving: LeavingFiles?) {
    self.tree = tree
    self.leaving = leaving
  }

  /// The buckets of these trees, and then the hot and cold places where the target layout is the flat one. `playlistLeaves`:
  /// whether the live playlist has left its hot place.
  mutating func run(trees: Range<Int>, target: MigrationOptions.Target, playlistLeaves: Bool) {
    let layout = tree.layout
    /// Folders removed from each place.
    var removed: [Place: Int] = [:]
    for index in trees {
      for kind in layout.kinds {
        guard let place = layout.coldPlace(of: kind, tree: index) else { continue }
        tree.withPlace(place) { directory in
          removed[place, default: 0] += removeBuckets(of: kind, tree: index, in: directory)
        }
      }
    }
    let wanted = layout.kinds.flatMap { kind in
      target == .flat
        ? [layout[kind].flat] : [layout[kind].flat, layout[kind].hot, layout.coldPlace(of: kind)]
    }
    // Inner folders before those that they are in.
    for place in layout.places.sorted(by: { layout.path(of: $0).utf8.count > layout.path(of: $1).utf8.count })
    where place != .root && !wanted.contains(place) {
      let gone = (removed[place] ?? 0) + (playlistLeaves ? streamFiles(in: place) : 0)
      attempt { (clean) throws(KernelError) in
        guard try clean.remove(place, besides: gone) else { return }
        clean.foldersRemoved += 1
        try clean.removeParents(of: layout.path(of: place), besides: wanted.map(layout.path))
      }
    }
  }

  /// Folders that only led to places.
  private func removeParents(of path: String, besides wanted: [String]) throws(KernelError) {
    guard leaving == nil else { return }
    var parent = FilePath(path).removingLastComponent()
    while !parent.isEmpty, !wanted.contains(where: { "\($0)/".utf8.starts(with: "\(parent)/".utf8) }),
      try remove(parent, isEmpty: false)
    {
      parent = parent.removingLastComponent()
    }
  }

  /// The live playlist, and what its players load besides segments.
  private func streamFiles(in place: Place) -> Int {
    guard leaving != nil, let stream = tree.layout.stream, tree.layout.holdsPlaylist(place) else { return 0 }
    return ([stream.playlist] + stream.initialization).count {
      Name.isThere(Array($0.utf8).span, in: tree.dirfd(of: place))
    }
  }

  private mutating func attempt(_ step: (inout Self) throws(KernelError) -> Void) {
    do throws(KernelError) { try step(&self) } catch { failures.append(error) }
  }

  // MARK: buckets

  /// Returns how many entries the place has less.
  private mutating func removeBuckets(
    of kind: Kind, tree index: Int, in place: borrowing Directory
  ) -> Int {
    let rule = tree.layout.trees[index].rule
    var removed = 0
    var days = Dictionary(
      uniqueKeysWithValues: tree.dates.filter { $0.kind == kind && $0.tree == index }.map { ($0.day, 0) })
    // Of an hour of day that the first tree wants, for this kind or for another, nothing is taken.
    for bucket in tree.buckets(of: kind, tree: index)
    where index == 0 || rule.hasDates || !tree.layout.isWanted(bucket, of: kind) {
      var isRemoved = false
      attempt { (clean) throws(KernelError) in isRemoved = try clean.remove(bucket, of: kind, in: place) }
      guard isRemoved else { continue }
      foldersRemoved += 1
      if let day = rule.day(of: bucket) { days[day, default: 0] += 1 } else { removed += 1 }
    }
    for (day, count) in days.sorted(by: { $0.key < $1.key }) {
      attempt { (clean) throws(KernelError) in
        let isEmpty = clean.leaving == nil ? false : try place.openFolder(day.text).entryCount() == count
        if try clean.remove(day.text, from: place, isEmpty: isEmpty) {
          removed += 1
          clean.foldersRemoved += 1
        }
      }
    }
    return removed
  }

  private mutating func remove(
    _ bucket: Bucket, of kind: Kind, in place: borrowing Directory
  ) throws(KernelError) -> Bool {
    var own = 0
    var isEmpty = false
    try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
      if tree.layout.isSegment(kind) { own = try removePlaylists(of: bucket, kind, directory) }
      isEmpty = try isLeft(directory, .bucket(kind, bucket), besides: own)
    }
    let names = tree.layout.trees[Int(bucket.tree)].rule.names(of: bucket)
    guard let day = names.dropLast().first else { return try remove(names[0], from: place, isEmpty: isEmpty) }
    return try remove(names[1], from: try place.openFolder(day), isEmpty: isEmpty)
  }

  /// Returns how many files of hotcold's own are gone, or would be.
  private mutating func removePlaylists(
    of bucket: Bucket, _ kind: Kind, _ directory: borrowing Directory
  ) throws(KernelError) -> Int {
    var own = 0
    let names = try PlaylistNames(in: directory)
    for name in names.leftovers where try directory.statusIfThere(name)?.type == .regular {
      if leaving == nil { try directory.removeFile(name) }
      own += 1
    }
    for name in names.playlists.sorted() {
      do throws(KernelError) {
        switch HourPlaylists.existing(name, in: directory) {
        case .own(let contents, _) where ArchivePlaylist.isOwn(contents):
          if leaving == nil { try directory.removeFile(name) }
          own += 1
          manifests.removed += 1
        case .absent: break
        // Of the old archiver, or foreign: it stays, and so does its folder.
        case .own, .foreign:
          unrecognised.add(Array(name.utf8).span, in: tree.layout.path(of: bucket, kind) + "/")
        case .unreadable(let error): throw error
        }
      } catch { manifests.failures.append(error) }
    }
    return own
  }

  // MARK: folders

  private func remove(_ place: Place, besides others: Int) throws(KernelError) -> Bool {
    guard CaptureTree.isOpen(tree.dirfd(of: place)) else { return false }
    var isEmpty = false
    try tree.withPlace(place) { (directory) throws(KernelError) in
      isEmpty = try isLeft(directory, .place(place), besides: others)
    }
    return try remove(FilePath(tree.layout.path(of: place)), isEmpty: isEmpty)
  }

  /// `path`: below the capture.
  private func remove(_ path: FilePath, isEmpty: Bool) throws(KernelError) -> Bool {
    guard let name = path.lastComponent?.string else { return false }
    let parent = path.removingLastComponent()
    var isRemoved = false
    try tree.withPlace(.root) { (root) throws(KernelError) in
      isRemoved =
        parent.isEmpty
        ? try remove(name, from: root, isEmpty: isEmpty)
        : try remove(name, from: try root.openFolder(parent.string), isEmpty: isEmpty)
    }
    return isRemoved
  }

  /// Whether nothing would be left in a folder but as many entries as these, which would be gone. Asked in a dry run alone:
  /// an execution tries to remove the folder.
  private func isLeft(
    _ directory: borrowing Directory, _ site: Site, besides others: Int
  ) throws(KernelError) -> Bool {
    guard let leaving else { return false }
    return try directory.entryCount() == leaving.count(site) + others
  }

  private func remove(
    _ name: String, from parent: borrowing Directory, isEmpty: Bool
  ) throws(KernelError) -> Bool {
    leaving == nil ? try parent.removeFolder(name) : isEmpty
  }
}
