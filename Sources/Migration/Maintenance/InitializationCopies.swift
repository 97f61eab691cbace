internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// A copy that was kept of an init segment, wherever in a capture it is.
struct KeptInitialization {
  let name: String
  /// Of which file.
  let original: String
  fileprivate(set) var place: Place
  /// From when on segments were made with it.
  let since: ModificationTime
  let contents: [UInt8]

  /// Moves it beside others. Where another run has kept the same there, this one is not needed.
  mutating func move(to target: Place, in tree: CaptureTree) throws(KernelError) {
    let (from, to) = (tree.dirfd(of: place), tree.dirfd(of: target))
    guard CaptureTree.isOpen(to) else { return }
    switch InitializationCopies.move(name, from: from, to: to, as: name) {
    case .done: break
    case .failed(.fileExists)
    where !Name.isSameFile(Array(name.utf8).span, from, to) && isThere(target, tree):
      try remove(in: tree)
    case .failed(let errno): throw KernelError(.rename, path(in: target, tree), errno)
    case .notExecuted: return
    }
    place = target
  }

  func remove(in tree: CaptureTree) throws(KernelError) {
    try tree.withPlace(place) { (directory) throws(KernelError) in try directory.removeFile(name) }
  }

  /// Whether a folder holds the same under the same name.
  private func isThere(_ place: Place, _ tree: CaptureTree) -> Bool {
    let other = try? Name.beginning(
      of: Array(name.utf8).span, in: tree.dirfd(of: place), bytesMax: InitializationCopies.bytesMax)
    return other == contents
  }

  private func path(in place: Place, _ tree: CaptureTree) -> FilePath {
    tree.capture.appending(tree.layout.prefix(of: place) + name)
  }
}

/// What there is of such copies in a capture. Something else under the name of one is none.
enum InitializationCopies {
  static let bytesMax = 1 << 20
  /// So many names are tried for a copy.
  static let namesMax: Int64 = 8

  private struct Names {
    var copies: [(name: String, original: String, seconds: Int64)] = []
    /// Of runs that were killed while they wrote.
    var leftovers: [String] = []

    init(in directory: borrowing Directory, of originals: [String]) throws(KernelError) {
      try directory.forEachEntry { add($0, originals) }
    }

    private mutating func add(_ entry: borrowing DirectoryEntry, _ originals: [String]) {
      guard entry.type.countsAsFile else { return }
      for original in originals {
        if let seconds = InitializationCopy.seconds(in: entry.name, of: original) {
          let name = String(decoding: Array(copying: entry.name), as: UTF8.self)
          // A file that the layout itself names is a recorder's.
          if !originals.contains(name) { copies.append((name, original, seconds)) }
        } else if InitializationCopy.isTemporary(entry.name, of: original) {
          leftovers.append(String(decoding: Array(copying: entry.name), as: UTF8.self))
        }
      }
    }
  }

  static func find(
    in tree: CaptureTree, removesLeftovers: Bool = false
  ) throws(KernelError) -> [KeptInitialization] {
    guard let originals = tree.layout.stream?.initialization, !originals.isEmpty else { return [] }
    var found: [KeptInitialization] = []
    for place in places(in: tree) {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        let names = try Names(in: directory, of: originals)
        for (name, original, seconds) in names.copies {
          guard let (contents, modified) = try read(name, in: directory) else { continue }
          found.append(
            KeptInitialization(
              name: name, original: original, place: place, since: since(seconds, modified),
              contents: contents))
        }
        for name in names.leftovers where removesLeftovers {
          guard try directory.statusIfThere(name)?.type == .regular else { continue }
          try directory.removeFile(name)
        }
      }
    }
    return found
  }

  /// Where copies may be: beside the buckets, and where a reversion has left them.
  private static func places(in tree: CaptureTree) -> [Place] {
    let all = tree.layout.coldPlacesOfStream + tree.layout.playlistPlaces
    return all.indices.filter { !all[..<$0].contains(all[$0]) }.map { all[$0] }
  }

  private static func read(
    _ name: String, in directory: borrowing Directory
  ) throws(KernelError) -> (contents: [UInt8], modified: ModificationTime)? {
    guard let status = try directory.statusIfThere(name), status.type == .regular, status.size <= bytesMax
    else { return nil }
    let contents = try directory.readFile(name, limit: bytesMax)
    return InitializationSection.isWhole(contents.span) ? (contents, status.modified) : nil
  }

  /// The time of the file says it to the nanosecond, unless something has set another one since; a name that was taken differs
  /// by seconds.
  private static func since(_ seconds: Int64, _ modified: ModificationTime) -> ModificationTime {
    (0..<namesMax).contains(modified.seconds.subtractingSaturating(seconds))
      ? modified : ModificationTime(seconds: seconds, nanoseconds: 0)
  }

  /// The places of a live init segment, the oldest first: while a recorder is cut over, there may be two.
  static func livePlaces(of name: String, in tree: CaptureTree) throws(KernelError) -> [Place] {
    var found: [(place: Place, modified: ModificationTime)] = []
    for place in tree.layout.playlistPlaces {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        guard let status = try directory.statusIfThere(name), status.type == .regular else { return }
        found.append((place, status.modified))
      }
    }
    return found.sorted { $0.modified < $1.modified }.map(\.place)
  }

  /// Replaces nothing; by link and unlink where the file system has no RENAME_NOREPLACE, since nobody else writes to copies.
  static func move(_ name: String, from: Int32, to: Int32, as newName: String) -> Outcome {
    let (name, newName) = (Array(name.utf8), Array(newName.utf8))
    let outcome = Name.rename(name.span, from: from, to: to, as: newName.span)
    guard outcome == .failed(.invalidArgument) else { return outcome }
    return Name.moveByLink(name.span, from: from, to: to, as: newName.span)
  }
}

// MARK: leaving a tree

extension InitializationCopies {
  /// Takes the copies along with the segments: to the flat place, or to the cold place of the first tree. In the flat layout one
  /// that says no more than the live file, contents and time, is not needed.
  ///
  /// - Returns: how many files each place has less, or would have.
  static func leave(
    _ tree: CaptureTree, toFlat: Bool, isDryRun: Bool, _ failures: inout [KernelError]
  ) -> [Place: Int] {
    guard let stream = tree.layout.stream, !stream.initialization.isEmpty else { return [:] }
    let target = toFlat ? tree.layout[stream.kind].flat : tree.layout.coldPlace(of: stream.kind)
    var gone: [Place: Int] = [:]
    do throws(KernelError) {
      let copies = try find(in: tree, removesLeftovers: !isDryRun)
      for var copy in copies {
        let place = copy.place
        do throws(KernelError) {
          // One that lies there already may be somebody's own.
          guard place != target else { continue }
          let isNeeded = toFlat ? try !isLive(copy, in: tree) : true
          if !isDryRun {
            if isNeeded { try copy.move(to: target, in: tree) } else { try copy.remove(in: tree) }
          }
          gone[place, default: 0] += 1
        } catch { failures.append(error) }
      }
    } catch { failures.append(error) }
    return gone
  }

  private static func isLive(
    _ copy: KeptInitialization, in tree: CaptureTree
  ) throws(KernelError) -> Bool {
    var isLive = false
    for place in try livePlaces(of: copy.original, in: tree) {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        guard let live = try read(copy.original, in: directory), live.contents == copy.contents else {
          return
        }
        isLive = isLive || live.modified == copy.since
      }
    }
    return isLive
  }
}
