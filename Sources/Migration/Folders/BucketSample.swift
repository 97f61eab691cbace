internal import CaptureLayout
internal import KernelIO

/// Kinds of which the newest buckets hold no file of their own kind: then the buckets belong to a layout with the same folders
/// for other kinds, or for other file names.
struct BucketSample {
  /// For each such kind, the path below the capture of a bucket that holds files of another kind.
  fileprivate(set) var ofOtherKind: [String] = []
  /// For each such kind without those, the path of a bucket that holds only files of no kind.
  fileprivate(set) var ofNoKind: [String] = []

  /// The first of `ofOtherKind`, if at least two kinds are concerned: a single misplaced file may be the only one left in a
  /// bucket once retention has deleted the others.
  var ofOtherLayout: String? { ofOtherKind.count > 1 ? ofOtherKind[0] : nil }
}

private enum Contents: Int {
  case nothing, ofNoKind, ofOtherKind, ofOwnKind
}

extension CaptureTree {
  func sampleBuckets() throws(KernelError) -> BucketSample {
    var sample = BucketSample()
    for kind in layout.kinds {
      guard let (contents, bucket) = try sampleBuckets(of: kind) else { continue }
      let path = layout.path(of: bucket, kind)
      switch contents {
      case .ofOtherKind: sample.ofOtherKind.append(path)
      case .ofNoKind: sample.ofNoKind.append(path)
      case .nothing, .ofOwnKind: break
      }
    }
    return sample
  }

  /// Reads the first window of up to 24 buckets, the newest first, until it finds a file of the kind itself: in an ordinary
  /// capture, in the first window.
  private func sampleBuckets(of kind: Kind) throws(KernelError) -> (Contents, Bucket)? {
    var most: (contents: Contents, bucket: Bucket)?
    for bucket in buckets(of: kind).suffix(BucketRule.hours.count).reversed() {
      let contents = try beginning(of: bucket, kind)
      if contents.rawValue > most?.contents.rawValue ?? 0 { most = (contents, bucket) }
      if contents == .ofOwnKind { break }
    }
    return most
  }

  private func beginning(of bucket: Bucket, _ kind: Kind) throws(KernelError) -> Contents {
    var contents = Contents.nothing
    func find(_ found: Contents) { if found.rawValue > contents.rawValue { contents = found } }
    var isRead = false
    try withBucket(bucket, of: kind) { (directory) throws(KernelError) in
      try Walk(layout, look: .name).run(
        directory, wants: { _ in true }, goesOn: { !isRead }, afterWindow: { isRead = true },
        visit: { (entry, found, _) throws(KernelError) in
          switch found {
          case .file, .vanished, .unreadable:
            find(layout.isKnown(entry.name, in: bucket, of: kind) ? .ofOwnKind : .ofOtherKind)
          case .other: if entry.type == .regular, !HourPlaylists.isOwn(entry) { find(.ofNoKind) }
          }
        })
    }
    return contents
  }
}
