internal import CaptureLayout

/// A folder of the layout: a flat or hot place, or a bucket.
enum Site: Hashable {
  case place(Place)
  case bucket(Kind, Bucket)
}

/// A bucket of one kind.
struct KindBucket: Hashable {
  let kind: Kind
  let bucket: Bucket
}

extension Layout {
  /// The path of a folder below the capture, as a prefix for the names in it, such as "segments/7/".
  func prefix(of site: Site) -> String {
    switch site {
    case .place(let place): prefix(of: place)
    case .bucket(let kind, let bucket): path(of: bucket, kind) + "/"
    }
  }

  /// The index of the mount that a folder is on; nil for the file system of the capture.
  func mount(of site: Site) -> Int? {
    switch site {
    case .place(let place): mount(of: place)
    case .bucket(let kind, let bucket):
      coldPlace(of: kind, tree: Int(bucket.tree)).flatMap { mount(of: $0) }
    }
  }
}

extension [Bucket: ModificationTime] {
  /// Keeps the newest time for the bucket that the time belongs in.
  mutating func add(_ modified: ModificationTime, _ layout: Layout, _ hours: inout HourClock) {
    guard let bucket = layout.buckets.bucket(of: modified, &hours) else { return }
    self[bucket] = Swift.max(self[bucket] ?? modified, modified)
  }
}

/// One planned move of a file.
struct Move {
  let identity: FileIdentity
  let from: Site
  let to: Site

  var kind: Kind { identity.kind }
}
