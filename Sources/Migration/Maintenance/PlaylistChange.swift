internal import KernelIO

/// What becomes of one playlist of a bucket.
struct PlaylistChange {
  enum Outcome {
    case unchanged, written, removed
    /// Written under the temporary name, to replace the playlist with this status; nil if there was none.
    case staged(over: FileStatus?)
    /// To be removed: its day has no segments any more.
    case obsolete(FileStatus)
    case foreign
    case failed(KernelError)
  }
  let name: String
  var outcome: Outcome

  var isStaged: Bool {
    if case .staged = outcome { true } else { false }
  }
  var replacesOne: Bool {
    if case .staged(_?) = outcome { true } else { false }
  }
  var hasFailed: Bool {
    if case .failed = outcome { true } else { false }
  }
  var hasChangedNames: Bool {
    switch outcome {
    case .written, .removed: true
    default: false
    }
  }
}
