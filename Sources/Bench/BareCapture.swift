internal import CaptureLayout
public import KernelIO
public import SystemPackage

/// Bare loops of system calls over a flat capture in the guide's layout: the floor that a migration is measured against.
public struct BareCapture: ~Copyable {
  private let root: Directory
  private let captures: Directory

  public init(_ path: FilePath) throws(KernelError) {
    let root = try Directory.open(path)
    let captures = try root.openFolder("captures")
    self.root = root
    self.captures = captures
  }

  /// The nanoseconds needed to read the folders and stat each file: the floor of a dry run.
  public func nanosecondsOfLooks() throws(KernelError) -> Int64 {
    let start = SystemClock.monotonicNanoseconds
    _ = try BareLoops.look(at: captures)
    _ = try BareLoops.look(at: root)
    return SystemClock.monotonicNanoseconds - start
  }

  /// The nanoseconds needed to rename each file into the folder of its hour; everything else is done before the clock starts.
  /// In the order of a migration, which reads the captures first.
  ///
  /// - Parameter syncs: whether the measured time includes making the renames durable, as a migration does.
  public func nanosecondsOfRenames(syncs: Bool) throws(KernelError) -> Int64 {
    var hours = HourClock { LocalZone.offset(at: $0) }
    var folders = try HourFolders(root)
    var renames = BareRenames()
    try collect(captures, &hours, &folders, &renames)
    try collect(root, &hours, &folders, &renames)
    let start = SystemClock.monotonicNanoseconds
    try renames.run(below: root)
    if syncs { try root.syncFileSystem() }
    let nanoseconds = SystemClock.monotonicNanoseconds - start
    extendLifetime(folders)
    return nanoseconds
  }

  private func collect(
    _ directory: borrowing Directory, _ hours: inout HourClock, _ folders: inout HourFolders,
    _ renames: inout BareRenames
  ) throws(KernelError) {
    let layout = Layout.guide
    var stream = try DirectoryStream(of: directory)
    while try stream.fill() {
      try stream.visit { (entry) throws(KernelError) in
        guard entry.type == .regular, let kind = layout.kind(of: entry.name),
          let status = try directory.modificationIfThere(entry.name)
        else { return }
        let time = ModificationTime(seconds: status.modifiedSeconds, nanoseconds: status.modifiedNanoseconds)
        let folder = try folders.descriptor(of: kind, hours.hour(of: time))
        renames.append(entry.name, from: directory.descriptor, to: folder)
      }
    }
  }
}

/// The hour folders of a capture, made as they are needed.
private struct HourFolders: ~Copyable {
  private final class Open {
    let directory: Directory
    init(_ directory: consuming Directory) { self.directory = directory }
  }

  private let root: Directory
  private var folders: [Bucket: [Kind: Open]] = [:]

  init(_ root: borrowing Directory) throws(KernelError) { self.root = try root.reopened() }

  /// The descriptor is valid as long as this value.
  mutating func descriptor(of kind: Kind, _ hour: Int) throws(KernelError) -> Int32 {
    let bucket = Bucket.hour(hour)
    if let open = folders[bucket]?[kind] { return open.directory.descriptor }
    let place = try folder(Layout.guide.path(of: Layout.guide[kind].hot), in: root)
    let open = Open(try folder(String(hour), in: place))
    folders[bucket, default: [:]][kind] = open
    return open.directory.descriptor
  }

  private func folder(_ name: String, in parent: borrowing Directory) throws(KernelError) -> Directory {
    if try parent.statusIfThere(name) == nil { try parent.makeFolder(name, mode: 0o755) }
    return try parent.openFolder(name)
  }
}
