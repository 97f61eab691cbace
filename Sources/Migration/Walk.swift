internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// What a walk finds under one name.
enum Found {
  /// A regular file of a wanted kind; its status is as complete as `Walk.Look` says.
  case file(Kind)
  /// Listed, but gone before its status could be read.
  case vanished(Kind)
  /// Possibly a file of that kind, but its status cannot be read.
  case unreadable(Kind, Errno)
  /// Of no wanted kind, or no regular file: a folder, a link, a fifo.
  case other
}

/// The one loop over the files of a folder. All code that looks for files of a kind uses it, so that all agree on what a file
/// is. Code that looks for folders, or for hotcold's own files, uses `Directory.forEachEntry`.
///
///     getdents64 ─▶ window ─▶ kind by name ─▶ wanted? ─▶ statx, as far as needed ─▶ `Found`
struct Walk {
  /// What is needed of each file besides its name, in order of cost.
  enum Look {
    /// Nothing: statx only if the listing does not give the type.
    case name
    /// Type, modification time and number of names.
    case modification
    case wholeStatus
  }

  private let layout: Layout
  private let look: Look
  /// Stats the files of a window on two threads before they are visited, if the disk would be waited for.
  var warms = false
  /// Reads the next windows, and the status of some of their files, ahead on another thread; not used for `wholeStatus`.
  var companion: LazyCompanion?

  init(_ layout: Layout, look: Look) {
    self.layout = layout
    self.look = look
  }

  /// Gives every entry to `visit`, with the status of a file as far as it was read.
  ///
  /// - Parameters:
  ///   - wants: which kinds count as files; asked once per kind.
  ///   - goesOn: asked before each window; false ends the walk.
  ///   - afterWindow: called after each window.
  func run(
    _ directory: borrowing Directory, wants: (Kind) -> Bool,
    goesOn: () throws(KernelError) -> Bool = { true }, afterWindow: () throws(KernelError) -> Void = {},
    visit: (borrowing DirectoryEntry, Found, FileStatus) throws(KernelError) -> Void
  ) throws(KernelError) {
    var wanted = PerKind(repeating: false)
    for kind in layout.kinds { wanted[kind] = wants(kind) }
    var stream = try DirectoryStream(of: directory)
    var status = FileStatus.unknown
    while try goesOn(), try stream.fill() {
      if let companion, look != .wholeStatus {
        stream.prefetch(with: companion, asksStatus: look == .modification) { [layout, wanted] entry in
          Self.kind(of: entry, layout, wanted)?.index
        }
      }
      if warms { stream.warmIfCold() }
      try stream.visitPrefetched { (entry, early) throws(KernelError) in
        try visit(entry, classify(entry, early, in: directory, wanted, &status), status)
      }
      try afterWindow()
    }
  }

  /// Visits every file of a kind. Throws if the status of one cannot be read; files that have vanished are skipped.
  func files(
    of kind: Kind, in directory: borrowing Directory, _ visit: (borrowing DirectoryEntry, FileStatus) -> Void
  ) throws(KernelError) {
    try run(
      directory, wants: { $0 == kind },
      visit: { (entry, found, status) throws(KernelError) in
        switch found {
        case .file: visit(entry, status)
        case .unreadable(_, let errno): throw directory.error(.stat, entry.name, errno)
        case .vanished, .other: break
        }
      })
  }

  /// The kind of an entry that may be a wanted file; nil for all others.
  private static func kind(
    of entry: borrowing DirectoryEntry, _ layout: Layout, _ wanted: borrowing PerKind<Bool>
  ) -> Kind? {
    guard let kind = layout.kind(of: entry.name), wanted[kind], entry.type.countsAsFile else { return nil }
    return kind
  }

  /// `early`: what the companion has read about it, if it got that far.
  private func classify(
    _ entry: borrowing DirectoryEntry, _ early: PrefetchedStatus?, in directory: borrowing Directory,
    _ wanted: borrowing PerKind<Bool>, _ status: inout FileStatus
  ) -> Found {
    let kind =
      if let early { early.tag.map(Kind.init(index:)) } else { Self.kind(of: entry, layout, wanted) }
    guard let kind else { return .other }
    if look == .name, entry.type != .unknown { return .file(kind) }
    do throws(Errno) {
      if look == .modification, let early {
        status = try early.status
      } else {
        status =
          try look == .wholeStatus
          ? directory.status(ofEntry: entry.name) : directory.modification(of: entry.name)
      }
      return status.type == .regular ? .file(kind) : .other
    } catch {
      return error == .noSuchFileOrDirectory ? .vanished(kind) : .unreadable(kind, error)
    }
  }
}

extension Directory {
  /// Gives every entry of any type to `body`: for code that only counts entries or looks for folders. `goesOn` is asked before
  /// each window.
  func forEachEntry(
    while goesOn: () -> Bool = { true }, _ body: (borrowing DirectoryEntry) throws(KernelError) -> Void
  ) throws(KernelError) {
    var stream = try DirectoryStream(of: self)
    while goesOn(), try stream.nextWindow(body) {}
  }

  /// How many entries the folder has. Stops reading once there are more than `max`.
  func entryCount(upTo max: Int = .max) throws(KernelError) -> Int {
    var count = 0
    try forEachEntry(while: { count <= max }, { _ in count += 1 })
    return count
  }

  func error(_ operation: KernelError.Operation, _ name: Span<UInt8>, _ errno: Errno) -> KernelError {
    KernelError(operation, path.appending(bytes: Array(copying: name)), errno)
  }
}
