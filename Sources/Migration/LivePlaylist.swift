internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The result of reading the live playlist of one folder.
enum LivePlaylistReading {
  /// There is none, or the name is that of something else than a regular file.
  case absent
  /// The parser holds what the playlist says besides the files that it lists.
  case read(LivePlaylistVersion, PlaylistParser)
  /// Larger than `LivePlaylistVersion.bytesMax`: which files it lists is not known.
  case tooLarge(FilePath)
}

/// One state of a playlist: as long as the version is the same, so is the list.
struct LivePlaylistVersion: Equatable {
  /// A playlist of 64 MiB lists more than a million segments.
  static let bytesMax = 64 << 20

  let inode: UInt64
  let size: UInt64
  let modified: ModificationTime
  fileprivate let changed: ModificationTime

  init?(_ status: FileStatus?) {
    guard let status, status.type == .regular else { return nil }
    inode = status.inode
    size = status.size
    modified = status.modified
    changed = status.changed
  }

  /// Nanoseconds since it was last written; `.max` after more than an hour, nil if that is in the future. By mtime, which a
  /// write sets, but a rename does not, such as one by hotcold just before.
  var age: Int64? {
    let now = SystemClock.realtimeNanoseconds
    let seconds = (now / 1_000_000_000).subtractingSaturating(modified.seconds)
    guard (0...3600).contains(seconds) else { return seconds < 0 ? nil : .max }
    let age = seconds * 1_000_000_000 + now % 1_000_000_000 - Int64(modified.nanoseconds)
    return age < 0 ? nil : age
  }
}

extension Directory {
  /// Gives each file that the live playlist here lists to `body`, as a stream.
  ///
  /// An encoder may rewrite its playlist in place, so a read may find it empty or cut off. A read counts only if the playlist
  /// was the same before and after it, looks whole, and has not been written for 100 ms; otherwise it is repeated, for up to a
  /// second. A playlist that was renamed into place is whole at once.
  ///
  /// - Parameters:
  ///   - behindLink: whether to read what a link of that name leads to, as one that keeps an old URL playing: that counts for what
  ///     must stay hot, but the link is never moved. Otherwise a link is no playlist.
  ///   - known: the version that was there before: another inode shows that the playlist was renamed into place.
  ///   - startOver: called before each attempt.
  ///   - body: gets what every attempt reads, since files listed a moment ago are better left where they are.
  /// - Throws: if the playlist exists but cannot be read: its segments must not go cold because of that.
  func read(
    livePlaylist name: String, behindLink: Bool = false, unlike known: LivePlaylistVersion? = nil,
    startOver: () -> Void = {},
    _ body: (Span<UInt8>, PlaylistEntry) -> Void
  ) throws(KernelError) -> LivePlaylistReading {
    let patience: Int64 = 1_000_000_000
    let pauseMicroseconds: UInt32 = 30_000
    let end = SystemClock.monotonicNanoseconds + patience
    var parser = PlaylistParser()
    while let version = try version(ofLivePlaylist: name, behindLink: behindLink) {
      guard version.size <= LivePlaylistVersion.bytesMax else { return .tooLarge(path.appending(name)) }
      startOver()
      parser = PlaylistParser()
      do throws(KernelError) {
        try readFile(name, followsLinks: behindLink, limit: LivePlaylistVersion.bytesMax) {
          parser.parse($0, body)
        }
        parser.finish(body)
        let wasRenamed = known.map { $0.inode != version.inode } ?? false
        if isSettled(version, isWhole: parser.isWhole, wasRenamed: wasRenamed),
          try self.version(ofLivePlaylist: name, behindLink: behindLink) == version
        {
          return .read(version, parser)
        }
      } catch {
        if error.errno == .fileTooLarge { return .tooLarge(path.appending(name)) }
        // Gone, or replaced by something else, since its status was read.
        let hasChanged = [
          .noSuchFileOrDirectory, .tooManySymbolicLinkLevels, .invalidArgument, .noSuchAddressOrDevice,
        ].contains(error.errno)
        guard hasChanged, SystemClock.monotonicNanoseconds < end else { throw error }
      }
      guard SystemClock.monotonicNanoseconds < end, StopSignal.pending == nil else {
        return .read(version, parser)
      }
      pause(microseconds: pauseMicroseconds)
    }
    return .absent
  }

  /// - Parameter behindLink: whether the playlist is what a link of that name leads to.
  func version(
    ofLivePlaylist name: String, behindLink: Bool = false
  ) throws(KernelError) -> LivePlaylistVersion? {
    LivePlaylistVersion(try behindLink ? statusOfTarget(ofLink: name) : statusIfThere(name))
  }

  /// Whether nobody has written the playlist for a while; waits for that, but not for long.
  private func isSettled(
    _ version: LivePlaylistVersion, isWhole: Bool, wasRenamed: Bool
  ) -> Bool {
    let quietNanoseconds: Int64 = 100_000_000
    // An incomplete playlist unchanged for so long will not be completed.
    let abandonedNanoseconds: Int64 = 10_000_000_000
    let age = version.age ?? 0
    guard isWhole || age > abandonedNanoseconds else { return false }
    if age < quietNanoseconds, !wasRenamed {
      pause(microseconds: UInt32((quietNanoseconds - age) / 1000))
    }
    return true
  }
}

/// The contents of a capture's live playlists, those of the flat and the hot place together.
struct LivePlaylists {
  private(set) var listed = ListedNames()
  private(set) var durations = LiveDurations()

  init(of tree: CaptureTree) throws(KernelError) {
    guard let playlist = tree.layout.stream?.playlist else { return }
    var hashes: [UInt64] = []
    var durations = LiveDurations()
    var mayBeAny = false
    for place in tree.layout.playlistPlaces {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        func add(_ name: Span<UInt8>, _ entry: PlaylistEntry) {
          hashes.append(namesIn: name)
          durations.add(name, entry)
          if let decoded = SegmentURI.decoded(name) { durations.add(decoded.span, entry) }
        }
        for behindLink in [false, true] {
          let reading = try directory.read(livePlaylist: playlist, behindLink: behindLink, add)
          if case .tooLarge = reading { mayBeAny = true }
        }
      }
    }
    durations.finish()
    self.durations = durations
    listed.add(hashes)
    listed.mayBeAny = mayBeAny
  }
}
