internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Files in buckets that are named by the other rule: another layout was used here. With this one they would be passed over,
/// or new files would go where nobody looks for them.
enum OtherBuckets {
  static func refuse(in capture: borrowing OpenCapture, _ layout: Layout) throws(MigrationError) {
    let other: String?
    do throws(KernelError) { other = try first(in: capture.directory, layout) } catch {
      throw capture.stopped(error)
    }
    if let other { throw .otherBuckets(capture.directory.path.appending(other), layout: layout.name) }
  }

  /// The first of them, below the capture.
  private static func first(
    in capture: borrowing Directory, _ layout: Layout
  ) throws(KernelError) -> String? {
    // Those that files are fetched from are known.
    guard Set(layout.trees.map(\.rule)).count == 1, try mayBeThere(capture, layout) else { return nil }
    let others = try CaptureTree(of: capture, layout.withOtherBuckets)
    // What cannot be looked into may be full.
    for refusal in others.bucketRefusals {
      if case .denied(let error) = refusal.reason, [.permissionDenied, .notPermitted].contains(error.errno) {
        throw error
      }
    }
    for (kind, bucket) in others.buckets() {
      var holdsFile = false
      try others.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
        try Walk(layout, look: .name).run(
          directory, wants: { $0 == kind }, goesOn: { !holdsFile },
          visit: { (_, found, _) throws(KernelError) in
            if case .file = found { holdsFile = true }
          })
      }
      if holdsFile { return others.layout.path(of: bucket, kind) }
    }
    return nil
  }

  /// By the number of sub-folders that each place has, without listing it: it may hold a million files.
  private static func mayBeThere(
    _ capture: borrowing Directory, _ layout: Layout
  ) throws(KernelError) -> Bool {
    for kind in layout.kinds {
      let path = layout.path(of: layout.coldPlace(of: kind))
      guard let place = try? capture.openFolder(path) else { continue }
      var known = layout.paths.count { other in
        let inner = other.utf8.starts(with: "\(path)/".utf8) ? other.utf8.dropFirst(path.utf8.count + 1) : nil
        guard let inner, !inner.contains(UInt8(ascii: "/")) else { return false }
        return place.hasFolder(String(decoding: inner, as: UTF8.self))
      }
      if layout.buckets == .hour { known += BucketRule.hours.count { place.hasFolder("\($0)") } }
      if try place.mayHaveSubfolders(besides: known) { return true }
    }
    return false
  }
}

extension Directory {
  func hasFolder(_ name: String) -> Bool {
    (try? status(of: name))?.type == .directory
  }
}
