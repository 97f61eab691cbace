internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The names in a bucket that are playlists, or what killed runs left of them.
struct PlaylistNames {
  /// Playlists, whoever wrote them.
  private(set) var playlists: [String] = []
  /// Temporary files that killed runs left. Anything but a regular file under such a name is foreign.
  private var written: [String] = []
  /// Playlists that killed runs had renamed aside to remove them: their original names.
  private var aside: [String] = []

  init() {}

  init(in directory: borrowing Directory) throws(KernelError) {
    try directory.forEachEntry { add($0) }
  }

  mutating func add(_ entry: borrowing DirectoryEntry) {
    func text(_ range: Range<Int>) -> String {
      String(decoding: Array(copying: entry.name.extracting(range)), as: UTF8.self)
    }
    if FileName.isArchivePlaylist(entry.name) {
      playlists.append(text(entry.name.indices))
    } else if entry.type.countsAsFile, Self.isLeftover(entry.name) {
      if let name = TemporaryName.nameOfAside(entry.name) {
        aside.append(text(name))
      } else {
        written.append(text(entry.name.indices))
      }
    }
  }

  static func isLeftover(_ name: Span<UInt8>) -> Bool {
    [TemporaryName.nameOfWritten(name), TemporaryName.nameOfAside(name)].contains {
      $0.map { FileName.isArchivePlaylist(name.extracting($0)) } ?? false
    }
  }

  /// Removes what killed runs left of hotcold's own playlists. A foreign playlist that was renamed aside is put back; if its name
  /// is taken by now, it stays.
  ///
  /// - Returns: how many files are removed, or would be, and the names of foreign files that stay.
  func removeLeftovers(
    in directory: borrowing Directory, isDryRun: Bool
  ) throws(KernelError) -> (removed: Int, foreign: [String]) {
    var removed = 0
    var foreign: [String] = []
    for name in written where try directory.statusIfThere(name)?.type == .regular {
      let contents = try directory.readFile(name, limit: HourPlaylists.playlistBytesMax)
      guard ArchivePlaylist.mayBeUnfinished(contents) else {
        foreign.append(name)
        continue
      }
      if !isDryRun { try directory.removeFile(name) }
      removed += 1
    }
    for playlist in aside {
      let name = TemporaryName.ofAside(playlist)
      guard try directory.statusIfThere(name)?.type == .regular else { continue }
      if case .own = HourPlaylists.existing(name, in: directory) {
        if !isDryRun { try directory.removeFile(name) }
        removed += 1
      } else if try directory.statusIfThere(playlist) != nil {
        foreign.append(name)
      } else if !isDryRun {
        try directory.renameFile(name, as: playlist)
      }
    }
    return (removed, foreign)
  }
}
