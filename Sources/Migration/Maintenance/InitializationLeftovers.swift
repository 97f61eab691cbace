internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The names in a folder that have to do with init segments.
struct InitializationNames {
  private(set) var copies: [(name: String, original: String, seconds: Int64)] = []
  /// Of runs that were killed while they wrote.
  private(set) var written: [String] = []
  /// Of runs that were killed while they removed one: what its name was.
  private(set) var aside: [(name: String, original: String)] = []

  init(in directory: borrowing Directory, of originals: [String]) throws(KernelError) {
    try directory.forEachEntry { add($0, originals) }
  }

  private mutating func add(_ entry: borrowing DirectoryEntry, _ originals: [String]) {
    guard entry.type.countsAsFile else { return }
    func text(_ range: Range<Int>) -> String {
      String(decoding: Array(copying: entry.name.extracting(range)), as: UTF8.self)
    }
    for original in originals {
      if let seconds = InitializationCopy.seconds(in: entry.name, of: original) {
        let name = text(entry.name.indices)
        // A file that the layout itself names is a recorder's.
        if !originals.contains(name) { copies.append((name, original, seconds)) }
      } else if InitializationCopy.isTemporary(entry.name, of: original) {
        written.append(text(entry.name.indices))
      } else if InitializationCopy.isAside(entry.name, of: original),
        let name = TemporaryName.nameOfAside(entry.name)
      {
        aside.append((text(name), original))
      }
    }
  }
}

// What killed runs have left.
extension InitializationCopies {
  /// Removes what was being written, where copies are written, and puts back what was being removed. Returns whether any was to
  /// be put back.
  static func removeLeftovers(
    _ names: InitializationNames, in directory: borrowing Directory, _ place: Place, _ layout: Layout,
    _ failures: inout [KernelError]
  ) throws(KernelError) -> Bool {
    for name in names.written where layout.coldPlacesOfStream.contains(place) {
      guard let status = try directory.statusIfThere(name), status.type == .regular, status.size <= bytesMax
      else { continue }
      let contents = try directory.readFile(name, limit: bytesMax)
      guard InitializationSection.mayBeUnfinished(contents.span) else { continue }
      try directory.removeFile(name)
    }
    for (name, original) in names.aside {
      do throws(KernelError) { try putBack(name, of: original, in: directory) } catch {
        failures.append(error)
      }
    }
    return !names.aside.isEmpty
  }

  /// Puts back what a recorder has written, before anything is done with it. What cannot be put back is said by `find`.
  static func putBackLive(in tree: CaptureTree) {
    for place in tree.layout.playlistPlaces {
      tree.withPlace(place) { directory in
        for name in tree.layout.stream?.initialization ?? [] {
          try? putBack(name, of: name, in: directory)
        }
      }
    }
  }

  /// Where a recorder has written another one since, it is kept as a copy: older segments may have been made with it.
  private static func putBack(
    _ name: String, of original: String, in directory: borrowing Directory
  ) throws(KernelError) {
    let aside = TemporaryName.ofAside(name)
    guard try directory.statusIfThere(aside)?.type == .regular else { return }
    if try hasRenamed(aside, as: name, in: directory) { return }
    if let own = try read(aside, in: directory) {
      if try read(name, in: directory)?.contents == own.contents { return try directory.removeFile(aside) }
      for copy in names(of: original, own.version.modified)
      where try hasRenamed(aside, as: copy, in: directory) {
        return
      }
    }
    throw KernelError(.rename, directory.path.appending(aside), .fileExists)
  }

  /// False where the name is taken.
  private static func hasRenamed(
    _ name: String, as newName: String, in directory: borrowing Directory
  ) throws(KernelError) -> Bool {
    do throws(KernelError) { try directory.renameFile(name, as: newName) } catch {
      guard error.errno == .fileExists else { throw error }
      return false
    }
    return true
  }
}
