internal import CLiburing
internal import Synchronization
internal import SystemPackage

/// A window, the offsets of its entries, and what was found out about them. `Prefetch` describes which thread may use it when.
@safe final class PrefetchedWindow: @unchecked Sendable {
  /// Limits how long one thread waits for the other.
  private static let entriesPerClaim = 16

  let window: DirectoryWindow
  /// The result of getdents64.
  private(set) var result: Int64 = 0
  private var count = 0
  /// Whether an entry is malformed; the window ends before it.
  private var isMalformed = false
  private let offsets: UnsafeMutablePointer<UInt32>
  private let statuses: UnsafeMutablePointer<PrefetchedStatus>
  private let claims: Claims

  convenience init(byteCount: Int) {
    self.init(DirectoryWindow(byteCount: byteCount), byteCount: byteCount)
  }

  /// A window with given bytes, for tests of what a faulty kernel or FUSE server might return.
  convenience init(parsing bytes: [UInt8]) {
    self.init(DirectoryWindow(bytes), byteCount: bytes.count)
    findEntries()
  }

  private init(_ window: DirectoryWindow, byteCount: Int) {
    self.window = window
    let entriesMax = byteCount / DirectoryWindow.entryBytesMin + 1
    unsafe offsets = .allocate(capacity: entriesMax)
    unsafe statuses = .allocate(capacity: entriesMax)
    claims = Claims(count: entriesMax / Self.entriesPerClaim + 1)
  }

  deinit {
    unsafe offsets.deallocate()
    unsafe statuses.deallocate()
  }

  func read(_ descriptor: Int32) {
    result = window.read(descriptor)
    claims.reset()
    findEntries()
  }

  private func findEntries() {
    count = 0
    isMalformed = false
    var offset = 0
    while offset < window.filled {
      var isEntry = false
      guard let next = window.entry(at: offset, { _, _, _ in isEntry = true }) else {
        isMalformed = true
        return
      }
      if isEntry {
        unsafe offsets[count] = UInt32(offset)
        count += 1
      }
      offset = next
    }
  }

  func lookFromBack(
    _ descriptor: Int32, asksStatus: Bool, _ isOver: borrowing Atomic<Bool>, _ tag: Prefetch.Tag
  ) {
    var part = (count + Self.entriesPerClaim - 1) / Self.entriesPerClaim
    while part > 0, !isOver.load(ordering: .relaxed) {
      part -= 1
      // A part taken by the first thread is never marked finished: nobody waits for it.
      guard claims.take(part) else { return }
      for number in part * Self.entriesPerClaim..<min(count, (part + 1) * Self.entriesPerClaim) {
        look(at: number, descriptor, asksStatus: asksStatus, tag)
      }
      claims.finish(part)
      Heartbeat.sign()
    }
  }

  /// Passes each entry to `body`, in the order of the folder; with a status only if the other thread looked at it. False if the
  /// window is malformed, after the entries before that.
  func visit(
    _ descriptor: Int32, _ body: (borrowing DirectoryEntry, PrefetchedStatus?) throws(KernelError) -> Void
  ) throws(KernelError) -> Bool {
    for part in 0..<(count + Self.entriesPerClaim - 1) / Self.entriesPerClaim {
      let isTaken = claims.take(part)
      if !isTaken { claims.wait(for: part) }
      for number in part * Self.entriesPerClaim..<min(count, (part + 1) * Self.entriesPerClaim) {
        _ = try window.entry(at: Int(unsafe offsets[number])) { name, listed, inode throws(KernelError) in
          guard isTaken else {
            let status = unsafe statuses[number]
            return try body(DirectoryEntry(name: name, type: status.listedType, inode: inode), status)
          }
          let type = DirectoryWindow.type(of: name, listed: listed, in: descriptor)
          try body(DirectoryEntry(name: name, type: type, inode: inode), nil)
        }
      }
      Heartbeat.sign()
    }
    return !isMalformed
  }

  private func look(at number: Int, _ descriptor: Int32, asksStatus: Bool, _ tag: Prefetch.Tag) {
    _ = window.entry(at: Int(unsafe offsets[number])) { name, listed, inode in
      let type = DirectoryWindow.type(of: name, listed: listed, in: descriptor)
      let tag = tag(DirectoryEntry(name: name, type: type, inode: inode))
      var status = hc_stat()
      var result = -Errno.noData.rawValue
      if asksStatus, tag != nil { result = DirectoryWindow.look(at: name, in: descriptor, &status) }
      unsafe (statuses + number).initialize(
        to: PrefetchedStatus(tag: tag, listedType: type, status, result: result))
    }
  }
}

/// What another thread has found out about an entry before it is visited.
public struct PrefetchedStatus: Sendable {
  /// The tag given to the entry in `DirectoryStream.prefetch`; nil if it was skipped.
  public let tag: UInt8?
  fileprivate let listedType: EntryType
  private let statusType: EntryType
  /// Zero or a negative errno; -ENODATA if the status was not asked for.
  private let result: Int32
  private let links: UInt32
  private let modifiedNanoseconds: UInt32
  private let modifiedSeconds: Int64

  fileprivate init(tag: UInt8?, listedType: EntryType, _ status: hc_stat, result: Int32) {
    self.tag = tag
    self.listedType = listedType
    statusType = EntryType(rawType: status.type)
    self.result = result
    links = status.links
    modifiedNanoseconds = status.mtime_ns
    modifiedSeconds = status.mtime_s
  }

  /// As `Directory.modification`: type, modification time and link count, or the errno; ENODATA if it was not asked for.
  public var status: FileStatus {
    get throws(Errno) {
      guard result >= 0 else { throw Errno(shim: result) }
      var status = FileStatus.unknown
      status.type = statusType
      status.links = links
      status.modifiedSeconds = modifiedSeconds
      status.modifiedNanoseconds = modifiedNanoseconds
      return status
    }
  }
}
