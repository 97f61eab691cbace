public import KernelIO
public import SystemPackage

/// Why a benchmark did not finish.
public enum BenchError: Error, Sendable {
  case stopped(KernelError)
  /// Interrupted by this signal. Everything that was made has been removed.
  case interrupted(Int32)
  /// The folder is a capture, or inside one.
  case isCapture(FilePath)
  /// There is room for at most this many files, which is too few to measure.
  case noRoom(FilePath, files: Int)
  /// This file system cannot refuse to replace (RENAME_NOREPLACE), so nothing is moved on it.
  case mayReplace(FilePath, fileSystem: String)
  /// The baseline has no figures for `sizes`, only for `measured`.
  case notInBaseline(sizes: [Int], measured: [Int])
  /// With `--same-machine`: the differences between this machine and the baseline's.
  case otherMachine([String])
  /// A run of hotcold with these arguments failed, with this exit status and standard error.
  case failed([String], status: Int32, errors: String)
}
