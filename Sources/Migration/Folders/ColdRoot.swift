internal import CaptureLayout
internal import KernelIO
public import SystemPackage

/// How a cold root is in the way of another folder, or that in its.
public struct ColdRootConflict: Error, Equatable, Sendable {
  public enum Relation: Equatable, Sendable {
    case same, inside, around
  }

  public let root: FilePath
  /// Whose root it is.
  public let capture: FilePath
  /// Of the root to the other folder.
  public let relation: Relation
  public let other: FilePath
  /// Whose root the other folder is; nil where it is a capture, or in one.
  public let otherCapture: FilePath?

  /// Nil where neither is, or is in, the other. Both without links.
  init?(_ root: FilePath, of capture: FilePath, _ other: FilePath, of otherCapture: FilePath? = nil) {
    guard root.starts(with: other) || other.starts(with: root) else { return nil }
    self.root = root
    self.capture = capture
    self.other = other
    self.otherCapture = otherCapture
    relation = root == other ? .same : root.starts(with: other) ? .inside : .around
  }

  /// Of one folder that two paths lead to.
  init(_ root: FilePath, of capture: FilePath, isAlso other: FilePath, of otherCapture: FilePath? = nil) {
    self.root = root
    self.capture = capture
    self.other = other
    self.otherCapture = otherCapture
    relation = .same
  }
}

extension LayoutDescription.Mount {
  /// The path in the file system that `point` names: empty for its root.
  fileprivate var pathOnDisk: String {
    let point = point ?? path
    return String(
      decoding: path.utf8.dropFirst(point.utf8.count).drop { $0 == UInt8(ascii: "/") }, as: UTF8.self)
  }

  /// Of a cold root: how many bytes of its path no run makes folders for.
  var leadingCount: Int { isColdRoot ? (point ?? path).utf8.count + 1 : 0 }

  func hasPath(_ path: FilePath, in capture: FilePath) -> Bool {
    capture.reaching(self.path) == path || point.map { FilePath($0) == path } ?? false
  }
}

/// Called of a capture.
extension Directory {
  /// Opens a folder of the layout that is on another file system. Nil for a cold root that is not there, on a disk that is: a run
  /// makes it. Every error that says that the disk may not be there has the operation `mount`.
  func openTier(_ mount: LayoutDescription.Mount) throws(KernelError) -> Directory? {
    guard mount.isColdRoot else { return try openMount(mount.path, type: mount.type, uuid: mount.uuid) }
    let root: Directory
    do throws(KernelError) { root = try openNamedColdRoot(mount) } catch {
      if error.errno == .noSuchFileOrDirectory, error.operation == .open { return nil }
      throw error
    }
    // A folder that another user has put in the place of the root would get the files of this capture.
    let owners = [0, CurrentProcess.effectiveUser, try status().owner]
    guard owners.contains(try root.status().owner) else {
      throw KernelError(.mount, root.path, .notPermitted)
    }
    return root
  }

  /// `open` and ENOENT: it is missing on a disk that is there.
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

  /// What is mounted at the point that a cold root declares; nil where it declares none.
  private func openDisk(of mount: LayoutDescription.Mount) throws(KernelError) -> Directory? {
    guard let point = mount.point else { return nil }
    do throws(GuardedPathError) {
      return try Directory.openGuardedMount(FilePath(point), type: mount.type, uuid: mount.uuid)
    } catch { throw error.reaching(point) }
  }

  /// As `openTier`.
  ///
  /// - Parameters:
  ///   - makes: whether to make a root that is missing on a disk that is there, with the owner and mode of the capture.
  ///   - made: counts up by the folders that were made.
  func openColdRoot(
    _ root: LayoutDescription.Mount, makes: Bool, made: inout Int
  ) throws(KernelError) -> OpenFolder? {
    if let folder = try openTier(root) { return OpenFolder(folder) }
    guard makes, let disk = try openDisk(of: root) else { return nil }
    made += try disk.makeFolders(root.pathOnDisk, like: try status())
    if let folder = try openTier(root) { return OpenFolder(folder) }
    return nil
  }

  /// The folder that a missing cold root would be made in.
  func openParent(ofMissing root: LayoutDescription.Mount) throws(KernelError) -> Directory? {
    guard var folder = try openDisk(of: root) else { return nil }
    for name in root.pathOnDisk.split(separator: "/") {
      guard try folder.statusIfThere(String(name)) != nil else { break }
      folder = try folder.openFolder(String(name))
    }
    return folder
  }

  /// That on which a cold root would be made.
  func fileSystem(ofMissing root: LayoutDescription.Mount) throws(KernelError) -> FileSystemStatus {
    guard let disk = try openDisk(of: root) else {
      throw KernelError(.mount, FilePath(root.path), .noSuchFileOrDirectory)
    }
    return try disk.fileSystem()
  }

  /// Where a cold root is, or would be, without links.
  func resolvedPath(of mount: LayoutDescription.Mount) throws(KernelError) -> FilePath {
    if let root = try openTier(mount) { return try root.resolvedPath() }
    guard let disk = try openDisk(of: mount) else { return FilePath(mount.path) }
    return try disk.resolvedPath().appending(mount.pathOnDisk)
  }
}

extension GuardedPathError {
  /// ELOOP: a link that another user could have put there, on the way to `path`.
  fileprivate func reaching(_ path: String) -> KernelError {
    switch self {
    case .untrustedLink(let way): KernelError(.mount, way, .tooManySymbolicLinkLevels)
    case .failed(let error): KernelError(.mount, FilePath(path), error.errno)
    }
  }
}

extension Layout {
  var coldRoots: [LayoutDescription.Mount] { mounts.filter(\.isColdRoot) }

  /// This layout for a capture, whose name is that of the folder, by whatever link it was reached.
  func placed(on capture: borrowing Directory) throws(MigrationError) -> Layout {
    guard !coldRoots.isEmpty else { return self }
    let path: FilePath
    do throws(KernelError) { path = try capture.resolvedPath() } catch { throw .stopped(error, nil) }
    guard let component = path.lastComponent else { throw .isRootFolder(capture.path) }
    let bytes = FilePath(root: nil, CollectionOfOne(component)).bytes
    guard let name = String(validating: bytes, as: UTF8.self) else { throw .nameIsNoText(capture.path) }
    return placed(name: name)
  }

  /// What a cold root is in the way of, or in: the capture, a place in it, or another cold root.
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
      // A second mount of a file system shows a folder by another path.
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

  /// Why a folder that is on another file system cannot be used.
  ///
  /// - Parameters:
  ///   - error: of `Directory.openTier`, with the operation `mount`.
  ///   - capture: its path, as the error has it.
  func tierError(_ error: KernelError, in capture: FilePath) -> MigrationError {
    let mount = mounts.first { $0.hasPath(error.path, in: capture) }
    let isPoint = mount.map { !$0.isColdRoot || $0.point.map { FilePath($0) } == error.path } ?? false
    // An error of the disk, or of this process, says nothing of what is mounted.
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
