public import KernelIO
public import SystemPackage

/// What keeps a benchmark from its end.
public enum BenchError: Error, Sendable {
  case stopped(KernelError)
  /// By this signal. What was made is removed.
  case interrupted(Int32)
  /// The folder is a capture, or in one.
  case isCapture(FilePath)
  /// There is room for so many files at most, which is too few to tell anything by.
  case noRoom(FilePath, files: Int)
  /// This file system cannot refuse to replace (RENAME_NOREPLACE), so nothing is moved on it.
  case mayReplace(FilePath, fileSystem: String)
  /// The baseline has no figures for these sizes, but for those that were measured.
  case notInBaseline(sizes: [Int], measured: [Int])
  /// `--same-machine`: in what this one differs.
  case otherMachine([String])
  /// A run of the program failed, with this status and these errors.
  case failed([String], status: Int32, errors: String)
}
