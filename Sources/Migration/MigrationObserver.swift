public import SystemPackage

/// Follows a run while it works. Called from the thread that migrates, once for each window of names (and for
/// each move only where that was asked for).
public protocol MigrationObserver: AnyObject {
  /// Whether `moved` is to be called at all.
  var wantsMoves: Bool { get }
  func progressed(_ progress: MigrationProgress)
  /// A file was moved, or would be. Folders are relative to the capture and end in a slash. `newName`: the same name but
  /// where another file had it.
  func moved(_ name: Span<UInt8>, from: String, to: String, as newName: Span<UInt8>)
}

public struct MigrationProgress: Sendable {
  public let capture: FilePath
  /// Visited so far in this pass.
  public let entries: Int
  /// In this pass, as far as it is known before: counted, or estimated from the sizes of the folders. Nil where it is not.
  public let entriesExpected: Int?
  /// To other file systems, since the command began with this capture.
  public var copiedBytes: UInt64 = 0
  /// Since the command began with this capture.
  public let elapsedNanoseconds: Int64
}
