internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The segments that the live playlists of a capture list, or have listed at any moment of this run: a playlist that is gone
/// or empty for a moment must not send its segments to their buckets.
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
  /// among the newest, like the rest; or newer segments would go to their buckets before it.
  mutating func refresh(_ tree: CaptureTree, setsAside: Bool = false) throws(KernelError) {
    guard let stream = tree.layout.stream else { return }
    for place in tree.layout.playlistPlaces {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        guard let version = try directory.version(ofLivePlaylist: stream.playlist), seen[place] != version
        else { return }
        if setsAside, place == tree.layout[stream.kind].flat {
          guard superseded != version else { return }
          let hot = tree.layout[stream.kind].hot
          if try PlaylistSuccession.rival(of: directory, place, beside: hot, in: tree) == .successor {
            superseded = version
            return
          }
        }
        try read(directory, place, stream.playlist)
      }
    }
  }

  private mutating func read(
    _ directory: borrowing Directory, _ place: Place, _ playlist: String
  ) throws(KernelError) {
    var hashes: [UInt64] = []
    var count = 0
    func startOver() { count = 0 }
    let reading = try directory.read(livePlaylist: playlist, unlike: seen[place], startOver: startOver) {
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

extension FileStatus {
  var modified: ModificationTime {
    ModificationTime(seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds)
  }

  var changed: ModificationTime {
    ModificationTime(seconds: changedSeconds, nanoseconds: changedNanoseconds)
  }
}
