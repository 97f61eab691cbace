public import CaptureLayout
internal import KernelIO
public import SystemPackage

/// The numbers that an encoder must continue with so that no name is taken: those after the largest in a capture.
public struct NextNumbers: Equatable, Sendable {
  public private(set) var segment: Int64
  /// For captures, thumbnails and metadata, which are numbered alike.
  public private(set) var capture: Int64
  /// Seconds since an unfinished live playlist was last written; nil if there is none.
  public private(set) var secondsSincePlaylist: Int64?
  /// For each kind at most one bucket whose files are all of no kind; paths below the capture. Their numbers are not known.
  public private(set) var bucketsOfNoKind: [String] = []

  package init(segment: Int64, capture: Int64) {
    self.segment = segment
    self.capture = capture
  }

  /// Reads all names wherever the layout keeps files.
  ///
  /// - Throws: if one of the layout's folders cannot be read: it may hold a number larger than all others, and an encoder that
  ///   continues below it overwrites files.
  public init(of path: FilePath, _ layout: Layout = .guide) throws(MigrationError) {
    let capture = try OpenCapture.open(path, layout)
    let layout = capture.layout
    let tree = try capture.tree()
    do throws(KernelError) {
      if let refusal = tree.refusals.first {
        throw refusal.error(in: capture.directory.path)
      }
      var listing = Listing(layout, inodes: false)
      // Buckets last: the service moves files to them meanwhile, so each file is met at least once.
      try listing.listPlaces(of: tree)
      try listing.listBesideBuckets(of: tree)
      try listing.listBuckets(of: tree)
      let numbers = listing.numbers
      var secondsSincePlaylist: Int64?
      for place in layout.playlistPlaces {
        try tree.withPlace(place) { (directory) throws(KernelError) in
          guard
            case .read(let version, let playlist) = try directory.read(
              livePlaylist: layout.stream?.playlist ?? "", { _, _ in }), !playlist.isFinished
          else { return }
          let age = version.modified.age(atSeconds: SystemClock.realtimeNanoseconds / 1_000_000_000)
          secondsSincePlaylist = min(secondsSincePlaylist ?? age, age)
        }
      }
      let isSegment = layout.isSegment
      self.init(
        segment: numbers.next(of: layout.kinds.filter(isSegment)) ?? 0,
        capture: numbers.next(of: layout.kinds.filter { !isSegment($0) }) ?? 0)
      self.secondsSincePlaylist = secondsSincePlaylist
      bucketsOfNoKind = tree.bucketsOfNoKind
    } catch { throw capture.stopped(error) }
  }

  /// For a front end that expects a capture's number to be its segment's times `capturesPerSegment`: the smallest pair of
  /// numbers that agrees and of which neither is taken. Nil beyond 64 bits.
  public func aligned(capturesPerSegment: Int64) -> NextNumbers? {
    let rounded = capture / capturesPerSegment + (capture % capturesPerSegment > 0 ? 1 : 0)
    let segment = max(segment, rounded)
    let (capture, overflows) = segment.multipliedReportingOverflow(by: capturesPerSegment)
    guard !overflows else { return nil }
    var aligned = NextNumbers(segment: segment, capture: capture)
    aligned.secondsSincePlaylist = secondsSincePlaylist
    aligned.bucketsOfNoKind = bucketsOfNoKind
    return aligned
  }
}
