internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// What a walk finds under one name.
enum Found {
  /// A regular file of a wanted kind; the walk gives its status, as far as it looks at it.
  case file(Kind)
  /// Listed, and gone before it could be looked at.
  case vanished(Kind)
  /// It may be a file of that kind, but cannot be looked at.
  case unreadable(Kind, Errno)
  /// Of no wanted kind, or no regular file: a folder, a link, a fifo.
  case other
}

/// The one loop over the files of a folder: whatever looks for files of kinds does it by this, so that all agree on what a
/// file is. What looks for folders, or for files of hotcold's own, takes `Directory.forEachEntry`.
///
///     getdents64 ─▶ window ─▶ kind by name ─▶ wanted? ─▶ statx, as far as it is needed ─▶ `Found`
struct Walk {
  /// What is needed of each file besides its name. The more, the more it costs.
  enum Look {
    /// Nothing: only what the listing does not tell the type of is looked at.
    case name
    /// Type, modification time and number of names.
    case modification
    case wholeStatus
  }

  private let layout: Layout
  private let look: Look
  /// Looks at the files of a window by two threads before they are visited, where the disk would be waited for.
  var warms = false
  /// Reads the next windows and looks at some of their files meanwhile; not for `wholeStatus`.
  var companion: LazyCompanion?

  init(_ layout: Layout, look: Look) {
    self.layout = layout
    self.look = look
  }

  /// Gives every entry to `visit`, with the status of a file that is looked at. `goesOn` is asked before each window;
  /// `afterWindow` is called after it.
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

  /// Every file of a kind. One that cannot be looked at is an error, and one that has vanished is none.
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

  /// The kind of what may be a wanted file.
  private static func kind(
    of entry: borrowing DirectoryEntry, _ layout: Layout, _ wanted: borrowing PerKind<Bool>
  ) -> Kind? {
    guard let kind = layout.kind(of: entry.name), wanted[kind], entry.type.countsAsFile else { return nil }
    return kind
  }

  /// `early`: what a companion has learned about it, if it has come to it.
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
  /// Gives every entry to `body`, whatever it is: for what only counts them, or looks for folders. `goesOn` is asked before
  /// each window.
  func forEachEntry(
    while goesOn: () -> Bool = { true }, _ body: (borrowing DirectoryEntry) throws(KernelError) -> Void
  ) throws(KernelError) {
    var stream = try DirectoryStream(of: self)
    while goesOn(), try stream.nextWindow(body) {}
  }

  /// How many entries the folder has. Where they are more than `max` it is not read on.
  func entryCount(upTo max: Int = .max) throws(KernelError) -> Int {
    var count = 0
    try forEachEntry(while: { count <= max }, { _ in count += 1 })
    return count
  }

  func error(_ operation: KernelError.Operation, _ name: Span<UInt8>, _ errno: Errno) -> KernelError {
    KernelError(operation, path.appending(bytes: Array(copying: name)), errno)
  }
}
