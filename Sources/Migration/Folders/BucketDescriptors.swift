internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The descriptors of the buckets that a run moves files to and from: opened when first needed, and limited to what the process
/// may have open.
struct BucketDescriptors {
  /// What is known of a bucket.
  enum State {
    case unknown
    case open(Int32)
    /// Does not exist. Only in a dry run, which makes no folders.
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

  init(budget: DescriptorBudget) { openMax = budget.bucketsMax }

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

  /// Keeps a bucket open and returns its descriptor. Call only if not `isFull`.
  mutating func keep(_ folder: OpenFolder, _ bucket: Bucket, of kind: Kind) -> Int32 {
    folders[Key(kind: kind, bucket: bucket)] = folder
    set(.open(folder.directory.descriptor), bucket, of: kind)
    return folder.directory.descriptor
  }

  /// Closes the half that was used least recently. Call when nothing is in flight: a pending rename needs its folders.
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

/// Divides the descriptors that a run may have.
struct DescriptorBudget {
  /// Buckets kept open by a `CaptureTree`; there are two trees at a time.
  let keptMax: Int
  /// Buckets kept open by `BucketDescriptors`.
  let bucketsMax: Int
  /// Files in a batch of copies, with two descriptors each; there are three batches at a time.
  let copiesMax: Int

  /// `copies`: whether the layout is on several file systems.
  init(descriptorsMax: Int, copies: Bool = false) {
    // Places, streams, lock, watch, ring, standard streams.
    let left = max(0, descriptorsMax - 60)
    keptMax = min(4 * BucketRule.hours.count, left / 4)
    copiesMax = copies ? min(4096, max(1, (left - 2 * keptMax) / 12)) : 0
    // At most about two weeks of hours of eight kinds, at least four: when a folder is to be opened and there is no room, half
    // of them are closed, but not the one that a file comes from.
    bucketsMax = min(4096, max(4, left - 2 * keptMax - 6 * copiesMax))
  }
}
