internal import CLiburing
public import SystemPackage

/// What became of one rename, the same for both engines.
public enum RenameOutcome: Equatable, Sendable {
  case moved
  /// The kernel never began it: the run was asked to stop, or a request was cancelled.
  case notExecuted
  case failed(Errno)
}

/// A batch of renames: names and descriptors going in, outcomes coming out.
///
/// Every rename keeps its name and refuses to replace (renameat2(2), RENAME_NOREPLACE). The batch owns a
/// copy of the names, so the window that they came from may be refilled while the batch is in flight. Its
/// memory is reused from batch to batch and does not grow with the number of files.
public struct RenameBatch: ~Copyable {
  private struct Item {
    let fromDirfd: Int32
    let toDirfd: Int32
    let nameOffset: Int
    let nameCount: Int
    var result: Int32
  }
  /// No errno: the kernel's are below 4096.
  private static let notExecuted: Int32 = .min

  private var items: [Item] = []
  private var names: [UInt8] = []

  public init(capacity: Int) {
    items.reserveCapacity(capacity)
    names.reserveCapacity(capacity * 32)
  }

  public var count: Int { items.count }

  public mutating func removeAll() {
    items.removeAll(keepingCapacity: true)
    names.removeAll(keepingCapacity: true)
  }

  /// Adds the rename of `name` from one folder to another. Both must stay open until the outcome is known.
  public mutating func append(_ name: Span<UInt8>, from: Int32, to: Int32) {
    let offset = names.count
    for index in name.indices { names.append(name[index]) }
    names.append(0)
    items.append(
      Item(
        fromDirfd: from, toDirfd: to, nameOffset: offset, nameCount: name.count,
        result: Self.notExecuted))
  }

  public func outcome(at index: Int) -> RenameOutcome {
    switch items[index].result {
    case 0: .moved
    case Self.notExecuted: .notExecuted
    case let result: .failed(Errno(shim: result))
    }
  }

  /// Gives the name of a rename to `body`.
  public func withName<Result>(at index: Int, _ body: (Span<UInt8>) -> Result) -> Result {
    let item = items[index]
    return body(names.span.extracting(item.nameOffset..<item.nameOffset + item.nameCount))
  }

  /// Executes one rename with a plain system call.
  public mutating func renameNow(at index: Int) {
    let item = items[index]
    items[index].result = unsafe names.withUnsafeBufferPointer { names in
      unsafe withName(names, item) { unsafe hc_rename_noreplace(item.fromDirfd, $0, item.toDirfd, $0) }
    }
  }

  /// Whether the name of a rename is taken in its destination, or for any other reason may not be looked up.
  public func destinationIsTaken(at index: Int) -> Bool {
    isTaken(at: index, in: items[index].toDirfd)
  }

  /// Whether the name of a rename is taken in the folder `dirfd`.
  public func isTaken(at index: Int, in dirfd: Int32) -> Bool {
    errnoOfLookup(at: index, in: dirfd) != .noSuchFileOrDirectory
  }

  /// Whether the file of a rename is (still) where it was.
  public func sourceExists(at index: Int) -> Bool {
    isTaken(at: index, in: items[index].fromDirfd)
  }

  /// Counts a rename as done without doing it: what a dry run does.
  public mutating func pretend(at index: Int, _ outcome: RenameOutcome) {
    items[index].result =
      switch outcome {
      case .moved: 0
      case .notExecuted: Self.notExecuted
      case .failed(let errno): -errno.rawValue
      }
  }

  private func errnoOfLookup(at index: Int, in dirfd: Int32) -> Errno? {
    let item = items[index]
    var status = hc_stat()
    let result = unsafe names.withUnsafeBufferPointer { names in
      unsafe withName(names, item) { unsafe hc_statx_mtime(dirfd, $0, &status) }
    }
    return result < 0 ? Errno(shim: result) : nil
  }

  /// Prepares one rename in a ring, tagged with its index. False when the submission queue is full.
  mutating func prepare(at index: Int, in ring: OpaquePointer) -> Bool {
    let item = items[index]
    return unsafe names.withUnsafeBufferPointer { names in
      unsafe withName(names, item) { name in
        unsafe hc_ring_prepare_rename(
          ring, item.fromDirfd, name, item.toDirfd, name, hc_flag_noreplace(), UInt64(index))
      }
    } == 0
  }

  /// Records a completion of the ring.
  mutating func complete(at index: Int, result: Int32) {
    items[index].result = result == -Errno.canceled.rawValue ? Self.notExecuted : result
  }

  private func withName<Result>(
    _ names: UnsafeBufferPointer<UInt8>, _ item: Item, _ body: (UnsafePointer<CChar>) -> Result
  ) -> Result {
    let start = unsafe names.baseAddress! + item.nameOffset
    return unsafe start.withMemoryRebound(to: CChar.self, capacity: item.nameCount + 1, body)
  }
}
