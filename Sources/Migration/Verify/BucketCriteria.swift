internal import CaptureLayout
internal import KernelIO

/// The criteria for buckets: every file is in the bucket of its time, and the playlists list the segments.
///
/// A bucket that a recorder or the service changes during the verification is read again.
struct BucketCriteria {
  /// A hot segment may move to its bucket so much later; after the same time again, the playlist must have ended.
  private static let lateSecondsMax: Int64 = 3600
  private static let looksAgainMax = 20
  private static let lookAgainMicroseconds: UInt32 = 250_000

  private(set) var hourFolders = Criterion(.hours)
  private(set) var archives = ArchiveCriterion()
  /// How many files of each kind are in buckets.
  private(set) var cold = PerKind(repeating: 0)

  private let rules: VerificationRules
  private let layout: Layout
  private let newestHot: [Bucket: ModificationTime]
  private var hours: HourClock
  private var looksAgainLeft = looksAgainMax

  /// `newestHot`: for each bucket, the modification time of the newest hot segment that belongs in it.
  init(_ rules: VerificationRules, newestHot: [Bucket: ModificationTime]) {
    self.rules = rules
    layout = rules.layout
    self.newestHot = newestHot
    hours = rules.hours
  }

  /// The contents of a bucket, read once.
  private struct BucketLook {
    let folderModified: ModificationTime
    var files = 0
    /// How many files are in the wrong folder.
    var misplaced = 0
    /// The first few of those.
    var examples: [[UInt8]] = []
    var archive = ArchiveCriterion()

    mutating func addMisplaced(_ name: Span<UInt8>) {
      misplaced += 1
      if examples.count < Criterion.examplesMax { examples.append(Array(copying: name)) }
    }
  }

  mutating func judge(_ capture: borrowing Directory, _ tree: CaptureTree) throws(KernelError) {
    var misplaced = 0
    for kind in layout.kinds {
      for bucket in tree.buckets(of: kind) {
        let path = layout.path(of: bucket, kind) + "/"
        try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
          var look = try look(at: directory, bucket, of: kind, tree, capture)
          // The playlist follows a little later when segments come and go.
          while !look.archive.isMet, looksAgainLeft > 0, try isChanging(directory, since: look, capture) {
            looksAgainLeft -= 1
            pause(microseconds: Self.lookAgainMicroseconds)
            look = try self.look(at: directory, bucket, of: kind, tree, capture)
          }
          cold[kind] += look.files
          misplaced += look.misplaced
          for name in look.examples { hourFolders.fail(Array(path.utf8) + name) }
          archives.add(look.archive)
        }
      }
      hourFolders.figure(layout.name(of: kind), cold[kind])
    }
    hourFolders.figure("misplaced", misplaced)
  }

  private mutating func look(
    at directory: borrowing Directory, _ bucket: Bucket, of kind: Kind, _ tree: CaptureTree,
    _ capture: borrowing Directory
  ) throws(KernelError) -> BucketLook {
    var look = BucketLook(folderModified: try directory.status().modified)
    var segments = ArchiveCriterion.Names()
    let any: (Kind) -> Bool = { _ in true }
    try rules.forEachFile(in: directory, wants: any) { entry, kindOfFile, modified in
      guard kindOfFile == kind else { return look.addMisplaced(entry.name) }
      look.files += 1
      if layout.isSegment(kind) { segments.insert(entry.name, isYoung: rules.isYoung(kind, modified)) }
      if layout.buckets.bucket(of: modified, &hours) != bucket { look.addMisplaced(entry.name) }
    } others: { entry in
      if rules.isLeftAside(entry, in: directory, of: capture) { look.addMisplaced(entry.name) }
    }
    if layout.isSegment(kind) {
      try look.archive.judge(
        directory, layout.path(of: bucket, kind) + "/", segments, mustBeOver: isLongOver(bucket), tree)
    }
    return look
  }

  private func isChanging(
    _ directory: borrowing Directory, since look: BucketLook, _ capture: borrowing Directory
  ) throws(KernelError) -> Bool {
    if FolderLock.isHeld(capture) { return true }
    return try directory.status().modified != look.folderModified
  }

  /// Whether a bucket is over by the rule of `Manifests`, and has been for so long that a service must have ended its playlist:
  /// the clock left it an hour ago, and no hot segment younger than two hours belongs in it.
  private mutating func isLongOver(_ bucket: Bucket) -> Bool {
    let before = rules.now.earlier(bySeconds: Self.lateSecondsMax)
    guard layout.buckets.bucket(of: rules.now, &hours) != bucket,
      layout.buckets.bucket(of: before, &hours) != bucket
    else { return false }
    return newestHot[bucket].map { $0 <= before.earlier(bySeconds: Self.lateSecondsMax) } ?? true
  }
}
