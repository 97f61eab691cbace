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

/// How many folders a run keeps open, of the descriptors that it may have.
struct DescriptorBudget {
  /// Buckets of a `CaptureTree`, of which there are two at a time.
  let keptMax: Int
  /// Those that files move to and from besides.
  let bucketsMax: Int
  /// Files of a batch of copies, with two descriptors each; there are three batches at a time.
  let copiesMax: Int

  /// `copies`: whether the layout is on several file systems.
  init(descriptorsMax: Int, copies: Bool = false) {
    // Places, streams, lock, watch, ring, standard streams.
    let left = max(0, descriptorsMax - 60)
    keptMax = min(4 * BucketRule.hours.count, left / 4)
    copiesMax = copies ? min(4096, max(1, (left - 2 * keptMax) / 12)) : 0
    // Two weeks of hours of eight kinds at the most. Where a folder is to be opened, half of them are closed, and not the one
    // that a file comes from: that needs four.
    bucketsMax = min(4096, max(4, left - 2 * keptMax - 6 * copiesMax))
  }
}
