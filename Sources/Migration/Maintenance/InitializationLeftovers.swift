internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The names in a folder that are copies of init segments, or what killed runs left of them.
struct InitializationNames {
  private(set) var copies: [(name: String, original: String, seconds: Int64)] = []
  /// Temporary files of runs that were killed while they wrote a copy.
  private(set) var written: [String] = []
  /// Files that a run renamed aside to remove them, and was killed: their original names.
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
        // A name that is itself in the layout is a recorder's file, not a copy.
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
  /// Removes unfinished copies in the places where copies are written, and puts back files that were being removed. Returns
  /// whether there were files to put back.
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

  /// Puts back a recorder's own init segments that a killed run renamed aside, before they are used. `find` reports those that
  /// cannot be put back.
  static func putBackLive(in tree: CaptureTree) {
    for place in tree.layout.playlistPlaces {
      tree.withPlace(place) { directory in
        for name in tree.layout.stream?.initialization ?? [] {
          try? putBack(name, of: name, in: directory)
        }
      }
    }
  }

  /// Renames a file back that a killed run had renamed aside. If a recorder has written a different one since, the file is kept
  /// as a copy: older segments may have been made with it.
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

  /// False if the name is taken.
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
