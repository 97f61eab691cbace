internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// A copy of an init segment, wherever in a capture it lies.
struct KeptInitialization {
  let name: String
  /// The name of the init segment that was copied.
  let original: String
  fileprivate(set) var place: Place
  /// The time from which segments were made with it.
  let since: ModificationTime
  fileprivate let version: LivePlaylistVersion

  /// Nil if it is gone or no longer an init segment.
  func contents(in tree: CaptureTree) throws(KernelError) -> [UInt8]? {
    var contents: [UInt8]?
    try tree.withPlace(place) { (directory) throws(KernelError) in
      contents = try InitializationCopies.read(name, in: directory)?.contents
    }
    return contents
  }

  /// Moves the copy to another place. If that already has the same copy, this one is removed.
  mutating func move(to target: Place, in tree: CaptureTree) throws(KernelError) {
    let (from, to) = (tree.dirfd(of: place), tree.dirfd(of: target))
    guard CaptureTree.isOpen(to) else { return }
    let bytes = Array(name.utf8)
    let outcome =
      tree.isCopied(from: .place(place), to: .place(target))
      ? TierCopy.move(
        bytes.span, from: from, to: to, as: bytes.span, in: tree, mount: tree.layout.mount(of: target),
        verifies: true
      ).outcome
      : InitializationCopies.move(name, from: from, to: to, as: name)
    switch outcome {
    case .done: break
    case .failed(let errno):
      var other = self
      other.place = target
      let isThere = { contents throws(KernelError) in try other.contents(in: tree) == contents }
      guard errno == .fileExists, try remove(in: tree, if: isThere) else {
        throw KernelError(.rename, tree.capture.reaching(tree.layout.prefix(of: target) + name), errno)
      }
    case .notExecuted: return
    }
    place = target
  }

  /// Removes the copy if `isNeedless` says so for its contents, and returns whether it is gone.
  func remove(
    in tree: CaptureTree, if isNeedless: (_ contents: [UInt8]) throws(KernelError) -> Bool
  ) throws(KernelError) -> Bool {
    var hasGone = false
    try tree.withPlace(place) { (directory) throws(KernelError) in
      hasGone = try directory.removeFile(name, aside: TemporaryName.ofAside(name)) {
        name throws(KernelError) in
        guard let contents = try InitializationCopies.read(name, in: directory)?.contents else {
          return false
        }
        return try isNeedless(contents)
      }
    }
    return hasGone
  }
}

/// Finds and moves the copies of init segments in a capture. A file with the name of a copy that is no init segment does not
/// count as one.
enum InitializationCopies {
  /// The versions of copies that were read, by their paths below the capture: as long as a version is the same, so are the
  /// contents.
  typealias Known = [String: LivePlaylistVersion]

  static let bytesMax = 1 << 20
  /// How many names are tried for a copy.
  static let namesMax: Int64 = 8

  /// All copies in a capture.
  ///
  /// - Parameters:
  ///   - known: of an earlier call; what has not changed since is not read again.
  ///   - removesLeftovers: whether to remove what killed runs left. What cannot be removed or put back stays, and is added to
  ///     `failures`.
  static func find(
    in tree: CaptureTree, known: Known = [:], removesLeftovers: Bool, _ failures: inout [KernelError]
  ) throws(KernelError) -> [KeptInitialization] {
    guard let originals = tree.layout.stream?.initialization, !originals.isEmpty else { return [] }
    var found: [KeptInitialization] = []
    for place in places(in: tree) {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        var names = try InitializationNames(in: directory, of: originals)
        if removesLeftovers, try removeLeftovers(names, in: directory, place, tree.layout, &failures) {
          names = try InitializationNames(in: directory, of: originals)
        }
        for (name, original, seconds) in names.copies {
          let seen = known[path(of: name, in: place, tree)]
          guard let version = try version(of: name, in: directory, unless: seen) else { continue }
          found.append(
            KeptInitialization(
              name: name, original: original, place: place, since: since(seconds, version.modified),
              version: version))
        }
      }
    }
    return found
  }

  static func known(_ copies: [KeptInitialization], in tree: CaptureTree) -> Known {
    let versions = copies.map { (path(of: $0.name, in: $0.place, tree), $0.version) }
    return Known(versions) { $1 }
  }

  private static func path(of name: String, in place: Place, _ tree: CaptureTree) -> String {
    tree.layout.prefix(of: place) + name
  }

  /// The places that may hold copies: beside the buckets, and where a reversion has left them.
  private static func places(in tree: CaptureTree) -> [Place] {
    let all = tree.layout.coldPlacesOfStream + tree.layout.playlistPlaces
    return all.indices.filter { !all[..<$0].contains(all[$0]) }.map { all[$0] }
  }

  /// Nil if it is no init segment. A file that still has the version `seen` is not read again.
  private static func version(
    of name: String, in directory: borrowing Directory, unless seen: LivePlaylistVersion?
  ) throws(KernelError) -> LivePlaylistVersion? {
    if let seen, try directory.version(ofLivePlaylist: name) == seen { return seen }
    return try read(name, in: directory)?.version
  }

  /// An init segment; nil for anything else.
  static func read(
    _ name: String, in directory: borrowing Directory
  ) throws(KernelError) -> (contents: [UInt8], version: LivePlaylistVersion)? {
    guard let version = try directory.version(ofLivePlaylist: name), version.size <= bytesMax else {
      return nil
    }
    let contents = try directory.readFile(name, limit: bytesMax)
    return InitializationSection.isWhole(contents.span) ? (contents, version) : nil
  }

  /// The file's modification time, which is exact to the nanosecond, unless something has changed it; then the time in the name.
  /// The two may differ by seconds, since a copy whose name was taken got the name of an earlier second.
  private static func since(_ seconds: Int64, _ modified: ModificationTime) -> ModificationTime {
    (0..<namesMax).contains(modified.seconds.subtractingSaturating(seconds))
      ? modified : ModificationTime(seconds: seconds, nanoseconds: 0)
  }

  /// The names to try for a copy, each a second earlier than the one before. Not later: a later time would leave out the first
  /// segment, which is finished right after the init segment.
  static func names(of original: String, _ since: ModificationTime) -> [String] {
    (0..<namesMax).compactMap {
      InitializationCopy.name(of: original, seconds: since.seconds.subtractingSaturating($0))
    }
  }

  /// The recorder's own init segments, the oldest first. During the cut-over of a recorder there may be two of one name.
  static func live(
    _ names: [String], in tree: CaptureTree
  ) throws(KernelError) -> [(name: String, place: Place)] {
    var found: [(name: String, place: Place, modified: ModificationTime)] = []
    for place in tree.layout.playlistPlaces {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        for name in names {
          guard let version = try directory.version(ofLivePlaylist: name) else { continue }
          found.append((name, place, version.modified))
        }
      }
    }
    return found.sorted { $0.modified < $1.modified }.map { ($0.name, $0.place) }
  }

  /// Renames without replacing anything; by link and unlink if the file system has no RENAME_NOREPLACE, which is safe because
  /// no other program writes to copies.
  static func move(_ name: String, from: Int32, to: Int32, as newName: String) -> Outcome {
    let (name, newName) = (Array(name.utf8), Array(newName.utf8))
    let outcome = Name.rename(name.span, from: from, to: to, as: newName.span)
    guard outcome == .failed(.invalidArgument) else { return outcome }
    return Name.moveByLink(name.span, from: from, to: to, as: newName.span)
  }
}

// MARK: leaving a tree

extension InitializationCopies {
  /// Moves the copies with the segments: to the flat place, or to the cold place of the first tree. In the flat layout a copy
  /// with the same contents and time as the live file is not needed and is removed.
  ///
  /// - Returns: how many files left each place, or would leave it.
  static func leave(
    _ tree: CaptureTree, toFlat: Bool, isDryRun: Bool, _ report: inout ManifestReport
  ) -> [Place: Int] {
    guard let stream = tree.layout.stream, !stream.initialization.isEmpty else { return [:] }
    let target = toFlat ? tree.layout[stream.kind].flat : tree.layout.coldPlace(of: stream.kind)
    var gone: [Place: Int] = [:]
    do throws(KernelError) {
      let copies = try find(in: tree, removesLeftovers: !isDryRun, &report.initializationFailures)
      // A file that is already there may be the user's own.
      for var copy in copies where copy.place != target {
        let place = copy.place
        do throws(KernelError) {
          if toFlat, try isRemoved(copy, in: tree, isDryRun: isDryRun) {
            report.initSegments.copiesRemoved += 1
          } else {
            if !isDryRun { try copy.move(to: target, in: tree) }
            report.initSegments.copiesMoved += 1
          }
          gone[place, default: 0] += 1
        } catch { report.initializationFailures.append(error) }
      }
    } catch { report.initializationFailures.append(error) }
    return gone
  }

  /// Removes a copy that is no longer needed; in a dry run only says whether it would.
  private static func isRemoved(
    _ copy: KeptInitialization, in tree: CaptureTree, isDryRun: Bool
  ) throws(KernelError) -> Bool {
    guard let contents = try copy.contents(in: tree),
      try isLive(copy, contents, in: tree, isSynced: false)
    else {
      return false
    }
    if isDryRun { return true }
    return try copy.remove(in: tree) { contents throws(KernelError) in
      try isLive(copy, contents, in: tree, isSynced: true)
    }
  }

  private static func isLive(
    _ copy: KeptInitialization, _ contents: [UInt8], in tree: CaptureTree, isSynced: Bool
  ) throws(KernelError) -> Bool {
    var isLive = false
    for (name, place) in try live([copy.original], in: tree) {
      var isSame = false
      try tree.withPlace(place) { (directory) throws(KernelError) in
        guard let live = try read(name, in: directory), live.contents == contents else { return }
        isSame = true
        guard live.version.modified == copy.since else { return }
        // Once the copy is removed this is the only one, and the recorder may not have made it durable.
        if isSynced { try directory.syncFile(name) }
        isLive = true
      }
      // If there are two that differ, one of them will be removed, and it is not known which: keep the copy.
      if !isSame { return false }
    }
    return isLive
  }
}
