internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The signs by which a folder is recognised as a capture of a layout. They are checked in order of cost; a real capture shows
/// one in the first window of names.
struct CaptureSigns {
  /// A live playlist, a bucket where one belongs, or a file of some kind in a place of that kind.
  let isCapture: Bool
  /// Whether the folder has hour folders itself, so that it is a part of a capture rather than a capture.
  let isHotPlace: Bool

  init(of directory: borrowing Directory, _ layout: Layout) throws(KernelError) {
    for mount in layout.mounts { _ = try directory.openTier(mount) }
    isHotPlace = directory.hasFolder("0") && directory.hasFolder("23")
    // A tier mounted where the layout wants one means that the user wants a capture here.
    let hasOwnMount = layout.mounts.contains { !$0.isColdRoot }
    isCapture =
      hasOwnMount || directory.hasPlaylist(of: layout)
      ? true : try Self.anyPlaceHasSign(of: directory, layout)
  }

  /// Whether a folder is a place of this name in a capture, judged by what its parent holds besides.
  static func isPlace(
    _ folder: borrowing Directory, named name: String, in parent: borrowing Directory, _ layout: Layout
  ) throws(KernelError) -> Bool {
    guard let place = layout.place(at: name) else { return false }
    let inside = layout.places.filter { layout.path(of: $0).utf8.starts(with: "\(name)/".utf8) }
    let outside = layout.places.dropFirst().filter { $0 != place && !inside.contains($0) }
    if parent.hasPlaylist(of: layout) { return true }
    if try anyHasSign(outside, in: parent, layout) { return true }
    if try hasSign(parent, of: .root, layout) { return true }
    guard try anyHasSign(inside, in: parent, layout) else { return false }
    // `NAME/video` of the parent may also be `video` of a capture called NAME. Such a capture has another folder that a place
    // NAME does not hold, since every run makes all folders before the first sign.
    let ofPlace = layout.folders(in: place)
    return !layout.folders(in: .root).contains { folder.hasFolder($0) && !ofPlace.contains($0) }
  }

  private static func anyPlaceHasSign(
    of directory: borrowing Directory, _ layout: Layout
  ) throws(KernelError) -> Bool {
    if try anyHasSign(Array(layout.places.dropFirst()), in: directory, layout) { return true }
    return try hasSign(directory, of: .root, layout)
  }

  private static func anyHasSign(
    _ places: [Place], in directory: borrowing Directory, _ layout: Layout
  ) throws(KernelError) -> Bool {
    for place in places {
      guard let folder = try? directory.openFolder(layout.path(of: place), of: layout) else { continue }
      if try hasSign(folder, of: place, layout) { return true }
    }
    return false
  }

  private static func hasSign(
    _ folder: borrowing Directory, of place: Place, _ layout: Layout
  ) throws(KernelError) -> Bool {
    if !layout.isRoot(place), folder.hasFolder("0") || folder.hasPlaylist(of: layout) { return true }
    var isSign = false
    try Walk(layout, look: .name).run(
      folder, wants: { layout.holds(place, $0) }, goesOn: { !isSign },
      visit: { (entry, found, _) throws(KernelError) in
        switch found {
        case .file: isSign = true
        case .vanished, .unreadable: break
        case .other:
          let isDay = entry.type == .directory && Day(parsing: entry.name) != nil
          if isDay, layout.isPart(folder: entry.name, of: place) { isSign = true }
        }
      })
    return isSign
  }
}

extension Directory {
  /// Opens a folder of a capture, on the file system that the layout has it on.
  fileprivate func openFolder(_ path: String, of layout: Layout) throws(KernelError) -> Directory {
    let (mount, below) = layout.split(path)
    guard let mount else { return try openFolder(path) }
    guard let root = try openTier(layout.mounts[mount]) else {
      throw KernelError(.open, self.path.reaching(path), .noSuchFileOrDirectory)
    }
    return below.isEmpty ? root : try root.openFolder(below)
  }

  fileprivate func hasPlaylist(of layout: Layout) -> Bool {
    guard let playlist = layout.stream?.playlist else { return false }
    return (try? status(of: playlist))?.type == .regular
  }
}
