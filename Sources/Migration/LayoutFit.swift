public import CaptureLayout
internal import KernelIO
public import SystemPackage

/// How a layout fits a folder: how many files each kind would get, and what no kind matches. Reads only.
public struct LayoutFit: Sendable {
  /// How many files the flat, hot and cold folders of a kind hold.
  public struct Counts: Sendable {
    public internal(set) var flat = 0
    public internal(set) var hot = 0
    public internal(set) var cold = 0
  }

  public private(set) var kinds = PerKind(repeating: Counts())
  /// Entries that no kind matches, the first few by name, relative to the folder.
  public private(set) var unmatched = Unrecognised()
  public private(set) var refusals: [FolderRefusal] = []

  /// Reads the folder, which need not be a capture.
  public init(of path: FilePath, _ layout: Layout) throws(MigrationError) {
    let directory: Directory
    do throws(KernelError) { directory = try Directory.open(path) } catch { throw Self.stopped(error, path) }
    let layout = try layout.placed(on: directory)
    do throws(KernelError) {
      let tree = try CaptureTree(of: directory, layout)
      refusals = tree.refusals
      for place in layout.places {
        try tree.withPlace(place) { (directory) throws(KernelError) in try count(directory, place, layout) }
      }
      for (kind, bucket) in tree.buckets() {
        var cold = 0
        try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
          let path = layout.path(of: bucket, kind) + "/"
          let isOfKind: (Kind) -> Bool = { $0 == kind }
          try count(directory, layout, path, wants: isOfKind) { _ in cold += 1 }
        }
        kinds[kind].cold += cold
      }
      unmatched = unmatched + tree.unrecognised
    } catch {
      throw error.operation == .mount ? layout.tierError(error, in: path) : Self.stopped(error, path)
    }
  }

  private static func stopped(_ error: KernelError, _ path: FilePath) -> MigrationError {
    switch error.errno {
    case .noSuchFileOrDirectory: .missing(path)
    case .notDirectory: .notAFolder(path)
    default: .stopped(error, nil)
    }
  }

  private mutating func count(
    _ directory: borrowing Directory, _ place: Place, _ layout: Layout
  ) throws(KernelError) {
    var found = PerKind(repeating: Counts())
    let isPart: (borrowing DirectoryEntry) -> Bool = { entry in
      entry.type == .directory && layout.isPart(folder: entry.name, of: place)
        || layout.isOfStream(entry.name, in: place)
    }
    let isHere: (Kind) -> Bool = { layout.holds(place, $0) }
    try count(directory, layout, layout.prefix(of: place), wants: isHere, isPart: isPart) { kind in
      if place == layout[kind].hot { found[kind].hot += 1 } else { found[kind].flat += 1 }
    }
    for kind in layout.kinds {
      kinds[kind].hot += found[kind].hot
      kinds[kind].flat += found[kind].flat
    }
  }

  private mutating func count(
    _ directory: borrowing Directory, _ layout: Layout, _ path: String, wants: (Kind) -> Bool,
    isPart: (borrowing DirectoryEntry) -> Bool = { HourPlaylists.isOwn($0) }, _ count: (Kind) -> Void
  ) throws(KernelError) {
    var unmatched = unmatched
    try Walk(layout, look: .name).run(
      directory, wants: wants,
      visit: { (entry, found, _) throws(KernelError) in
        switch found {
        case .file(let kind): count(kind)
        case .vanished, .unreadable: break
        case .other: if !isPart(entry) { unmatched.add(entry.name, in: path) }
        }
      })
    self.unmatched = unmatched
  }
}
