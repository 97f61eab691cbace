internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The segments that the live playlists of a capture list, or have listed at any moment of this run: a playlist that is gone
/// or empty for a moment must not send its segments to their hours.
struct PlaylistPins {
  private var seen: [Place: LivePlaylistVersion] = [:]
  /// The flat one, as it was when another had superseded it.
  private var superseded: LivePlaylistVersion?
  private(set) var listed = ListedNames()
  /// How many segments each playlist lists, of those that were read last.
  private var counts: [Place: Int] = [:]
  var segmentsListed: Int { counts.values.max() ?? 0 }
  /// Playlists of which it is not known what they list.
  private(set) var tooLarge: [FilePath] = []

  /// Of the live playlist there.
  func modified(in place: Place) -> ModificationTime? { seen[place]?.modified }

  /// Reads again each playlist that has changed since the last call. One that cannot be looked at stops the run.
  ///
  /// `setsAside`: a flat playlist that another encoder's has superseded is not live any more. What it lists is hot while it is
  /// among the newest, like the rest; or newer segments would go to their hours before it.
  mutating func refresh(
    _ folders: borrowing CaptureFolders, in capture: borrowing Directory, setsAside: Bool = false
  ) throws(KernelError) {
    for place in [Place.root, .segments] {
      try folders.withPlace(place, in: capture) { directory throws(KernelError) in
        guard let version = try directory.livePlaylistVersion(), seen[place] != version else { return }
        if setsAside, place == .root {
          guard superseded != version else { return }
          if try Self.isSuperseded(directory, folders) {
            superseded = version
            return
          }
        }
        var hashes: [UInt64] = []
        var count = 0
        func startOver() { count = 0 }
        let reading = try directory.readLivePlaylist(unlike: seen[place], startOver: startOver) {
          name, entry in
          if entry.isSegment { count += 1 }
          hashes.append(hashOfName(name))
          if let decoded = SegmentURI.decoded(name) { hashes.append(hashOfName(decoded.span)) }
        }
        listed.add(hashes)
        counts[place] = count
        switch reading {
        case .absent: break
        case .read(let version, _): seen[place] = version
        case .tooLarge(let path):
          listed.mayBeAny = true
          if !tooLarge.contains(path) { tooLarge.append(path) }
        }
      }
    }
  }

  private static func isSuperseded(
    _ flat: borrowing Directory, _ folders: borrowing CaptureFolders
  ) throws(KernelError) -> Bool {
    var isSuperseded = false
    try folders.withPlace(.segments, in: flat) { hot throws(KernelError) in
      guard try PlaylistSuccession.isRival(flat, hot) else { return }
      isSuperseded = try PlaylistSuccession(of: flat, by: hot).isOver
    }
    return isSuperseded
  }
}

extension FileStatus {
  var modified: ModificationTime {
    ModificationTime(seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds)
  }
}
