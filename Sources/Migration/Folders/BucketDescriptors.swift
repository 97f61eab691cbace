internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The buckets that a run moves files to and from, as descriptors: opened when first needed, and no more of them at a time
/// than a process may have.
struct BucketDescriptors {
  /// What is known of a bucket.
  enum State {
    case unknown
    case open(Int32)
    /// Not there; of a dry run, which makes none.
    case absent
    case refused
    case failed(Errno)
  }

  private struct Entry {
    var state = State.unknown
    var lastUse: UInt64 = 0
  }
  private struct Key: Hashable {
    let kind: Kind
    let bucket: Bucket
  }

  private let openMax: Int
  private var entries = PerKind(repeating: PerBucket(repeating: Entry()))
  private var folders: [Key: OpenFolder] = [:]
  private var uses: UInt64 = 0

  /// `descriptorsMax`: of the run, for all that it opens.
  init(descriptorsMax: Int) {
    let ofOthers = 60
    // Two weeks of hours of eight kinds, and a bound for what the kernel has to keep.
    openMax = min(4096, max(4, descriptorsMax - ofOthers))
  }

  mutating func state(_ bucket: Bucket, of kind: Kind) -> State {
    uses += 1
    let uses = uses
    return entries[kind].update(bucket) {
      $0.lastUse = uses
      return $0.state
    }
  }

  mutating func set(_ state: State, _ bucket: Bucket, of kind: Kind) {
    entries[kind].update(bucket) { $0.state = state }
  }

  var isFull: Bool { folders.count >= openMax }

  /// Returns its descriptor. Not where `isFull`.
  mutating func keep(_ folder: OpenFolder, _ bucket: Bucket, of kind: Kind) -> Int32 {
    folders[Key(kind: kind, bucket: bucket)] = folder
    set(.open(folder.directory.descriptor), bucket, of: kind)
    return folder.directory.descriptor
  }

  /// Closes the half that was used least recently. Call when nothing is in flight: a rename that waits needs its folders.
  mutating func closeLeastRecent() {
    let byUse = folders.keys.sorted {
      entries[$0.kind][$0.bucket].lastUse < entries[$1.kind][$1.bucket].lastUse
    }
    for key in byUse.prefix((byUse.count + 1) / 2) {
      folders[key] = nil
      entries[key.kind].update(key.bucket) { $0.state = .unknown }
    }
  }
}
