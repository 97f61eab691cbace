public import CaptureLayout
internal import KernelIO
public import SystemPackage

/// The files of a capture that a power cut would lose: those in memory (tmpfs) whose buckets are on a disk.
public struct MemoryFiles: Sendable {
  private static let namedMax = 20

  public private(set) var count = 0
  /// The first few of them: paths below the capture, as bytes.
  public private(set) var named: [[UInt8]] = []

  /// Lists the files that are there now. Makes and writes nothing.
  ///
  /// - Parameters:
  ///   - path: the capture.
  ///   - layout: which kinds and mounts there are.
  ///   - isGuarded: as `MigrationOptions.guardsPath`.
  /// - Throws: the errors that make a run refuse the capture, such as a tier that is not mounted.
  public init(of path: FilePath, _ layout: Layout, isGuarded: Bool) throws(MigrationError) {
    guard layout.hasMounts else { return }
    let capture = try OpenCapture.open(path, layout, isGuarded: isGuarded)
    let tree = try capture.tree()
    do throws(KernelError) {
      for place in layout.places where layout.kinds.contains(where: { tree.isInMemory(place, $0) }) {
        try tree.withPlace(place) { (directory) throws(KernelError) in
          try directory.forEachEntry { entry in
            // Not the live playlist, which is worthless without a recorder, nor the init segment, of which there are copies.
            guard entry.type.countsAsFile, !layout.isOfStream(entry.name, in: place) else { return }
            add(entry.name, in: layout.prefix(of: place))
          }
        }
      }
    } catch { throw capture.stopped(error) }
  }

  private mutating func add(_ name: Span<UInt8>, in prefix: String) {
    count += 1
    if named.count < Self.namedMax { named.append(Array(prefix.utf8) + Array(copying: name)) }
  }
}
