internal import CLiburing
internal import Synchronization
internal import SystemPackage

/// What another thread found out of an entry before it was visited.
public struct EarlyLook: Sendable {
  /// What `DirectoryStream.workAhead` was told to note of it; nil for one that was not looked at.
  public let note: UInt8?
  fileprivate let entryType: EntryType
  private let type: EntryType
  private let result: Int32
  private let links: UInt32
  private let modifiedNanoseconds: UInt32
  private let modifiedSeconds: Int64

  fileprivate init(note: UInt8?, entryType: EntryType, _ status: hc_stat, result: Int32) {
    self.note = note
    self.entryType = entryType
    type = EntryType(rawType: status.type)
    self.result = result
    links = status.links
    modifiedNanoseconds = status.mtime_ns
    modifiedSeconds = status.mtime_s
  }

  /// As `Directory.modification`.
  public var status: FileStatus {
    get throws(Errno) {
      guard result >= 0 else { throw Errno(shim: result) }
      var status = FileStatus.unknown
      status.type = type
      status.links = links
      status.modifiedSeconds = modifiedSeconds
      status.modifiedNanoseconds = modifiedNanoseconds
      return status
    }
  }
}

/// The windows of a directory stream that a second thread reads and looks into while the first one visits those before.
///
///     first:      visit window 1 ─▶ from the front of window 2 ─▶         ◀─ and so on
///     companion:  read window 2 ─▶ from its back ◀─ until they meet ─▶ read window 3
///
/// Both do the same to an entry, and whoever comes first does it. Entries are visited by the first thread alone, in the
/// order of the folder, so that nothing depends on who looked.
final class WorkAhead: Sendable {
  typealias Note = @Sendable (borrowing DirectoryEntry) -> UInt8?

  private let descriptor: Int32
  private let looks: Bool
  private let note: Note
  private let windows: [PreparedWindow]
  /// Windows that were read so far, and those that may be.
  private let read = Bell()
  private let free = Bell()
  private let isOver = Atomic(false)

  init(_ descriptor: Int32, looks: Bool, byteCount: Int, _ note: @escaping Note) {
    self.descriptor = descriptor
    self.looks = looks
    self.note = note
    windows = (0..<2).map { _ in PreparedWindow(byteCount: byteCount) }
    for _ in windows { free.ring() }
  }

  // MARK: the first thread

  /// Waits for a window, counted from 1 on. The one two before it is free again when it has been visited.
  func window(_ number: UInt32) -> PreparedWindow {
    read.wait(for: number)
    return windows[Int(number) % windows.count]
  }

  func release() { free.ring() }

  func end() {
    isOver.store(true, ordering: .relaxed)
    free.ring()
  }

  // MARK: the companion

  func run() {
    var number: UInt32 = 0
    while true {
      number &+= 1
      free.wait(for: number)
      guard !isOver.load(ordering: .relaxed) else { return }
      let window = windows[Int(number) % windows.count]
      window.read(descriptor)
      read.ring()
      guard window.result > 0 else { return }
      window.lookFromBack(descriptor, looks: looks, isOver, note)
    }
  }
}

/// A window, where its entries are, and what was found out of them.
@safe final class PreparedWindow: @unchecked Sendable {
  /// Entries that are looked at in one go: for as long one thread may have to wait for the other.
  private static let claimed = 16

  let window: DirectoryWindow
  /// What getdents64 said.
  private(set) var result: Int64 = 0
  private var count = 0
  /// Its entries end before its bytes do.
  private var isMalformed = false
  private let offsets: UnsafeMutablePointer<UInt32>
  private let looks: UnsafeMutablePointer<EarlyLook>
  private let claims: Claims

  convenience init(byteCount: Int) {
    self.init(DirectoryWindow(byteCount: byteCount), byteCount: byteCount)
  }

  /// One whose bytes are given: what a kernel or FUSE server at fault might return.
  convenience init(parsing bytes: [UInt8]) {
    self.init(DirectoryWindow(bytes), byteCount: bytes.count)
    findEntries()
  }

  private init(_ window: DirectoryWindow, byteCount: Int) {
    self.window = window
    let entriesMax = byteCount / DirectoryWindow.entryBytesMin + 1
    unsafe offsets = .allocate(capacity: entriesMax)
    unsafe looks = .allocate(capacity: entriesMax)
    claims = Claims(count: entriesMax / Self.claimed + 1)
  }

  deinit {
    unsafe offsets.deallocate()
    unsafe looks.deallocate()
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
      let next = try? window.entry(at: offset) { _, _, _ in isEntry = true }
      guard let next = next ?? nil else {
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
    _ descriptor: Int32, looks: Bool, _ isOver: borrowing Atomic<Bool>, _ note: WorkAhead.Note
  ) {
    var part = (count + Self.claimed - 1) / Self.claimed
    while part > 0, !isOver.load(ordering: .relaxed) {
      part -= 1
      guard claims.take(part) else { return }
      for number in part * Self.claimed..<min(count, (part + 1) * Self.claimed) {
        look(at: number, descriptor, looks: looks, note)
      }
      claims.finish(part)
      Heartbeat.sign()
    }
  }

  /// Gives each entry to `body`, in the order of the folder: with nil those that the other thread has not come to. False
  /// where the window ends before its bytes do.
  func visit(
    _ descriptor: Int32, _ body: (borrowing DirectoryEntry, EarlyLook?) throws(KernelError) -> Void
  ) throws(KernelError) -> Bool {
    for part in 0..<(count + Self.claimed - 1) / Self.claimed {
      let isTaken = claims.take(part)
      if !isTaken { claims.wait(for: part) }
      for number in part * Self.claimed..<min(count, (part + 1) * Self.claimed) {
        _ = try window.entry(at: Int(unsafe offsets[number])) { name, listed, inode throws(KernelError) in
          guard isTaken else {
            let look = unsafe looks[number]
            return try body(DirectoryEntry(name: name, type: look.entryType, inode: inode), look)
          }
          let type = listed == .unknown ? DirectoryWindow.type(of: name, in: descriptor) : listed
          try body(DirectoryEntry(name: name, type: type, inode: inode), nil)
        }
      }
      Heartbeat.sign()
    }
    return !isMalformed
  }

  private func look(at number: Int, _ descriptor: Int32, looks: Bool, _ note: WorkAhead.Note) {
    _ = try? window.entry(at: Int(unsafe offsets[number])) { name, listed, inode in
      let type = listed == .unknown ? DirectoryWindow.type(of: name, in: descriptor) : listed
      let note = note(DirectoryEntry(name: name, type: type, inode: inode))
      var status = hc_stat()
      var result: Int32 = 0
      if looks, note != nil { result = DirectoryWindow.look(at: name, in: descriptor, &status) }
      unsafe (self.looks + number).initialize(
        to: EarlyLook(note: note, entryType: type, status, result: result))
    }
  }
}
