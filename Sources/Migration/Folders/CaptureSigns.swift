internal import CaptureLayout
internal import KernelIO

/// By what a folder shows that it is a capture. Looked for in order of cost; a real capture shows one of them
/// in the first window.
struct CaptureSigns {
  /// A live playlist, an hour folder where one belongs, or a file of some kind in a place of that kind.
  let isCapture: Bool
  /// The folder has hour folders itself, so it is a part of a capture rather than one.
  let isHotPlace: Bool

  init(of directory: borrowing Directory) throws(KernelError) {
    isHotPlace = directory.hasFolder("0") && directory.hasFolder("23")
    isCapture =
      if directory.hasPlaylist { true } else { try Self.anyPlaceHasSign(of: directory) }
  }

  /// Whether a folder is the hot place of this name in a capture, going by what the capture holds besides.
  static func isHotPlace(named name: String, in parent: borrowing Directory) throws(KernelError) -> Bool {
    guard Kind.allCases.contains(where: { $0.name == name }) else { return false }
    return parent.hasPlaylist ? true : try anyPlaceHasSign(of: parent, but: name)
  }

  private static func anyPlaceHasSign(
    of directory: borrowing Directory, but other: String? = nil
  ) throws(KernelError) -> Bool {
    for kind in Kind.allCases where kind.name != other {
      guard let folder = try? directory.openFolder(kind.name) else { continue }
      if try hasSign(folder, of: kind.hotPlace) { return true }
    }
    return try hasSign(directory, of: .root)
  }

  private static func hasSign(
    _ folder: borrowing Directory, of place: Place
  ) throws(KernelError) -> Bool {
    if place != .root, folder.hasFolder("0") || folder.hasPlaylist { return true }
    var stream = try DirectoryStream(of: folder)
    var found = false
    while !found,
      try stream.nextWindow({ entry in
        if let kind = FileName.kind(of: entry.name), place.holds(kind), entry.type.countsAsFile {
          found = true
        }
      })
    {}
    return found
  }
}

extension Directory {
  fileprivate func hasFolder(_ name: String) -> Bool {
    (try? status(of: name))?.type == .directory
  }

  fileprivate var hasPlaylist: Bool {
    (try? status(of: FileName.livePlaylist))?.type == .regular
  }
}
