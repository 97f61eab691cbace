public import SystemPackage

/// Follows a run while it works. Called on the thread that migrates, about once for each window of names, and for each move
/// only if `wantsMoves`.
public protocol MigrationObserver: AnyObject {
  /// Whether `moved` is to be called at all.
  var wantsMoves: Bool { get }
  func progressed(_ progress: MigrationProgress)
  /// A file was moved, or would be.
  ///
  /// - Parameters:
  ///   - name: the file name, as bytes.
  ///   - from: its folder, relative to the capture, with a slash at the end.
  ///   - to: its new folder, written in the same way.
  ///   - newName: equal to `name`, unless that was taken.
  func moved(_ name: Span<UInt8>, from: String, to: String, as newName: Span<UInt8>)
}

/// How far a command is with one capture.
public struct MigrationProgress: Sendable {
  public let capture: FilePath
  /// Entries visited so far in this pass.
  public let entries: Int
  /// Entries expected in this pass, counted or estimated from the sizes of the folders; nil if not known.
  public let entriesExpected: Int?
  /// Bytes copied to other file systems since the command began with this capture.
  public var copiedBytes: UInt64 = 0
  /// Time since the command began with this capture.
  public let elapsedNanoseconds: Int64
}
