internal import CLiburing
public import SystemPackage

/// Why a path was not opened.
public enum GuardedPathError: Error, Equatable, Sendable {
  /// A link that another user could have put there: someone other than root and the owner of the link's target may write to
  /// the folder that contains it.
  case untrustedLink(FilePath)
  case failed(KernelError)
}

extension Directory {
  /// Opens a folder by its path, for a service that has more rights than those who may change the path.
  ///
  /// Each component is opened relative to the previous one, and a link is followed only if nobody but root and the owner of
  /// its target can have put it there. This refuses the transitions that systemd considers unsafe (`CHASE_SAFE`). A path
  /// without links is always safe: a folder that another user puts in its place belongs to that user.
  public static func openGuarded(_ path: FilePath) throws(GuardedPathError) -> Directory {
    var walk = GuardedWalk(path)
    let place = try walk.resolve(path.bytes, in: GuardedWalk.workingDirectory)
    do throws(KernelError) { return try place.openForListing(path) } catch { throw .failed(error) }
  }
}

/// A place in the tree, opened with O_PATH.
private struct OpenPlace: ~Copyable {
  let descriptor: Int32
  let status: FileStatus

  deinit { hc_close(descriptor) }

  func openForListing(_ path: FilePath) throws(KernelError) -> Directory {
    // As opening "." of anything but a folder would fail.
    guard status.type == .directory else { throw KernelError(.open, path, .notDirectory) }
    return try Directory(reopening: descriptor, place: .named(path))
  }
}

private struct GuardedWalk {
  /// The kernel's own limit (path_resolution(7)).
  private static let linksMax = 40
  private static let targetBytesMax = 4096

  private let path: FilePath
  private var links = 0

  init(_ path: FilePath) { self.path = path }

  /// The value by which `hc_open_component` means the working directory.
  static let workingDirectory: Int32 = -1

  private func open(_ name: FilePath, in dirfd: Int32) throws(GuardedPathError) -> OpenPlace {
    do throws(KernelError) {
      let descriptor = try KernelError.check(
        unsafe name.withPlatformString { unsafe hc_open_component(dirfd, $0) }, .open, path)
      var raw = hc_stat()
      let result = unsafe hc_statx(descriptor, "", &raw)
      let place = OpenPlace(descriptor: descriptor, status: FileStatus(raw))
      try KernelError.check(result, .stat, path)
      return place
    } catch { throw .failed(error) }
  }

  mutating func resolve(_ path: [UInt8], in dirfd: Int32) throws(GuardedPathError) -> OpenPlace {
    let slash = UInt8(ascii: "/")
    var place = try open(path.first == slash ? "/" : ".", in: dirfd)
    for component in path.split(separator: slash) {
      let next = try open(FilePath(bytes: Array(component)), in: place.descriptor)
      if next.status.type == .link { place = try follow(next, in: place) } else { place = next }
    }
    return place
  }

  private mutating func follow(
    _ link: borrowing OpenPlace, in folder: borrowing OpenPlace
  ) throws(GuardedPathError) -> OpenPlace {
    links += 1
    guard links <= Self.linksMax else { throw .failed(KernelError(.open, path, .tooManySymbolicLinkLevels)) }
    let place = try resolve(try target(of: link), in: folder.descriptor)
    guard Self.isTrusted(link.status, in: folder.status, leadingTo: place.status) else {
      throw .untrustedLink(path)
    }
    return place
  }

  private func target(of link: borrowing OpenPlace) throws(GuardedPathError) -> [UInt8] {
    var target = [UInt8](repeating: 0, count: Self.targetBytesMax)
    let count = unsafe hc_read_link(link.descriptor, &target, target.count)
    do throws(KernelError) { try KernelError.check(count, .open, path) } catch { throw .failed(error) }
    guard count < target.count else { throw .failed(KernelError(.open, path, .fileNameTooLong)) }
    return Array(target[..<Int(count)])
  }

  private static func isTrusted(
    _ link: FileStatus, in folder: FileStatus, leadingTo target: FileStatus
  ) -> Bool {
    let groupOrOthersWrite: UInt32 = 0o022
    let sticky: UInt32 = 0o1000
    func isTrusted(_ user: UInt32) -> Bool { user == 0 || user == target.owner }
    guard isTrusted(folder.owner) else { return false }
    // In a sticky folder nobody else can replace the link of a trusted user.
    return folder.mode & groupOrOthersWrite == 0 || (folder.mode & sticky != 0 && isTrusted(link.owner))
  }
}
