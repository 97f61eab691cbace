internal import CaptureLayout
public import KernelIO
public import SystemPackage

/// Why a run refused a capture, or what stopped it on the way.
public enum MigrationError: Error, Equatable, Sendable {
  case missing(FilePath)
  case notAFolder(FilePath)
  case isRootFolder(FilePath)
  case isHome(FilePath)
  /// A folder inside a capture: the capture is its parent.
  case insideCapture(FilePath)
  /// The folder holds nothing that the layout knows; `layout` is its name.
  case holdsNothingOfACapture(FilePath, layout: String)
  /// The files in the folder at this path belong to another layout than this one (`OtherBuckets`, `BucketSample`).
  case otherBuckets(FilePath, layout: String)
  /// `owner` is the login name of the folder's owner; nil if that cannot be read.
  case permissionDenied(KernelError, owner: String?)
  /// A tier may not be used; `owner` is the owner of the capture, to whom the tier should belong.
  case tierDenied(KernelError, owner: String)
  /// Another run holds the capture, or its cold root.
  case busy(FilePath)
  /// On the way there is a symbolic link that another user could have put there.
  case untrustedLink(FilePath)
  /// The file system, named for the message, has no RENAME_NOREPLACE; no file was moved.
  case mayReplace(FilePath, fileSystem: String)
  /// The file system cannot link either, which the user allowed instead of renames.
  case mayNotLink(FilePath, fileSystem: String)
  /// Nothing is mounted on a folder that the layout declares as a mount, or another file system type than `type`. `found`: what
  /// is there instead.
  case notMounted(FilePath, type: String?, found: String?)
  /// The folder of a tier was replaced or removed during the run.
  case tierReplaced(FilePath)
  /// The file system that is mounted here has another UUID than the layout declares.
  case otherDisk(FilePath, uuid: String)
  /// The UUID of the file system cannot be found out.
  case unknownDisk(FilePath, uuid: String)
  /// The cold root does not exist, and nothing shows that its disk is mounted.
  case noColdRoot(FilePath)
  /// The cold root is a link, a file or a mount: ELOOP, ENOTDIR, EXDEV.
  case coldRootIsNoFolder(FilePath, Errno)
  /// The cold root belongs to a user who is neither root, nor the owner of the capture, nor the user of this process.
  case foreignColdRoot(FilePath, owner: String?)
  case coldRootInTheWay(ColdRootConflict)
  /// The name of the capture is a part of the path of its cold root, but is not valid UTF-8.
  case nameIsNoText(FilePath)
  /// What a run would copy to this folder does not fit: at least this many bytes and files. Nothing was moved.
  case noRoom(FilePath, bytes: UInt64, files: UInt64, FileSystemSpace)
  /// A system call failed; the space only if the file system is full.
  case stopped(KernelError, FileSystemSpace?)
}

extension MigrationError {
  /// The error of a system call on a folder that is not a capture yet.
  public static func ofCall(_ error: KernelError, in folder: FilePath) -> MigrationError {
    switch error.errno {
    case .noSuchFileOrDirectory where error.path == folder: .missing(folder)
    case .notDirectory where error.path == folder: .notAFolder(folder)
    case .permissionDenied, .notPermitted:
      .permissionDenied(
        error,
        owner: ((try? Directory.open(folder).status().owner) ?? Directory.ownerIfVisible(folder)).map(
          Users.name))
    default: .stopped(error, nil)
    }
  }
}

/// Free space of a file system, for the message that it is full.
public struct FileSystemSpace: Equatable, Sendable {
  public let name: String
  public let freeBytes: UInt64
  public let freeInodes: UInt64?
}

/// Identifies a folder, to notice if another one has taken its path.
public struct FolderIdentity: Hashable, Sendable {
  let device, inode: UInt64

  init(device: UInt64, inode: UInt64) { (self.device, self.inode) = (device, inode) }

  /// Nil if the folder cannot be opened.
  public init?(of path: FilePath) {
    guard let folder = try? Directory.open(path).status().folder else { return nil }
    self = folder
  }
}

/// A folder that was opened and recognised as a capture.
struct OpenCapture: ~Copyable {
  let directory: Directory
  /// The layout placed on this capture (`Layout.placed`).
  let layout: Layout
  let status: FileStatus
  let fileSystem: FileSystemStatus

  /// Opens the folder that a user named; refuses it if it is not a capture.
  ///
  /// - Parameter isGuarded: whether to follow a symbolic link on the way only if no other user can have put it there
  ///   (`Directory.openGuarded`).
  static func open(
    _ path: FilePath, _ layout: Layout, isGuarded: Bool = false
  ) throws(MigrationError) -> OpenCapture {
    let directory: Directory
    do throws(GuardedPathError) {
      directory = isGuarded ? try .openGuarded(path) : try openNamed(path)
    } catch {
      switch error {
      case .untrustedLink(let path): throw .untrustedLink(path)
      case .failed(let error): throw openFailure(error)
      }
    }
    let placed = try layout.placed(on: directory)
    let capture: OpenCapture
    do throws(KernelError) { capture = try OpenCapture(directory, placed) } catch { throw openFailure(error) }
    try refuseUnlessCapture(capture.directory, capture.layout, capture.status)
    return capture
  }

  private static func openNamed(_ path: FilePath) throws(GuardedPathError) -> Directory {
    do throws(KernelError) { return try Directory.open(path) } catch { throw .failed(error) }
  }

  private init(_ directory: consuming Directory, _ layout: Layout) throws(KernelError) {
    self.layout = layout
    let status = try directory.status()
    let fileSystem = try directory.fileSystem()
    self.directory = directory
    self.status = status
    self.fileSystem = fileSystem
  }

  /// Identifies the folder, as long as it exists.
  var identity: FolderIdentity { status.folder }

  /// Throws if an executing run lacks a permission. Checked before anything is changed.
  func checkWritable() throws(MigrationError) {
    guard !fileSystem.isReadOnly else {
      throw .stopped(KernelError(.access, directory.path, .readOnlyFileSystem), nil)
    }
    do throws(KernelError) { try directory.checkWritable() } catch { throw denied(error) }
    try checkTiersWritable()
    try checkNobodyIsLockedOut()
  }

  private func checkTiersWritable() throws(MigrationError) {
    do throws(KernelError) {
      for mount in layout.mounts {
        var tier = try directory.openTier(mount)
        if tier == nil { tier = try directory.openParent(ofMissing: mount) }
        guard let folder = tier else { continue }
        guard try !folder.fileSystem().isReadOnly else {
          throw KernelError(.access, folder.path, .readOnlyFileSystem)
        }
        try folder.checkWritable()
      }
    } catch {
      guard error.operation == .access, [.permissionDenied, .notPermitted].contains(error.errno) else {
        throw stopped(error)
      }
      throw .tierDenied(error, owner: ownerName)
    }
  }

  /// Throws if new folders cannot get the owner and group of the capture, and these could then not use them as they use the
  /// capture: the run is refused before anything is made.
  private func checkNobodyIsLockedOut() throws(MigrationError) {
    guard !CurrentProcess.isRoot else { return }
    let (ofOwner, ofGroup, ofOthers) = (status.mode >> 6 & 7, status.mode >> 3 & 7, status.mode & 7)
    let isOwner = CurrentProcess.effectiveUser == status.owner
    let ofOwnerThen = isOwner ? ofOwner : mayGiveGroup ? ofGroup | ofOthers : ofOthers
    let ofGroupThen = mayGiveGroup ? ofGroup : ofOthers
    guard ofOwner & ~ofOwnerThen != 0 || ofGroup & ~ofGroupThen != 0 else { return }
    let missing: Int
    do throws(KernelError) { missing = try CaptureTree(of: directory, layout).missingCount } catch {
      throw stopped(error)
    }
    guard missing > 0 else { return }
    let error = KernelError(.changeOwner, directory.path, .notPermitted)
    throw isOwner ? .permissionDenied(error, owner: Users.name(of: 0)) : denied(error)
  }

  /// Whether new folders and playlists get the owner and group of the capture. Only root may change their owner, or give them
  /// a group that the owner is not a member of (chown(2)); below a setgid folder the group is inherited (mkdir(2)).
  var mayGiveAway: Bool {
    CurrentProcess.isRoot || (CurrentProcess.effectiveUser == status.owner && mayGiveGroup)
  }

  private var mayGiveGroup: Bool {
    CurrentProcess.isMember(ofGroup: status.group) || newFoldersInheritGroup
  }

  private var newFoldersInheritGroup: Bool {
    let setgid: UInt32 = 0o2000
    let places = layout.paths.dropFirst().compactMap { try? directory.status(of: $0) }
    return ([status] + places).allSatisfy { $0.mode & setgid != 0 && $0.group == status.group }
  }

  /// Keeps other runs away from the capture and from its cold roots for as long as the lock lives.
  ///
  /// - Parameter makesColdRoots: whether to make missing cold roots where this run may.
  /// - Throws: `busy` if another run holds one of these folders.
  func lock(makesColdRoots: Bool) throws(MigrationError) -> CaptureLock {
    var lock = CaptureLock()
    try add(directory, to: &lock)
    // Always after the capture, and in the order of their paths, so that no two runs block each other.
    for root in layout.coldRoots.sorted(by: { $0.path < $1.path }) {
      let folder: OpenFolder?
      do throws(KernelError) {
        folder = try directory.openColdRoot(root, makes: makesColdRoots, made: &lock.foldersMade)
      } catch { throw stopped(error) }
      if let folder { try add(folder.directory, to: &lock) }
    }
    return lock
  }

  private func add(_ folder: borrowing Directory, to lock: inout CaptureLock) throws(MigrationError) {
    let isFree: Bool
    do throws(KernelError) { isFree = try lock.add(folder) } catch { throw stopped(error) }
    guard isFree else { throw .busy(folder.path) }
  }

  /// Whether another run holds the capture or one of its cold roots right now.
  var isLocked: Bool {
    if FolderLock.isHeld(directory) { return true }
    return layout.coldRoots.contains { root in
      guard let folder = (try? directory.openTier(root)) ?? nil else { return false }
      return FolderLock.isHeld(folder)
    }
  }

  var ownerName: String { Users.name(of: status.owner) }

  func denied(_ error: KernelError) -> MigrationError {
    // A folder inside the capture may have another owner.
    let owner = (try? Directory.open(error.path).status().owner) ?? Directory.ownerIfVisible(error.path)
    return .permissionDenied(error, owner: owner.map(Users.name) ?? ownerName)
  }

  /// Converts an error that stops a run; adds the free space if the file system is full.
  func stopped(_ error: KernelError) -> MigrationError {
    switch error.errno {
    case .permissionDenied where error.operation == .mount: return .tierDenied(error, owner: ownerName)
    case _ where error.operation == .mount: return layout.tierError(error, in: directory.path)
    case .invalidArgument where error.operation == .rename:
      return .mayReplace(directory.path, fileSystem: fileSystem.name)
    case .invalidArgument where error.operation == .link:
      return .mayNotLink(directory.path, fileSystem: fileSystem.name)
    case .permissionDenied, .notPermitted: return denied(error)
    case .noSpace, .diskQuotaExceeded:
      // Ask the file system of the path: a tier may be full rather than the capture.
      guard let now = fileSystem(ofNearest: error.path) else { break }
      return .stopped(
        error,
        FileSystemSpace(name: now.name, freeBytes: now.freeBytes, freeInodes: now.freeInodes))
    default: break
    }
    return .stopped(error, nil)
  }

  /// The file system of a folder or, if it does not exist, of its nearest existing parent.
  private func fileSystem(ofNearest path: FilePath) -> FileSystemStatus? {
    var path = path
    while !path.components.isEmpty {
      if let found = try? Directory.open(path).fileSystem() { return found }
      path.removeLastComponent()
    }
    return try? directory.fileSystem()
  }

  // MARK: refusing

  private static func openFailure(_ error: KernelError) -> MigrationError {
    switch error.errno {
    case .noSuchFileOrDirectory: .missing(error.path)
    case .notDirectory: .notAFolder(error.path)
    case .permissionDenied, .notPermitted:
      .permissionDenied(error, owner: Directory.ownerIfVisible(error.path).map(Users.name))
    default: .stopped(error, nil)
    }
  }

  private static func refuseUnlessCapture(
    _ directory: borrowing Directory, _ layout: Layout, _ status: FileStatus
  ) throws(MigrationError) {
    let path = directory.path
    if let root = try? Directory.open("/").status(), root.folder == status.folder {
      throw .isRootFolder(path)
    }
    guard !Users.isHome(directory) else { throw .isHome(path) }
    let signs: CaptureSigns
    let conflict: ColdRootConflict?
    do throws(KernelError) {
      conflict = try layout.coldRootConflict(in: directory)
      signs = try CaptureSigns(of: directory, layout)
    } catch {
      if error.operation == .mount {
        guard error.errno == .permissionDenied else { throw layout.tierError(error, in: directory.path) }
        throw .tierDenied(error, owner: Users.name(of: status.owner))
      }
      // These concern a cold root: the capture itself is open.
      if [.noSuchFileOrDirectory, .notDirectory].contains(error.errno) { throw .stopped(error, nil) }
      throw openFailure(error)
    }
    if let conflict { throw .coldRootInTheWay(conflict) }
    if signs.isHotPlace || isPlaceOfParent(directory, layout) { throw .insideCapture(path) }
    guard signs.isCapture else { throw .holdsNothingOfACapture(path, layout: layout.name) }
  }
}

extension OpenCapture {
  fileprivate static func isPlaceOfParent(_ directory: borrowing Directory, _ layout: Layout) -> Bool {
    guard let name = directory.path.lastComponent?.string,
      let parent = try? Directory.open(directory.path.removingLastComponent())
    else { return false }
    return (try? CaptureSigns.isPlace(directory, named: name, in: parent, layout)) ?? false
  }
}

extension FileStatus {
  /// The identity of a folder with this status.
  var folder: FolderIdentity { FolderIdentity(device: device, inode: inode) }
}

extension FilePath {
  /// The current folder for an empty path.
  fileprivate var orHere: FilePath { isEmpty ? "." : self }
}

extension OpenCapture {
  /// Estimates how many entries the places hold, and the buckets too with `withBuckets`, from the sizes of the folders: for a
  /// progress bar, at almost no cost. Folders of ext4 and xfs do not shrink, so a second run expects too many.
  func estimateOfEntries(_ tree: CaptureTree, withBuckets: Bool = false) -> Int {
    let (bytesPerEntry, emptyBytes): (UInt64, UInt64) =
      switch fileSystem.name {
      case "tmpfs": (20, 40)  // BOGO_DIRENT_SIZE, linux/shmem_fs.h
      case "btrfs": (2 * 27, 0)  // each name counts twice
      case "xfs": (40, 6)
      default: (48, 4096)  // a block
      }
    // A FUSE server may claim any size.
    let folderBytesMax: UInt64 = 1 << 40
    var bytes: UInt64 = 0
    func add(_ folder: borrowing Directory) {
      let size = min((try? folder.status().size) ?? 0, folderBytesMax)
      bytes += size - min(size, emptyBytes)
    }
    for place in tree.layout.places { tree.withPlace(place) { add($0) } }
    guard withBuckets else { return Int(bytes / bytesPerEntry) }
    for index in tree.layout.trees.indices {
      for (kind, bucket) in tree.buckets(tree: index) {
        try? tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in add(directory) }
      }
    }
    return Int(bytes / bytesPerEntry)
  }
}

extension Directory {
  /// The user ID of the owner of a folder that cannot be opened, read through its parent.
  static func ownerIfVisible(_ path: FilePath) -> UInt32? {
    guard let name = path.lastComponent?.string,
      let parent = try? Directory.open(path.removingLastComponent().orHere)
    else { return nil }
    return try? parent.status(of: name).owner
  }
}
