internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Reads the live playlists of a capture, again whenever the encoder has rewritten them.
struct PlaylistPins {
  /// A playlist of 64 MiB lists more than a million segments.
  static let playlistBytesMax = 64 << 20

  private struct Version: Equatable {
    let inode: UInt64
    let modified: ModificationTime
    let size: UInt64
  }
  private var seen: [Place: Version] = [:]
  private var last: [Place: MediaPlaylist] = [:]
  private(set) var newest: ModificationTime?

  /// For the next pass, which knows nothing yet.
  func forNextPass() -> PlaylistPins {
    var pins = PlaylistPins()
    pins.last = last
    return pins
  }

  /// Gives each playlist that has changed since the last call to `body`; also one that an earlier pass has seen and that
  /// is gone now, since its segments must not go cold for a moment's absence. One that cannot be looked at stops the run.
  mutating func refresh(
    _ folders: borrowing CaptureFolders, in capture: borrowing Directory,
    _ body: (MediaPlaylist) -> Void
  ) throws(KernelError) {
    for place in [Place.root, .segments] {
      try folders.withPlace(place, in: capture) { directory throws(KernelError) in
        let version = try Self.version(in: directory)
        if let version, seen[place] == version { return }
        guard let version, let playlist = try directory.livePlaylist() else {
          if seen[place] == nil, let playlist = last[place] { body(playlist) }
          return
        }
        seen[place] = version
        newest = max(newest ?? version.modified, version.modified)
        last[place] = playlist
        body(playlist)
      }
    }
  }

  private static func version(in directory: borrowing Directory) throws(KernelError) -> Version? {
    guard let status = try directory.statusIfThere(FileName.livePlaylist), status.type == .regular else {
      return nil
    }
    return Version(inode: status.inode, modified: status.modified, size: status.size)
  }
}

extension CaptureFolders {
  /// Those of the flat and of the hot place.
  func livePlaylists(in capture: borrowing Directory) throws(KernelError) -> [MediaPlaylist] {
    var playlists: [MediaPlaylist] = []
    for place in [Place.root, .segments] {
      try withPlace(place, in: capture) { directory throws(KernelError) in
        if let playlist = try directory.livePlaylist() { playlists.append(playlist) }
      }
    }
    return playlists
  }
}

extension Directory {
  /// The live playlist here; nil where there is none, or something else of its name.
  ///
  /// One that is there and cannot be read is an error: its segments must not go cold for that.
  func livePlaylist() throws(KernelError) -> MediaPlaylist? {
    var attemptsLeft = 3
    while try statusIfThere(FileName.livePlaylist)?.type == .regular {
      do throws(KernelError) {
        return MediaPlaylist(
          parsing: try readFile(FileName.livePlaylist, limit: PlaylistPins.playlistBytesMax))
      } catch {
        // Gone, or replaced by something else, since it was looked at.
        let hasChanged = [
          .noSuchFileOrDirectory, .tooManySymbolicLinkLevels, .invalidArgument, .noSuchAddressOrDevice,
        ].contains(error.errno)
        attemptsLeft -= 1
        guard hasChanged, attemptsLeft > 0 else { throw error }
      }
    }
    return nil
  }
}

extension FileStatus {
  var modified: ModificationTime {
    ModificationTime(seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds)
  }
}
