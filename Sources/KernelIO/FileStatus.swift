internal import CLiburing

/// The status of a file or folder (statx(2)).
public struct FileStatus: Equatable, Sendable {
  public var type: EntryType
  public var inode: UInt64
  public var device: UInt64
  /// In bytes.
  public var size: UInt64
  /// Seconds since the epoch, negative before 1970.
  public var modifiedSeconds: Int64
  public var modifiedNanoseconds: UInt32
  /// When the inode last changed: its names, content, times or attributes. Nobody can set it. Zero if only type and modification
  /// time were asked for.
  public var changedSeconds: Int64
  public var changedNanoseconds: UInt32
  /// Permission, setuid, setgid and sticky bits.
  public var mode: UInt32
  public var owner: UInt32
  public var group: UInt32
  /// The number of names that the file has.
  public var links: UInt32
  /// The bytes that it occupies on the disk; less than its size if it has holes.
  public var allocatedBytes: UInt64

  /// A placeholder where nothing was looked at.
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

  /// Whether this is the file that was looked at before, and it has not been written to since. An inode number alone
  /// does not tell: it is reused once a file is gone, and some FUSE servers (bindfs over nested mounts) give several
  /// files the same number.
  public func isUnchanged(since earlier: FileStatus) -> Bool {
    hasContents(of: earlier) && hasChangeTime(of: earlier)
  }

  /// Whether the change times are equal. Nobody can set them, so those of two files are equal only if both were changed within
  /// the same tick.
  func hasChangeTime(of other: FileStatus) -> Bool {
    changedSeconds == other.changedSeconds && changedNanoseconds == other.changedNanoseconds
  }

  /// Whether size, type and modification time equal those of another file, which may be a copy.
  func looksLike(_ other: FileStatus) -> Bool {
    size == other.size && type == other.type && modifiedSeconds == other.modifiedSeconds
      && modifiedNanoseconds == other.modifiedNanoseconds
  }

  func isSameFile(as other: FileStatus) -> Bool { device == other.device && inode == other.inode }

  /// Whether two names that were looked at one after the other are names of the same file: everything that such names share
  /// is equal, and both have a link count of two or more.
  public func isSecondName(of other: FileStatus) -> Bool {
    links >= 2 && other.links >= 2 && isUnchanged(since: other)
  }

  /// As `isUnchanged`, but for a file that may have gained or lost a name meanwhile, which sets its change time.
  public func hasContents(of earlier: FileStatus) -> Bool {
    isSameFile(as: earlier) && looksLike(earlier)
  }
}

/// The file system that a folder is on (statfs(2)).
public struct FileSystemStatus: Sendable {
  public let name: String
  public let bytes: UInt64
  /// The total number of inodes; nil if the file system creates them as needed (btrfs).
  public let inodes: UInt64?
  /// Bytes that an unprivileged user may still write.
  public let freeBytes: UInt64
  /// The number of free inodes; nil if the file system creates them as needed (btrfs).
  public let freeInodes: UInt64?
  public let isReadOnly: Bool
  /// Whether it is known to support RENAME_NOREPLACE (renameat2(2)); others may support it too.
  public let refusesToReplace: Bool
  /// Whether its contents are lost at a power cut or reboot.
  public let isInMemory: Bool
  /// Whether inodes may have to be read from a disk.
  public let isOnDisk: Bool
  /// Whether a rename keeps the inode number. On overlayfs a file of the lower layer is copied up and gets
  /// another one; FUSE servers may number files as they like.
  public let keepsInodes: Bool
  /// Whether syncfs(2) makes everything durable that was written before.
  public let syncsAsAWhole: Bool
  /// Whether a negative directory entry, left by looking up a name that does not exist, makes creating that name
  /// cheaper: measured for ext4 only (docs/PERFORMANCE.md).
  public let keepsNegativeEntries: Bool

  /// Whether there is room, as far as the file system reports it. A tmpfs without a limit (size=0) reports a total of 0 bytes,
  /// and so do FUSE servers that do not count; they have room.
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
