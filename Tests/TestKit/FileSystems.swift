import Glibc

/// A real file system of its own for a test: tmpfs, or ext4, xfs, btrfs on a loop device.
public final class MountedFileSystem: Sendable {
  public let path: String
  private let image: String?

  public static let canMount = getuid() == 0 && Shell.run(["losetup", "-f"]).status == 0

  public init(_ type: String, megabytes: Int = 320, mkfsOptions: [String] = [], mountOptions: String = "")
    throws
  {
    path = try Shell.must(["mktemp", "-d", "/tmp/hotcold-mount-XXXXXX"]).trimmed
    if type == "tmpfs" {
      image = nil
      let options = mountOptions.isEmpty ? "size=\(megabytes)m" : mountOptions
      try Shell.must(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path])
    } else {
      let image = try Shell.must(["mktemp", "/tmp/hotcold-image-XXXXXX"]).trimmed
      self.image = image
      try Shell.must(["truncate", "-s", "\(megabytes)M", image])
      let quiet = ["ext4": ["-q", "-F"], "xfs": ["-q", "-f"], "btrfs": ["-q", "-f"]][type] ?? []
      try Shell.must(["mkfs.\(type)"] + quiet + mkfsOptions + [image])
      let options = mountOptions.isEmpty ? "loop" : "loop,\(mountOptions)"
      try Shell.must(["mount", "-t", type, "-o", options, image, path])
    }
    chmod(path, 0o755)
  }

  deinit {
    Shell.run(["umount", "-l", path])
    Shell.run(["rmdir", path])
    if let image { Shell.run(["rm", "-f", image]) }
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
