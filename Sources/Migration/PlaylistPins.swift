internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The segments that the live playlists of a capture list, or have listed at any time during this run: if a playlist is missing
/// or empty for a moment, its segments must not go to their buckets.
struct PlaylistPins {
  private var seen: [Place: LivePlaylistVersion] = [:]
  private var seenBehindLinks: [Place: LivePlaylistVersion] = [:]
  /// The version of the flat playlist when another one had superseded it.
  private var superseded: LivePlaylistVersion?
  private(set) var listed = ListedNames()
  /// How many segments the playlist of each place listed when it was last read.
  private var counts: [Place: Int] = [:]
  var segmentsListed: Int { counts.values.max() ?? 0 }
  private var finished: Set<Place> = []
  /// Playlists too large to be read: what they list is not known.
  private(set) var tooLarge: [FilePath] = []

  /// Modification time of the live playlist in a place.
  func modified(in place: Place) -> ModificationTime? { seen[place]?.modified }

  /// Whether the live playlist in a place ended (EXT-X-ENDLIST) when it was last read: its encoder was stopped.
  func isFinished(in place: Place) -> Bool { finished.contains(place) }

  /// Reads each playlist that has changed since the last call. Throws if one cannot be read, which stops the run.
  ///
  /// - Parameter setsAside: whether to ignore a flat playlist that another encoder's has superseded, since it is no longer live.
  ///   The segments that it lists are then hot only while they are among the newest; otherwise newer segments would go to their
  ///   buckets before them.
  mutating func refresh(_ tree: CaptureTree, setsAside: Bool = false) throws(KernelError) {
    guard let stream = tree.layout.stream else { return }
    for place in tree.layout.playlistPlaces {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        guard let version = try directory.version(ofLivePlaylist: stream.playlist) else {
          return try readBehindLink(directory, place, stream.playlist)
        }
        guard seen[place] != version else { return }
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
    if case .read(let version, let playlist) = reading {
      seen[place] = version
      if playlist.isFinished { finished.insert(place) } else { finished.remove(place) }
    }
    note(reading)
  }

  private mutating func readBehindLink(
    _ directory: borrowing Directory, _ place: Place, _ playlist: String
  ) throws(KernelError) {
    let known = seenBehindLinks[place]
    guard let version = try directory.version(ofLivePlaylist: playlist, behindLink: true), version != known
    else { return }
    var hashes: [UInt64] = []
    let reading = try directory.read(livePlaylist: playlist, behindLink: true, unlike: known) { name, _ in
      hashes.append(hashOfName(name))
      if let decoded = SegmentURI.decoded(name) { hashes.append(hashOfName(decoded.span)) }
    }
    listed.add(hashes)
    if case .read(let version, _) = reading { seenBehindLinks[place] = version }
    note(reading)
  }

  private mutating func note(_ reading: LivePlaylistReading) {
    guard case .tooLarge(let path) = reading else { return }
    listed.mayBeAny = true
    if !tooLarge.contains(path) { tooLarge.append(path) }
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
