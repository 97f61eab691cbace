public import CaptureLayout
internal import KernelIO
public import SystemPackage

/// The files of a capture that a power cut would take: those in memory (tmpfs) whose buckets are on a disk.
public struct MemoryFiles: Sendable {
  /// How many names are kept.
  private static let namedMax = 20

  public private(set) var count = 0
  /// Some of them: paths below the capture, as bytes.
  public private(set) var named: [[UInt8]] = []

  /// Lists what is there now. Nothing is made and nothing is written.
  ///
  /// - Parameters:
  ///   - path: the capture.
  ///   - isGuarded: as `MigrationOptions.guardsPath`.
  /// - Throws: what keeps a run from the capture, such as a tier that is not mounted.
  public init(of path: FilePath, _ layout: Layout, isGuarded: Bool) throws(MigrationError) {
    guard layout.hasMounts else { return }
    let capture = try OpenCapture.open(path, layout, isGuarded: isGuarded)
    let tree = try capture.tree()
    do throws(KernelError) {
      for place in layout.places where layout.kinds.contains(where: { tree.isInMemory(place, $0) }) {
        try tree.withPlace(place) { (directory) throws(KernelError) in
          try directory.forEachEntry { entry in
            // Of the stream: the live playlist, which is worth nothing without a recorder, and the init segment, of which there are copies.
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
