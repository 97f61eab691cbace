internal import CaptureLayout
internal import KernelIO

/// The criterion for the live playlist: every segment that it lists is beside it.
struct LivePlaylistCriterion {
  private(set) var criterion = Criterion(.livePlaylist)
  /// The names that are listed.
  private(set) var listed = ListedNames()
  private var missing = 0
  private var notFiles = 0

  /// Reads the live playlists. If an encoder is at work, notes in `rules` what its playlist lists.
  mutating func judge(_ tree: CaptureTree, _ rules: inout VerificationRules) throws(KernelError) {
    for place in tree.layout.playlistPlaces.reversed() {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        try judge(directory, tree.layout.prefix(of: place), &rules)
      }
    }
    criterion.figure("listed", listed.count)
    criterion.figure("missing", missing)
    criterion.figure("not a file", notFiles)
    if listed.mayBeAny { criterion.figure("larger than \(LivePlaylistVersion.bytesMax >> 20) MiB", 1) }
  }

  private mutating func judge(
    _ directory: borrowing Directory, _ path: String, _ rules: inout VerificationRules
  ) throws(KernelError) {
    let playlist = rules.layout.stream?.playlist ?? ""
    var listing = LiveListing()
    var reading = try directory.read(
      livePlaylist: playlist, startOver: { listing = LiveListing() },
      { name, entry in if entry.isSegment { listing.judge(name, in: directory, unlike: listed) } })
    if case .absent = reading {
      // Its segments are beside the playlist, not beside the link.
      reading = try directory.read(livePlaylist: playlist, behindLink: true) { name, entry in
        if entry.isSegment { listing.note(name) }
      }
    }
    if let error = listing.error { throw error }
    listed.add(listing.hashes)
    missing += listing.missing.count
    notFiles += listing.notFiles.count
    for name in listing.examples { criterion.fail(Array(path.utf8) + name) }
    if case .read(let version, _) = reading, version.modified > rules.settledUntil,
      let oldest = listing.oldest
    {
      rules.noteListed(oldest: oldest)
    }
    guard case .tooLarge = reading else { return }
    listed.mayBeAny = true
    criterion.fail(Array((path + playlist).utf8))
  }
}
