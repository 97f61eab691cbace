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
  private(set) var newest: ModificationTime?

  /// Gives each playlist that has changed since the last call to `body`.
  mutating func refresh(
    _ folders: borrowing CaptureFolders, in capture: borrowing Directory,
    _ body: (MediaPlaylist) -> Void
  ) throws(KernelError) {
    for place in [Place.root, .segments] {
      try folders.withPlace(place, in: capture) { directory throws(KernelError) in
        guard let version = Self.version(in: directory), seen[place] != version else { return }
        seen[place] = version
        newest = max(newest ?? version.modified, version.modified)
        body(try directory.livePlaylist())
      }
    }
  }

  private static func version(in directory: borrowing Directory) -> Version? {
    guard let status = try? directory.status(of: FileName.livePlaylist), status.type == .regular
    else { return nil }
    return Version(inode: status.inode, modified: status.modified, size: status.size)
  }
}

extension Directory {
  /// The live playlist here; an empty one where there is none.
  func livePlaylist() throws(KernelError) -> MediaPlaylist {
    do throws(KernelError) {
      let contents = try readFile(FileName.livePlaylist, limit: PlaylistPins.playlistBytesMax)
      return MediaPlaylist(parsing: contents)
    } catch {
      // Gone since it was looked at, a link (ELOOP), or no regular file (EINVAL, ENXIO): nothing to read.
      switch error.errno {
      case .noSuchFileOrDirectory, .tooManySymbolicLinkLevels, .invalidArgument,
        .noSuchAddressOrDevice:
        return MediaPlaylist(parsing: [])
      default: throw error
      }
    }
  }
}

extension FileStatus {
  var modified: ModificationTime {
    ModificationTime(seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds)
  }
}
