import Glibc

/// A real file system for one test: tmpfs, or ext4, xfs or btrfs on a loop device.
public final class MountedFileSystem: Sendable {
  public let path: String
  private let type: String
  private let image: String?
  private let mountOptions: String
  private let ownsImage: Bool

  /// The path of the disk image; nil for tmpfs.
  public var imagePath: String? { image }

  public static let canMount = getuid() == 0 && Shell.run(["losetup", "-f"]).status == 0

  /// Creates and mounts a file system, on a loop device over a new image, or over `image`.
  public init(
    _ type: String, megabytes: Int = 320, mkfsOptions: [String] = [], mountOptions: String = "",
    image givenImage: String? = nil
  ) throws {
    self.type = type
    self.mountOptions = mountOptions
    ownsImage = givenImage == nil
    path = try Shell.must(["mktemp", "-d", "/tmp/hotcold-mount-XXXXXX"]).trimmed
    if type == "tmpfs" {
      image = nil
      let options = mountOptions.isEmpty ? "size=\(megabytes)m" : mountOptions
      try Shell.must(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path])
    } else {
      let image = try givenImage ?? Shell.must(["mktemp", "/tmp/hotcold-image-XXXXXX"]).trimmed
      self.image = image
      try Shell.must(["truncate", "-s", "\(megabytes)M", image])
      let quiet = ["ext4": ["-q", "-F"], "xfs": ["-q", "-f"], "btrfs": ["-q", "-f"]][type] ?? []
      try Shell.must(["mkfs.\(type)"] + quiet + mkfsOptions + [image])
      let options = mountOptions.isEmpty ? "loop" : "loop,\(mountOptions)"
      try Shell.must(["mount", "-t", type, "-o", options, image, path])
    }
    chmod(path, 0o755)
  }

  /// Mounts an image that already contains a file system.
  public init(existing image: String, type: String) throws {
    self.type = type
    self.image = image
    mountOptions = ""
    ownsImage = false
    path = try Shell.must(["mktemp", "-d", "/tmp/hotcold-mount-XXXXXX"]).trimmed
    try Shell.must(["mount", "-t", type, "-o", "loop", image, path])
  }

  /// Cuts the file system off from its disk, like a power cut: what is not on the disk now is lost.
  ///
  /// - Parameter afterLog: just after its log was written, when a file can have its new name but no content.
  public func cutOff(afterLog: Bool = false) throws {
    try Shell.must(["xfs_io", "-x", "-c", afterLog ? "shutdown -f" : "shutdown", path])
  }

  /// Unmounts and remounts, which replays the log.
  public func mountAgain() throws {
    try Shell.must(["umount", path])
    let options = mountOptions.isEmpty ? "loop" : "loop,\(mountOptions)"
    try Shell.must(["mount", "-t", type, "-o", options, image!, path])
  }

  /// Whether fsck finds no errors. Unmounts it for good.
  public func isConsistent() throws -> Bool {
    try Shell.must(["umount", path])
    let check = type == "xfs" ? ["xfs_repair", "-n", image!] : ["e2fsck", "-f", "-n", image!]
    return Shell.run(check).status == 0
  }

  deinit {
    Shell.run(["umount", "-l", path])
    Shell.run(["rmdir", path])
    if ownsImage, let image { Shell.run(["rm", "-f", image]) }
  }

  public func remount(_ options: String) throws {
    try Shell.must(["mount", "-o", "remount,\(options)", path])
  }
}

extension String {
  public var trimmed: String {
    var text = Substring(self)
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
