internal import CLiburing
public import SystemPackage

/// Moves files from one file system to another by copying: each copy replaces its source once it is durable.
///
///     copy, copy, …    open ─▶ data ─▶ attributes          to files without a name (O_TMPFILE)
///     commit           syncfs ─▶ names ─▶ syncfs ─▶ take each source aside, look at it again ─▶ unlink it
///     removeAll        ready for the next
///
/// Whenever this is interrupted, each file is whole in its old place, in its new one, or in both. A name that is taken by a file
/// with the same content and time was left by a killed run, and the move continues from there.
public struct CopyBatch: ~Copyable {
  /// What a copy lost, because the target cannot store it, or this process may not set it.
  public struct Losses: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let owner = Losses(rawValue: 1)
    public static let group = Losses(rawValue: 2)
    /// Extended attributes or access control lists.
    public static let attributes = Losses(rawValue: 4)
    public static let permissions = Losses(rawValue: 8)
    /// The target cannot store the modification time.
    public static let time = Losses(rawValue: 16)
  }

  /// The result for one file. "It" is the source.
  public enum Outcome: Equatable, Sendable {
    /// It was moved: it now exists only in its new place, with that inode number and size.
    case moved(inode: UInt64, bytes: UInt64, lost: Losses)
    /// It was moved; the copy already existed, left by a killed run.
    case finished
    /// The run was asked to stop, or sources may not be removed. It is where it was.
    case notExecuted
    /// The name is taken by another file.
    case taken
    /// It no longer exists under its name.
    case vanished
    /// It was written to or replaced while it was being copied, or it is open for writing: it stays.
    case changed
    /// What was read back from the disk differs from it: it stays.
    case differs
    /// A system call failed: it stays.
    case failed(KernelError.Operation, Errno)
  }

  struct Copy {
    let source: Int32
    let copy: Int32
    let before: FileStatus
    let from: Int32
    let to: Int32
    let name: Range<Int>
    let newName: Range<Int>
    var lost: Losses
    /// Whether it has a temporary name, because the file system does not support unnamed files.
    let isNamed: Bool
    /// Set by `commit`.
    var outcome: Outcome?
    /// The inode that has `newName` in the target folder.
    var inode: UInt64?
    /// Whether that inode is the copy of an earlier run.
    var wasThere = false
  }

  private let filesMax: Int
  private let bytesMax: UInt64
  private let verifies: Bool
  let keepsSources: Bool
  let temporary: TemporaryNames
  /// For syncfs(2): opened before the first write, because it would not report errors from before that.
  private let target: Directory
  /// Whether syncfs(2) is known to make everything durable. FUSE writes to its server without asking it to sync.
  private let syncsAsAWhole: Bool
  private let buffer: CopyBuffer
  var copies: [Copy] = []
  private var names: [UInt8] = []
  private var bytes: UInt64 = 0
  private var isCommitted = false

  /// Temporary names, which no file of a capture has and no other program uses.
  public struct TemporaryNames: Sendable {
    public typealias Name = @Sendable (Span<UInt8>) -> [UInt8]
    /// For an unfinished copy, on file systems without unnamed files. Short enough, however long the file's name.
    let ofCopy: Name
    /// For a source that is about to be removed. If a killed run leaves one, the next run deals with it.
    let ofAside: Name

    public init(ofCopy: @escaping Name, ofAside: @escaping Name) {
      self.ofCopy = ofCopy
      self.ofAside = ofAside
    }
  }

  /// - Parameters:
  ///   - target: any folder on the target file system.
  ///   - filesMax: how many files to copy before they are made durable; each holds two descriptors until then.
  ///   - bytesMax: how many bytes to copy before they are made durable.
  ///   - temporary: the temporary names.
  ///   - verifies: whether to read copies back from the disk and compare them.
  ///   - keepsSources: whether sources are kept instead of removed.
  public init(
    to target: borrowing Directory, filesMax: Int, bytesMax: UInt64, temporary: TemporaryNames,
    verifies: Bool = false, keepsSources: Bool = false
  ) throws(KernelError) {
    precondition(filesMax > 0)
    let isKnown = try target.fileSystem().syncsAsAWhole
    self.target = try target.reopened()
    syncsAsAWhole = isKnown && hc_kernel_is_at_least(5, 8)
    self.filesMax = filesMax
    self.bytesMax = bytesMax
    self.temporary = temporary
    self.verifies = verifies
    self.keepsSources = keepsSources
    buffer = CopyBuffer(byteCount: Self.chunkBytes)
    hc_leases_prepare()
  }

  deinit {
    guard !isCommitted else { return }
    for index in copies.indices {
      dropCopy(index)
      Self.close(copies[index])
    }
  }

  private static let chunkBytes = 256 << 10

  public var count: Int { copies.count }
  public var isEmpty: Bool { copies.isEmpty }
  public var isFull: Bool { copies.count >= filesMax || bytes >= bytesMax }

  /// The name of a file in the batch.
  @_lifetime(borrow self)
  public func name(at index: Int) -> Span<UInt8> { names.span.extracting(copies[index].name) }

  /// The name of its copy.
  @_lifetime(borrow self)
  func newName(at index: Int) -> Span<UInt8> { names.span.extracting(copies[index].newName) }

  /// Whether `newName` in the folder `to` is a copy of `name` in `from`: another file with the same content and time. A run that
  /// was killed before it removed the source leaves such a copy.
  public static func isCopied(
    _ name: Span<UInt8>, from: Int32, to: Int32, as newName: Span<UInt8>
  ) -> Bool {
    // The copy first: usually there is none.
    guard let copy = try? Name.status(of: newName, in: to),
      let source = try? Name.status(of: name, in: from), source.type == .regular, source.looksLike(copy)
    else { return false }
    // Both may be the same folder, seen through a second mount: then each has the names of the other. If the names are equal too,
    // the change time decides, which nobody can set.
    let isTwin = Name.isEqual(name, newName) ? source.hasChangeTime(of: copy) : Name.isTaken(name, in: to)
    return !isTwin && haveSameContent(name, in: from, newName, in: to, bytes: source.size)
  }

  /// Whether two names of one folder have the same content and time, so that one of them is enough.
  public static func areDoubles(_ name: Span<UInt8>, _ other: Span<UInt8>, in folder: Int32) -> Bool {
    guard !Name.isEqual(name, other), let copy = try? Name.status(of: other, in: folder),
      let source = try? Name.status(of: name, in: folder), source.type == .regular, source.looksLike(copy)
    else { return false }
    return haveSameContent(name, in: folder, other, in: folder, bytes: source.size)
  }

  private static func haveSameContent(
    _ name: Span<UInt8>, in from: Int32, _ other: Span<UInt8>, in to: Int32, bytes: UInt64
  ) -> Bool {
    let left = unsafe withTerminated(name) { unsafe hc_open_file(from, $0) }
    defer { if left >= 0 { hc_close(left) } }
    let right = unsafe withTerminated(other) { unsafe hc_open_file(to, $0) }
    defer { if right >= 0 { hc_close(right) } }
    guard left >= 0, right >= 0 else { return false }
    return equals(left, right, bytes: bytes, CopyBuffer(byteCount: chunkBytes)) == .success(true)
  }

  // MARK: copying

  /// Copies a file of the folder `from`, for a name in the folder `to`. Both folders must stay open until `commit`. No two files
  /// may be on their way to the same name in the same folder.
  ///
  /// - Returns: nil if the file is now in the batch; otherwise its outcome, and it is not in the batch.
  public mutating func copy(
    _ name: Span<UInt8>, from: Int32, to: Int32, as newName: Span<UInt8>
  ) -> Outcome? {
    precondition(!isFull && !isCommitted)
    let source = unsafe withTerminated(name) { unsafe hc_open_file(from, $0) }
    guard source >= 0 else { return Self.failure(toOpen: Errno(shim: source)) }
    var copy: Int32 = -1
    do throws(CopyFailure) {
      let before = try Self.settledStatus(of: source)
      guard Self.isClosed(source, before) else { throw CopyFailure(outcome: .changed) }
      let isNamed: Bool
      (copy, isNamed) = try create(newName, in: to)
      try Self.copyData(from: source, to: copy, bytes: before.size, buffer)
      let lost = try Self.copyAttributes(from: source, to: copy, before)
      copies.append(
        Copy(
          source: source, copy: copy, before: before, from: from, to: to, name: keep(name),
          newName: keep(newName), lost: lost, isNamed: isNamed))
      bytes &+= before.size
      Heartbeat.sign()
      return nil
    } catch {
      hc_close(source)
      if copy >= 0 { drop(copy, named: newName, in: to) }
      return error.outcome
    }
  }

  private mutating func keep(_ name: Span<UInt8>) -> Range<Int> {
    let start = names.count
    for index in name.indices { names.append(name[index]) }
    return start..<names.count
  }

  private static func failure(toOpen errno: Errno) -> Outcome {
    switch errno {
    case .noSuchFileOrDirectory: .vanished
    // It has become a link, a fifo or a folder.
    case .tooManySymbolicLinkLevels, .invalidArgument, .isDirectory, .noSuchAddressOrDevice: .changed
    default: .failed(.open, errno)
    }
  }

  /// Creates the file to copy to: unnamed, if the file system supports that.
  private func create(
    _ name: Span<UInt8>, in folder: Int32
  ) throws(CopyFailure) -> (file: Int32, isNamed: Bool) {
    let file = hc_open_unnamed(folder)
    if file >= 0 { return (file, false) }
    // openat(2): the errors of kernels and file systems without O_TMPFILE.
    guard
      [.notSupportedOnSocket, .isDirectory, .noSuchFileOrDirectory, .invalidArgument].contains(
        Errno(shim: file))
    else { throw CopyFailure(outcome: .failed(.create, Errno(shim: file))) }
    let temporary = self.temporary.ofCopy(name)
    var named = unsafe withTerminated(temporary.span) { unsafe hc_create_copy(folder, $0) }
    if Errno(shim: named) == .fileExists {
      // Left by a killed run: nobody else uses such names.
      _ = Name.unlink(temporary.span, in: folder)
      named = unsafe withTerminated(temporary.span) { unsafe hc_create_copy(folder, $0) }
    }
    return (try Self.check(named, .create), true)
  }

  /// Discards a copy that is no longer needed.
  private func drop(_ copy: Int32, named name: Span<UInt8>, in folder: Int32) {
    removeTemporary(copy, of: name, in: folder)
    hc_close(copy)
  }

  func removeTemporary(_ copy: Int32, of name: Span<UInt8>, in folder: Int32) {
    let temporary = self.temporary.ofCopy(name)
    if Self.isSame(temporary.span, in: folder, as: copy) { _ = Name.unlink(temporary.span, in: folder) }
  }

  /// Whether a name refers to this open file.
  static func isSame(_ name: Span<UInt8>, in folder: Int32, as file: Int32) -> Bool {
    guard let named = try? Name.status(of: name, in: folder), let own = try? status(of: file) else {
      return false
    }
    return named.isSameFile(as: own)
  }

  // MARK: committing

  /// Makes everything copied so far durable, names the copies and removes the sources. Call `removeAll` afterwards.
  ///
  /// - Parameter mayRemoveSources: called once the copies have their names. If false, the copies are removed again.
  /// - Returns: the outcome of each file, in the order in which they were copied.
  public mutating func commit(mayRemoveSources: () -> Bool = { true }) -> [Outcome] {
    publish(mayRemoveSources)
    for index in copies.indices {
      finish(index)
      Self.close(copies[index])
    }
    isCommitted = true
    return copies.map { $0.outcome ?? .notExecuted }
  }

  /// Empties the batch for the next files.
  public mutating func removeAll() {
    precondition(isCommitted)
    isCommitted = false
    copies.removeAll(keepingCapacity: true)
    names.removeAll(keepingCapacity: true)
    bytes = 0
  }

  /// Makes the contents durable first and the names second: a name that survives a power cut has contents that do.
  private mutating func publish(_ mayRemoveSources: () -> Bool) {
    guard !copies.isEmpty else { return }
    let synced = sync()
    for index in copies.indices {
      copies[index].outcome = synced
      if synced == nil, !syncsAsAWhole { syncFile(index) }
      if copies[index].outcome == nil, verifies { verify(index) }
      if copies[index].outcome == nil { link(index) }
    }
    guard copies.contains(where: { $0.outcome == nil }) else { return }
    if !syncsAsAWhole { syncFolders() }
    let failure = sync() ?? (mayRemoveSources() ? nil : .notExecuted)
    guard let failure else { return }
    for index in copies.indices where copies[index].outcome == nil { copies[index].outcome = failure }
  }

  private mutating func syncFolders() {
    for folder in Set(copies.map(\.to)) {
      let result = Heartbeat.waiting { hc_fsync(folder) }
      // fsync(2): the file system does not support it for folders.
      guard result < 0, ![.invalidArgument, .noFunction].contains(Errno(shim: result)) else { continue }
      for index in copies.indices where copies[index].to == folder && copies[index].outcome == nil {
        copies[index].outcome = .failed(.syncFile, Errno(shim: result))
      }
    }
  }

  /// Returns nil, or the outcome of every file if it failed.
  func sync() -> Outcome? {
    do throws(KernelError) { try target.syncFileSystem() } catch { return .failed(.sync, error.errno) }
    return nil
  }

  /// For where syncfs(2) does not sync everything, or does not report errors (before Linux 5.8).
  private mutating func syncFile(_ index: Int) {
    let result = Heartbeat.waiting { hc_fsync(copies[index].copy) }
    if result < 0 { copies[index].outcome = .failed(.syncFile, Errno(shim: result)) }
  }

  private mutating func verify(_ index: Int) {
    let copy = copies[index]
    hc_forget_cached(copy.copy)
    switch Self.equals(copy.source, copy.copy, bytes: copy.before.size, buffer) {
    case .success(true): break
    case .success(false): copies[index].outcome = .differs
    case .failure(let errno): copies[index].outcome = .failed(.read, errno)
    }
  }

  private mutating func link(_ index: Int) {
    let copy = copies[index]
    let own: FileStatus
    do throws(CopyFailure) { own = try Self.status(of: copy.copy) } catch {
      copies[index].outcome = error.outcome
      return
    }
    // FAT stores times in steps of two seconds.
    if !isClose(own.modifiedSeconds, copy.before.modifiedSeconds) { copies[index].lost.insert(.time) }
    let result = publishName(of: index)
    switch result == 0 ? nil : Errno(shim: result) {
    case nil: copies[index].inode = own.inode
    case .fileExists:
      guard let inode = sameFile(as: index, own) else {
        copies[index].outcome = .taken
        return
      }
      copies[index].inode = inode
      copies[index].wasThere = true
    case let errno?: copies[index].outcome = .failed(.link, errno)
    }
  }

  private func isClose(_ seconds: Int64, _ others: Int64) -> Bool {
    let (difference, isOver) = seconds.subtractingReportingOverflow(others)
    return !isOver && (-2...2).contains(difference)
  }

  func publishName(of index: Int) -> Int32 {
    let copy = copies[index]
    let name = newName(at: index)
    guard copy.isNamed else {
      return unsafe withTerminated(name) { unsafe hc_link_unnamed(copy.copy, copy.to, $0) }
    }
    let temporary = self.temporary.ofCopy(name)
    // Another file may have the temporary name, which is not a copy of the source that would be removed.
    guard Self.isSame(temporary.span, in: copy.to, as: copy.copy) else {
      return -Errno.noSuchFileOrDirectory.rawValue
    }
    let renamed = Name.rename(temporary.span, from: copy.to, to: copy.to, as: name)
    switch renamed {
    case .done: return 0
    case .failed(.invalidArgument):
      // No RENAME_NOREPLACE: linkat(2) refuses to replace as well, and nobody else uses the temporary name.
      let linked = unsafe withTerminated(temporary.span) { temporary in
        unsafe withTerminated(name) { unsafe hc_link(copy.to, temporary, copy.to, $0) }
      }
      if linked == 0 { _ = Name.unlink(temporary.span, in: copy.to) }
      return linked
    case .failed(let errno): return -errno.rawValue
    case .notExecuted: return -Errno.canceled.rawValue
    }
  }

  /// The inode of the file that has the new name, if it has the content and the time of the copy and is not the source itself:
  /// both may be the same folder, seen through a second mount.
  private func sameFile(as index: Int, _ own: FileStatus) -> UInt64? {
    let copy = copies[index]
    let file = unsafe withTerminated(newName(at: index)) { unsafe hc_open_file(copy.to, $0) }
    guard file >= 0 else { return nil }
    defer { hc_close(file) }
    if verifies { hc_forget_cached(file) }
    guard let there = try? Self.status(of: file),
      !there.hasChangeTime(of: copy.before), there.looksLike(own),
      case .success(true) = Self.equals(file, copy.copy, bytes: own.size, buffer)
    else { return nil }
    return there.inode
  }

  private static func close(_ copy: Copy) {
    hc_close(copy.source)
    hc_close(copy.copy)
  }
}
