internal import CLiburing

/// What statx(2) says about a file or folder.
public struct FileStatus: Equatable, Sendable {
  public var type: EntryType
  public var inode: UInt64
  public var device: UInt64
  /// Bytes.
  public var size: UInt64
  /// Seconds since the epoch, negative before 1970.
  public var modifiedSeconds: Int64
  public var modifiedNanoseconds: UInt32
  /// When the inode last changed, its name, content or times; nobody can set it. Zero where only type and modification
  /// time were asked for.
  public var changedSeconds: Int64
  public var changedNanoseconds: UInt32
  /// Permission, setuid, setgid and sticky bits.
  public var mode: UInt32
  public var owner: UInt32
  public var group: UInt32
  /// Names that the file has.
  public var links: UInt32
  /// What it takes on its disk: less than its size where it has holes.
  public var allocatedBytes: UInt64

  /// Of nothing that was looked at.
  public static let unknown = FileStatus(hc_stat())

  init(_ raw: hc_stat) {
    type = EntryType(rawType: raw.type)
    inode = raw.inode
    device = raw.device
    size = raw.size
    modifiedSeconds = raw.mtime_s
    modifiedNanoseconds = raw.mtime_ns
    changedSeconds = raw.ctime_s
    changedNanoseconds = raw.ctime_ns
    mode = raw.mode
    owner = raw.uid
    group = raw.gid
    links = raw.links
    allocatedBytes = raw.blocks.multipliedReportingOverflow(by: 512).partialValue
  }

  /// Whether this is the file that was looked at before, and nothing was written to it since. An inode number alone
  /// does not tell: it is used again once a file has gone, and some FUSE servers (bindfs over nested mounts) give one
  /// number to several files.
  public func isUnchanged(since earlier: FileStatus) -> Bool {
    hasContents(of: earlier) && hasChangeTime(of: earlier)
  }

  /// Nobody can set it, so two files have one only where they were changed within one tick.
  func hasChangeTime(of other: FileStatus) -> Bool {
    changedSeconds == other.changedSeconds && changedNanoseconds == other.changedNanoseconds
  }

  /// Of another file, which may be a copy.
  func looksLike(_ other: FileStatus) -> Bool {
    size == other.size && type == other.type && modifiedSeconds == other.modifiedSeconds
      && modifiedNanoseconds == other.modifiedNanoseconds
  }

  func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }

  /// Whether two names that were looked at one after the other lead to one file: everything that a second name shares
  /// is equal, and both say that there is a second name.
  public func isSecondName(of other: FileStatus) -> Bool {
    links >= 2 && other.links >= 2 && isUnchanged(since: other)
  }

  /// As `isUnchanged`, for a file that got or lost a name meanwhile, which sets its change time.
  public func hasContents(of earlier: FileStatus) -> Bool {
    isSameFile(as: earlier) && looksLike(earlier)
  }
}

/// The file system that a folder is on (statfs(2)).
public struct FileSystemStatus: Sendable {
  public let name: String
  public let bytes: UInt64
  /// Inodes in all; nil as with `freeInodes`.
  public let inodes: UInt64?
  /// Bytes that an unprivileged user may still write.
  public let freeBytes: UInt64
  /// Free inodes; nil where the file system makes them as it goes (btrfs).
  public let freeInodes: UInt64?
  public let isReadOnly: Bool
  /// Known to have RENAME_NOREPLACE (renameat2(2)); others may have it too.
  public let refusesToReplace: Bool
  /// Whether a power cut or a reboot takes what is there.
  public let isInMemory: Bool
  /// Whether inodes may have to be read from a disk.
  public let isOnDisk: Bool
  /// Whether a rename keeps the inode number. On overlayfs a file of the lower layer is copied up and gets
  /// another one; FUSE servers may number as they like.
  public let keepsInodes: Bool
  /// Whether syncfs(2) makes everything durable that was written to it.
  public let syncsAsAWhole: Bool
  /// Whether a name that was looked up and not found is remembered as such in a way that makes creating it
  /// cheaper: measured for ext4 only (docs/PERFORMANCE.md).
  public let keepsNegativeEntries: Bool

  /// Whether so much may be written, as far as it says. A tmpfs without a limit says that it has nothing (size=0), and so do FUSE
  /// servers that do not count.
  public func hasRoom(bytes: UInt64, files: UInt64) -> Bool {
    (self.bytes == 0 || bytes <= freeBytes) && files <= freeInodes ?? .max
  }

  init(_ raw: hc_file_system) {
    name = Self.names[raw.magic] ?? "file system 0x\(String(raw.magic, radix: 16))"
    bytes = raw.bytes
    inodes = raw.inodes == 0 ? nil : raw.inodes
    freeBytes = raw.free_bytes
    freeInodes = raw.inodes == 0 ? nil : raw.free_inodes
    isReadOnly = raw.read_only
    keepsNegativeEntries = raw.magic == Self.ext4
    refusesToReplace = [Self.tmpfs, Self.ext4, Self.xfs, Self.btrfs, Self.overlay].contains(raw.magic)
    syncsAsAWhole = [Self.tmpfs, Self.ext4, Self.xfs, Self.btrfs].contains(raw.magic)
    isInMemory = raw.magic == Self.tmpfs || raw.magic == Self.ramfs
    isOnDisk = !isInMemory
    keepsInodes = raw.magic != Self.overlay && raw.magic != Self.fuse
  }

  // linux/magic.h
  private static let overlay: UInt64 = 0x794c_7630
  private static let fuse: UInt64 = 0x6573_5546
  private static let tmpfs: UInt64 = 0x0102_1994
  private static let ramfs: UInt64 = 0x8584_58f6
  private static let xfs: UInt64 = 0x5846_5342
  private static let btrfs: UInt64 = 0x9123_683e
  private static let ext4: UInt64 = 0xef53
  private static let names: [UInt64: String] = [
    tmpfs: "tmpfs", ext4: "ext4", xfs: "xfs", btrfs: "btrfs",
    overlay: "overlay", fuse: "fuse", 0x6969: "nfs", 0x0102_1997: "9p", 0x2fc1_2fc1: "zfs",
    0xf2f5_2010: "f2fs",
  ]
}
