internal import CaptureLayout
internal import KernelIO
public import SystemPackage

/// A cold root that is the same folder as another folder of hotcold, or inside it, or around it.
public struct ColdRootConflict: Error, Equatable, Sendable {
  public enum Relation: Equatable, Sendable {
    case same, inside, around
  }

  public let root: FilePath
  /// The capture that the root belongs to.
  public let capture: FilePath
  /// How the root relates to the other folder.
  public let relation: Relation
  public let other: FilePath
  /// The capture whose root the other folder is; nil if that is a capture itself, or in one.
  public let otherCapture: FilePath?

  /// Nil if neither path is, or is inside, the other. Both must be resolved, without links.
  init?(_ root: FilePath, of capture: FilePath, _ other: FilePath, of otherCapture: FilePath? = nil) {
    guard root.starts(with: other) || other.starts(with: root) else { return nil }
    self.root = root
    self.capture = capture
    self.other = other
    self.otherCapture = otherCapture
    relation = root == other ? .same : root.starts(with: other) ? .inside : .around
  }

  /// For one folder that two paths lead to.
  init(_ root: FilePath, of capture: FilePath, isAlso other: FilePath, of otherCapture: FilePath? = nil) {
    self.root = root
    self.capture = capture
    self.other = other
    self.otherCapture = otherCapture
    relation = .same
  }
}

extension LayoutDescription.Mount {
  /// The path below the mount point that the layout declares; empty for the mount point itself.
  fileprivate var pathOnDisk: String {
    let point = point ?? path
    return String(
      decoding: path.utf8.dropFirst(point.utf8.count).drop { $0 == UInt8(ascii: "/") }, as: UTF8.self)
  }

  /// For a cold root: the length in bytes of the leading part of its path that no run makes folders for.
  var leadingCount: Int { isColdRoot ? (point ?? path).utf8.count + 1 : 0 }

  func hasPath(_ path: FilePath, in capture: FilePath) -> Bool {
    capture.reaching(self.path) == path || point.map { FilePath($0) == path } ?? false
  }
}

/// Called on the folder of a capture.
extension Directory {
  /// Opens a folder of the layout that is on another file system. Nil for a cold root that does not exist on a disk that is
  /// mounted: a run makes it.
  ///
  /// - Throws: an error with the operation `mount` whenever the disk may not be mounted.
  func openTier(_ mount: LayoutDescription.Mount) throws(KernelError) -> Directory? {
    guard mount.isColdRoot else { return try openMount(mount.path, type: mount.type, uuid: mount.uuid) }
    let root: Directory
    do throws(KernelError) { root = try openNamedColdRoot(mount) } catch {
      if error.errno == .noSuchFileOrDirectory, error.operation == .open { return nil }
      throw error
    }
    // Otherwise a folder that another user has put in the place of the root would receive the files of this capture.
    let owners = [0, CurrentProcess.effectiveUser, try status().owner]
    guard owners.contains(try root.status().owner) else {
      throw KernelError(.mount, root.path, .notPermitted)
    }
    return root
  }

  /// Throws ENOENT with the operation `open` if the root is missing on a disk that is mounted.
  private func openNamedColdRoot(_ mount: LayoutDescription.Mount) throws(KernelError) -> Directory {
    if let disk = try openDisk(of: mount) {
      guard !mount.pathOnDisk.isEmpty else { return disk }
      do throws(KernelError) { return try disk.openFolder(mount.pathOnDisk) } catch {
        let isNoFolder: [Errno] = [.tooManySymbolicLinkLevels, .notDirectory, .improperLink]
        guard isNoFolder.contains(error.errno) else { throw error }
        throw KernelError(.mount, error.path, error.errno)
      }
    }
    do throws(GuardedPathError) { return try Directory.openGuarded(FilePath(mount.path)) } catch {
      throw error.reaching(mount.path)
    }
  }

  /// Opens the mount point that a cold root declares; nil if it declares none.
  private func openDisk(of mount: LayoutDescription.Mount) throws(KernelError) -> Directory? {
    guard let point = mount.point else { return nil }
    do throws(GuardedPathError) {
      return try Directory.openGuardedMount(FilePath(point), type: mount.type, uuid: mount.uuid)
    } catch { throw error.reaching(point) }
  }

  /// As `openTier`, but can make a missing root.
  ///
  /// - Parameters:
  ///   - makes: whether to make a root that is missing on a mounted disk, with the owner and mode of the capture.
  ///   - made: increased by the number of folders made.
  func openColdRoot(
    _ root: LayoutDescription.Mount, makes: Bool, made: inout Int
  ) throws(KernelError) -> OpenFolder? {
    if let folder = try openTier(root) { return OpenFolder(folder) }
    guard makes, let disk = try openDisk(of: root) else { return nil }
    made += try disk.makeFolders(root.pathOnDisk, like: try status())
    if let folder = try openTier(root) { return OpenFolder(folder) }
    return nil
  }

  /// The deepest existing folder on the way to a missing cold root; nil if that declares no mount point.
  func openParent(ofMissing root: LayoutDescription.Mount) throws(KernelError) -> Directory? {
    guard var folder = try openDisk(of: root) else { return nil }
    for name in root.pathOnDisk.split(separator: "/") {
      guard try folder.statusIfThere(String(name)) != nil else { break }
      folder = try folder.openFolder(String(name))
    }
    return folder
  }

  /// The file system on which a missing cold root would be made.
  func fileSystem(ofMissing root: LayoutDescription.Mount) throws(KernelError) -> FileSystemStatus {
    guard let disk = try openDisk(of: root) else {
      throw KernelError(.mount, FilePath(root.path), .noSuchFileOrDirectory)
    }
    return try disk.fileSystem()
  }

  /// The path of a cold root, or where it would be made, without links.
  func resolvedPath(of mount: LayoutDescription.Mount) throws(KernelError) -> FilePath {
    if let root = try openTier(mount) { return try root.resolvedPath() }
    guard let disk = try openDisk(of: mount) else { return FilePath(mount.path) }
    return try disk.resolvedPath().appending(mount.pathOnDisk)
  }
}

extension GuardedPathError {
  /// An error of the operation `mount`. ELOOP stands for a link on the way to `path` that another user could have put there.
  fileprivate func reaching(_ path: String) -> KernelError {
    switch self {
    case .untrustedLink(let way): KernelError(.mount, way, .tooManySymbolicLinkLevels)
    case .failed(let error): KernelError(.mount, FilePath(path), error.errno)
    }
  }
}

extension Layout {
  var coldRoots: [LayoutDescription.Mount] { mounts.filter(\.isColdRoot) }

  /// This layout for a capture: `{capture}` in cold roots is replaced by the name of the capture's folder, not of a link to it.
  func placed(on capture: borrowing Directory) throws(MigrationError) -> Layout {
    guard !coldRoots.isEmpty else { return self }
    let path: FilePath
    do throws(KernelError) { path = try capture.resolvedPath() } catch { throw .stopped(error, nil) }
    guard let component = path.lastComponent else { throw .isRootFolder(capture.path) }
    let bytes = FilePath(root: nil, CollectionOfOne(component)).bytes
    guard let name = String(validating: bytes, as: UTF8.self) else { throw .nameIsNoText(capture.path) }
    return placed(name: name)
  }

  /// The first conflict of a cold root with the capture, a place in it, or another cold root of the layout; nil if there is none.
  func coldRootConflict(in capture: borrowing Directory) throws(KernelError) -> ColdRootConflict? {
    guard !coldRoots.isEmpty else { return nil }
    let own = try capture.resolvedPath()
    var others: [(path: FilePath, capture: FilePath?)] = [(own, nil)]
    for root in coldRoots {
      let path = try capture.resolvedPath(of: root)
      for other in others {
        if let conflict = ColdRootConflict(path, of: own, other.path, of: other.capture) { return conflict }
      }
      others.append((path, own))
      // By identity too: a file system mounted twice shows one folder under two paths.
      guard let folder = try capture.openTier(root)?.status().folder else { continue }
      for place in places where !isInColdRoot(place) {
        guard try capture.statusIfThere(self.path(of: place))?.folder == folder else { continue }
        return ColdRootConflict(path, of: own, isAlso: own.reaching(self.path(of: place)))
      }
    }
    return nil
  }

  private func isInColdRoot(_ place: Place) -> Bool {
    mount(of: place).map { mounts[$0].isColdRoot } ?? false
  }

  /// Why a folder on another file system cannot be used.
  ///
  /// - Parameters:
  ///   - error: an error of `Directory.openTier`, with the operation `mount`.
  ///   - capture: the path of the capture as used in the error.
  func tierError(_ error: KernelError, in capture: FilePath) -> MigrationError {
    let mount = mounts.first { $0.hasPath(error.path, in: capture) }
    let isPoint = mount.map { !$0.isColdRoot || $0.point.map { FilePath($0) } == error.path } ?? false
    // Only these errors tell what is mounted; errors of the disk or of this process do not.
    let isNotThere: [Errno] = [
      .noSuchFileOrDirectory, .notDirectory, .operationNotSupportedByDevice, .wrongMedium,
      .tooManySymbolicLinkLevels,
    ]
    if isPoint, isNotThere.contains(error.errno) {
      let found: String? =
        switch error.errno {
        case .tooManySymbolicLinkLevels, .notDirectory: "this is a link or a file"
        case .wrongMedium: (try? Directory.open(error.path).fileSystem()).map { "this is \($0.name)" }
        default: nil
        }
      return .notMounted(error.path, type: mount?.type, found: found)
    }
    switch error.errno {
    case .replaced: return .tierReplaced(error.path)
    case .otherMedium: return .otherDisk(error.path, uuid: mount?.uuid ?? "")
    case .noUUID: return .unknownDisk(error.path, uuid: mount?.uuid ?? "")
    case .notPermitted:
      let owner = try? Directory.open(error.path).status().owner
      return .foreignColdRoot(error.path, owner: owner.map(Users.name))
    case .tooManySymbolicLinkLevels where mount?.point == nil: return .untrustedLink(error.path)
    case .tooManySymbolicLinkLevels, .notDirectory, .improperLink:
      return .coldRootIsNoFolder(error.path, error.errno)
    case .noSuchFileOrDirectory: return .noColdRoot(error.path)
    default: return .stopped(error, nil)
    }
  }
}
