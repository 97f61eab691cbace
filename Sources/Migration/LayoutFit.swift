public import CaptureLayout
internal import KernelIO
public import SystemPackage

/// How a layout fits a folder: how many files each kind would get, and what no kind matches. Reads only.
public struct LayoutFit: Sendable {
  /// A folder of a kind, and how many of its files it holds.
  public struct Folder: Sendable {
    /// In the layout: "." is the capture; in a cold root it is absolute.
    public let path: String
    public internal(set) var files = 0
  }

  /// The folders of a kind. If its flat place is its hot place, the files there are hot.
  public struct Folders: Sendable {
    public internal(set) var flat: Folder
    public internal(set) var hot: Folder
    /// The existing ones, by the texts of their buckets.
    public internal(set) var buckets: [(bucket: String, folder: Folder)] = []

    public var cold: Int { buckets.reduce(0) { $0 + $1.folder.files } }
  }

  public let layout: Layout
  public private(set) var kinds: PerKind<Folders>
  /// Entries that no kind matches, the first few by name, relative to the folder.
  public private(set) var unmatched = Unrecognised()
  public private(set) var refusals: [FolderRefusal] = []

  /// Reads the folder, which need not be a capture.
  public init(of path: FilePath, _ layout: Layout) throws(MigrationError) {
    let directory: Directory
    do throws(KernelError) { directory = try Directory.open(path) } catch { throw Self.stopped(error, path) }
    let layout = try layout.placed(on: directory)
    self.layout = layout
    kinds = PerKind(repeating: Folders(flat: Folder(path: ""), hot: Folder(path: "")))
    for kind in layout.kinds {
      let folder = { (place: Place) in Folder(path: place == .root ? "." : layout.path(of: place)) }
      kinds[kind].flat = folder(layout[kind].flat)
      kinds[kind].hot = folder(layout[kind].hot)
    }
    do throws(KernelError) {
      let tree = try CaptureTree(of: directory, layout)
      refusals = tree.refusals
      for place in layout.places {
        try tree.withPlace(place) { (directory) throws(KernelError) in try count(directory, place, layout) }
      }
      for (kind, bucket) in tree.buckets() {
        var folder = Folder(path: layout.path(of: bucket, kind))
        try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
          let isOfKind: (Kind) -> Bool = { $0 == kind }
          try count(directory, layout, folder.path + "/", wants: isOfKind) { _ in folder.files += 1 }
        }
        kinds[kind].buckets.append((layout.buckets.text(of: bucket), folder))
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
    default: .ofCall(error, in: path)
    }
  }

  private mutating func count(
    _ directory: borrowing Directory, _ place: Place, _ layout: Layout
  ) throws(KernelError) {
    var found = PerKind(repeating: 0)
    let isPart: (borrowing DirectoryEntry) -> Bool = { entry in
      entry.type == .directory && layout.isPart(folder: entry.name, of: place)
        || layout.isOfStream(entry.name, in: place)
    }
    let isHere: (Kind) -> Bool = { layout.holds(place, $0) }
    try count(directory, layout, layout.prefix(of: place), wants: isHere, isPart: isPart) { found[$0] += 1 }
    for kind in layout.kinds {
      if place == layout[kind].hot {
        kinds[kind].hot.files += found[kind]
      } else {
        kinds[kind].flat.files += found[kind]
      }
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
