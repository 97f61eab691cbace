internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// After the files have left, removes what hotcold made and the target layout does not need: its playlists, also those of
/// buckets in which a file had to stay, and the empty folders of the layout.
///
/// What cannot be removed stays, and is reported; so does whatever other programs made.
struct CleanUp {
  private let tree: CaptureTree
  /// Set in a dry run: what would have left each folder by then.
  private let leaving: LeavingFiles?
  private(set) var manifests = ManifestReport()
  private(set) var unrecognised = Unrecognised()
  private(set) var foldersRemoved = 0
  /// Why folders could not be removed.
  private(set) var failures: [KernelError] = []
  /// The paths of the places that the target layout needs.
  private var wanted: [String] = []
  /// For each folder, by path, how many entries were removed from it, or would be: folders of the layout, and copies of init
  /// segments.
  private var gone: [String: Int] = [:]

  init(_ tree: CaptureTree, leaving: LeavingFiles?) {
    self.tree = tree
    self.leaving = leaving
  }

  /// Cleans up the buckets of these trees, and then the places that the target layout does not need.
  ///
  /// - Parameters:
  ///   - playlistLeaves: whether the live playlist has left its hot place, or would have.
  ///   - isWrittenTo: whether a recorder writes to a place that files leave: then all places stay, since a recorder without its
  ///     folder ends.
  mutating func run(
    trees: Range<Int>, target: MigrationOptions.Target, playlistLeaves: Bool, isWrittenTo: Bool
  ) {
    let layout = tree.layout
    // Copies of init segments before the folders that they are in.
    let copies = InitializationCopies.leave(
      tree, toFlat: target == .flat, isDryRun: leaving != nil, &manifests)
    for (place, count) in copies { gone[layout.path(of: place), default: 0] += count }
    for index in trees {
      for kind in layout.kinds {
        guard let place = layout.coldPlace(of: kind, tree: index) else { continue }
        tree.withPlace(place) { directory in
          gone[layout.path(of: place), default: 0] += removeBuckets(of: kind, tree: index, in: directory)
        }
      }
    }
    let targets = layout.kinds.flatMap { kind in
      target == .flat
        ? [layout[kind].flat] : [layout[kind].flat, layout[kind].hot, layout.coldPlace(of: kind)]
    }
    wanted = (isWrittenTo ? layout.places : targets).map(layout.path)
    // Inner folders before their parents.
    for place in layout.places.sorted(by: { layout.path(of: $0).utf8.count > layout.path(of: $1).utf8.count })
    where place != .root && !isNeeded(layout.path(of: place)) {
      let path = layout.path(of: place)
      let others = (gone[path] ?? 0) + (playlistLeaves ? streamFiles(in: place) : 0)
      attempt { (clean) throws(KernelError) in
        guard try clean.remove(place, besides: others) else { return }
        clean.countRemoved(path)
        try clean.removeParents(of: path)
      }
    }
  }

  /// Whether the target layout needs a folder, or one in it.
  private func isNeeded(_ path: String) -> Bool {
    wanted.contains { "\($0)/".utf8.starts(with: "\(path)/".utf8) }
  }

  private mutating func countRemoved(_ path: String) {
    foldersRemoved += 1
    gone[FilePath(path).removingLastComponent().string, default: 0] += 1
  }

  /// Removes the folders that only led to a place. A parent that is a place itself has its own turn.
  private mutating func removeParents(of path: String) throws(KernelError) {
    var parent = FilePath(path).removingLastComponent()
    while !parent.isEmpty, tree.layout.place(at: parent.string) == nil, !isNeeded(parent.string),
      try remove(parent, isEmpty: try isEmptied(parent.string))
    {
      countRemoved(parent.string)
      parent = parent.removingLastComponent()
    }
  }

  /// In a dry run: whether nothing would be left in a folder that only led to places.
  private func isEmptied(_ path: String) throws(KernelError) -> Bool {
    guard leaving != nil else { return false }
    var count = 0
    try tree.withRoot(ofPath: path) { (root, path) throws(KernelError) in
      count = try path.isEmpty ? root.entryCount() : root.openFolder(path).entryCount()
    }
    return count == gone[path] ?? 0
  }

  /// In a dry run: how many of the live playlist and its init segments are in a place.
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

  /// Removes the buckets of a kind. Returns how many entries of the place are gone, or would be.
  private mutating func removeBuckets(
    of kind: Kind, tree index: Int, in place: borrowing Directory
  ) -> Int {
    let rule = tree.layout.trees[index].rule
    var removed = 0
    var days: [Day: Int] = [:]
    for date in tree.dates where date.kind == kind && date.tree == index { days[date.day] = 0 }
    // A bucket named by the hour that the first tree needs, for this or another kind, stays.
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
        let isEmpty =
          clean.leaving == nil || clean.isArriving(on: day, kind, index)
          ? false : try place.openFolder(day.text).entryCount() == count
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

  /// Removes hotcold's own playlists from a bucket. Returns how many files are gone, or would be.
  private mutating func removePlaylists(
    of bucket: Bucket, _ kind: Kind, _ directory: borrowing Directory
  ) throws(KernelError) -> Int {
    let names = try PlaylistNames(in: directory)
    let leftovers = try names.removeLeftovers(in: directory, isDryRun: leaving != nil)
    var own = leftovers.removed
    for name in leftovers.foreign {
      unrecognised.add(Array(name.utf8).span, in: tree.layout.path(of: bucket, kind) + "/")
    }
    for name in names.playlists.sorted() {
      do throws(KernelError) {
        switch HourPlaylists.existing(name, in: directory) {
        case .own(let contents, let status)
        where ArchivePlaylist.isOwn(contents):
          // It may have been replaced since it was read.
          if leaving == nil, try !HourPlaylists.remove(name, ifStill: status, in: directory) { break }
          own += 1
          manifests.removed += 1
        case .absent: break
        // Written by the guide's old archiver, or foreign: it stays, and so does its folder.
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
    try tree.withRoot(ofPath: path.string) { (root, path) throws(KernelError) in
      let path = FilePath(path)
      // An empty path is a mount point, which stays.
      guard let name = path.lastComponent?.string else { return false }
      let parent = path.removingLastComponent()
      return parent.isEmpty
        ? try remove(name, from: root, isEmpty: isEmpty)
        : try remove(name, from: try root.openFolder(parent.string), isEmpty: isEmpty)
    }
  }

  /// In a dry run: whether a folder would be empty once its files have left and `others` more entries are gone. Always false in
  /// an execution, which just tries to remove the folder.
  private func isLeft(
    _ directory: borrowing Directory, _ site: Site, besides others: Int
  ) throws(KernelError) -> Bool {
    guard let leaving, !isArriving(at: site, leaving) else { return false }
    return try directory.entryCount() == leaving.count(site) + others
  }

  /// Whether files of another kind would arrive in a bucket that the files of this kind leave.
  private func isArriving(at site: Site, _ leaving: LeavingFiles) -> Bool {
    guard case .bucket(let kind, let bucket) = site else { return false }
    let layout = tree.layout
    let own = layout.trees[Int(bucket.tree)]
    return own.rule == layout.buckets
      && layout.kinds.contains {
        layout.coldPlace(of: $0) == own.places[kind]
          && leaving.isArriving(at: .bucket($0, bucket.inFirstTree))
      }
  }

  /// Whether files of another kind would arrive in a bucket of this day.
  private func isArriving(on day: Day, _ kind: Kind, _ index: Int) -> Bool {
    guard let leaving, tree.layout.buckets.hasDates else { return false }
    let place = tree.layout.coldPlace(of: kind, tree: index)
    return tree.layout.kinds.contains { other in
      tree.layout.coldPlace(of: other) == place
        && BucketRule.hours.contains { leaving.isArriving(at: .bucket(other, .dateHour(day, $0))) }
    }
  }

  private func remove(
    _ name: String, from parent: borrowing Directory, isEmpty: Bool
  ) throws(KernelError) -> Bool {
    leaving == nil ? try parent.removeFolder(name) : isEmpty
  }
}
