internal import CaptureLayout
internal import KernelIO

/// Detects a recorder at work: a file or the live playlist was written during a pass, or in the ten seconds before it.
struct RecentWriter {
  /// How long before the pass the last write may have been.
  private static let quietSeconds: Int64 = 10

  private let recently: Range<Int64>
  private(set) var isActive = false
  /// Whether it writes to the flat places.
  private(set) var isFlat = false
  /// Whether its live playlist, without an end, is in the hot place.
  private(set) var isHot = false

  init() {
    let now = SystemClock.realtimeNanoseconds / 1_000_000_000
    recently = (now - Self.quietSeconds)..<(now + 3600)
  }

  /// `isFlat`: whether the file is not in its hot place.
  mutating func note(_ modified: ModificationTime, isFlat: Bool) {
    guard recently.contains(modified.seconds) else { return }
    isActive = true
    if isFlat { self.isFlat = true }
  }

  /// Notes the modification times of the live playlists.
  mutating func note(_ pins: PlaylistPins, _ layout: Layout) {
    let places = layout.playlistPlaces
    for place in places {
      guard let modified = pins.modified(in: place) else { continue }
      note(modified, isFlat: place != places.last)
      if place == places.last, recently.contains(modified.seconds), !pins.isFinished(in: place) {
        isHot = true
      }
    }
  }
}
