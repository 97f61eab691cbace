public import CaptureLayout
internal import KernelIO
public import SystemPackage

/// Checks a capture against the guide's success criteria. Reads only.
public enum Verification {
  /// The age at which a service with the default settings has moved a file: a minimum age and an interval of 60 s each.
  public static let minAgeSecondsDefault: Int64 = 120

  /// Verifies one capture. Never throws: an error is in the report.
  ///
  /// - Parameters:
  ///   - path: the capture.
  ///   - layout: the layout that it should be in.
  ///   - rule: the hot limits.
  ///   - hours: in the time zone of the buckets.
  ///   - wantsManifests: whether each bucket with segments must have its playlist.
  ///   - minAgeSeconds: younger files count as not yet settled.
  ///   - progressed: called after each window of names.
  public static func run(
    _ path: FilePath, layout: Layout = .guide, rule: SettleRule, hours: HourClock,
    wantsManifests: Bool = true,
    minAgeSeconds: Int64 = minAgeSecondsDefault, progressed: @escaping (MigrationProgress) -> Void = { _ in }
  ) -> VerificationReport {
    var report = VerificationReport(capture: path, layout: layout.name)
    report.timeZone = hours.zone
    do throws(MigrationError) {
      let capture = try OpenCapture.open(path, layout)
      let layout = capture.layout
      let tree = try capture.tree()
      report.bucketsOfNoKind = tree.bucketsOfNoKind
      do throws(KernelError) {
        let expected = capture.estimateOfEntries(tree, withBuckets: true)
        let folder = capture.directory.path
        let startNanoseconds = SystemClock.monotonicNanoseconds
        var entries = 0
        let rules = VerificationRules(layout, rule, hours, minAgeSeconds: minAgeSeconds) {
          entries += $0
          progressed(
            MigrationProgress(
              capture: folder, entries: entries, entriesExpected: expected,
              elapsedNanoseconds: SystemClock.monotonicNanoseconds - startNanoseconds))
        }
        report.unrecognised = tree.unrecognised + (try tree.unrecognisedBesideBuckets())
        try judge(capture.directory, tree, rules, wantsManifests: wantsManifests, &report)
      } catch { throw capture.stopped(error) }
    } catch {
      report.error = error
    }
    return report
  }

  private static func judge(
    _ capture: borrowing Directory, _ tree: CaptureTree, _ rules: VerificationRules, wantsManifests: Bool,
    _ report: inout VerificationReport
  ) throws(KernelError) {
    var rules = rules
    var livePlaylist = LivePlaylistCriterion()
    try livePlaylist.judge(tree, &rules)
    var places = PlacesCriteria(tree, pinned: livePlaylist.listed, rules)
    try places.judge(capture)
    var buckets = BucketCriteria(rules, newestHot: places.newestHot)
    try buckets.judge(capture, tree)
    let names = try judgedNames(tree) { places.count($0) + buckets.cold[$0] }
    let archives = wantsManifests && tree.layout.stream != nil ? [buckets.archives.judged(tree.layout)] : []
    report.unrecognised = report.unrecognised + places.unrecognised
    report.criteria =
      [
        judgedFolders(tree), places.flatPlaces, places.hotLimits, buckets.hourFolders, names,
        livePlaylist.criterion,
      ] + archives
  }

  private static func judgedFolders(_ tree: CaptureTree) -> Criterion {
    var folders = Criterion(.folders)
    let missing = tree.missingCount
    folders.figure("expected", tree.wantedCount)
    folders.figure("missing", missing)
    folders.figure("refused", tree.refusals.count)
    for refusal in tree.refusals { folders.fail(Array(refusal.folder.utf8)) }
    if missing > 0 { folders.isMet = false }
    return folders
  }

  /// `fileCount`: how many files of a kind there are, in any place.
  private static func judgedNames(
    _ tree: CaptureTree, fileCount: (Kind) -> Int
  ) throws(KernelError) -> Criterion {
    var names = Criterion(.names)
    var twice = 0
    for kind in tree.layout.kinds {
      for name in try DuplicateNames(kind: kind, fileCount: fileCount(kind)).find(in: tree) {
        twice += 1
        names.fail(Array("\(tree.layout.name(of: kind)): ".utf8) + name)
      }
    }
    names.figure("twice", twice)
    return names
  }
}
