internal import CLiburing
public import SystemPackage

/// Checks of what a layout may require of the file system mounted on a folder: its type and UUID.
extension Directory {
  /// Opens the file system that is mounted on the folder `path`. Links on the way are followed as by `openGuarded`, but not a
  /// link in place of the last component.
  ///
  /// - Parameters:
  ///   - path: absolute, with a name at its end.
  ///   - type: the required type (`FileSystemStatus.name`); nil for any.
  ///   - uuid: the required UUID; nil for any.
  /// - Throws: as `openMount`; for the path to it, as `openGuarded`. `ENODEV` also if the mount is a bind mount of the file
  ///   system that contains the folder, such as systemd makes for `ReadWritePaths=`, whether a disk is mounted there or not.
  public static func openGuardedMount(
    _ path: FilePath, type: String?, uuid: String?
  ) throws(GuardedPathError) -> Directory {
    let parent = try openGuarded(path.removingLastComponent())
    do throws(KernelError) {
      let mount = try parent.openMount(path.lastComponent?.string ?? "", type: nil)
      if try mount.status().device == parent.status().device {
        throw KernelError(.mount, path, .operationNotSupportedByDevice)
      }
      try mount.check(type: type, uuid: uuid)
      return mount
    } catch { throw .failed(error) }
  }

  /// Checks type and UUID of this file system; nil means any, and the case of a UUID does not matter.
  ///
  /// - Throws: `EMEDIUMTYPE` if it has another type, `ENOMEDIUM` if it has another UUID, `ENODATA` if it does not tell its UUID
  ///   and no link in /dev/disk/by-uuid leads to its disk.
  func check(type: String?, uuid: String?) throws(KernelError) {
    if let type, try fileSystem().name != type { throw KernelError(.mount, path, .wrongMedium) }
    if let uuid { try checkUUID(uuid) }
  }

  private func checkUUID(_ wanted: String) throws(KernelError) {
    var known: [String] = []
    if let uuid = try ownUUID() { known = [uuid] } else { known = try linkedUUIDs() }
    guard !known.isEmpty else { throw KernelError(.mount, path, .noUUID) }
    guard known.contains(where: { $0.lowercased() == wanted.lowercased() }) else {
      throw KernelError(.mount, path, .otherMedium)
    }
  }

  /// The UUID that the file system itself reports; nil if it reports none.
  private func ownUUID() throws(KernelError) -> String? {
    var bytes = [UInt8](repeating: 0, count: 16)
    let result = unsafe hc_file_system_uuid(descriptor, &bytes)
    if result < 0, [.inappropriateIOCTLForDevice, .noUUID].contains(Errno(shim: result)) { return nil }
    try KernelError.check(result, .mount, path)
    let digits = bytes.map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0\(text)" : text
    }
    return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
  }

  /// The UUIDs from the links that udev makes for disks. None if the file system has no block device of its own, such as btrfs
  /// and every file system in memory or on a network.
  private func linkedUUIDs() throws(KernelError) -> [String] {
    guard let links = try? Directory.open("/dev/disk/by-uuid") else { return [] }
    let own = try status().device
    var uuids: [String] = []
    func add(_ entry: borrowing DirectoryEntry) {
      let name = entry.name
      var device: UInt64 = 0
      let result = unsafe withTerminated(name) { unsafe hc_block_device(links.descriptor, $0, &device) }
      guard result >= 0, device == own else { return }
      uuids.append(String(decoding: name.indices.map { name[$0] }, as: UTF8.self))
    }
    var stream = try DirectoryStream(of: links)
    while try stream.nextWindow({ entry throws(KernelError) in add(entry) }) {}
    return uuids
  }

  /// Whether files can be renamed from this folder to the other: both are on the same mount of the same file system.
  public func isOnSameMount(as other: borrowing Directory) throws(KernelError) -> Bool {
    let result = hc_check_same_mount(descriptor, other.descriptor)
    if result < 0, Errno(shim: result) == .improperLink { return false }
    try KernelError.check(result, .stat, path)
    return true
  }

  /// The path of this folder with all links resolved, from the kernel (proc(5), /proc/self/fd).
  public func resolvedPath() throws(KernelError) -> FilePath {
    let link = FilePath("/proc/self/fd/\(descriptor)")
    let opened = try KernelError.check(
      unsafe link.withPlatformString { unsafe hc_open_component(-1, $0) }, .open, link)
    defer { hc_close(opened) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = try KernelError.check(unsafe hc_read_link(opened, &bytes, bytes.count), .open, link)
    guard count < bytes.count else { throw KernelError(.open, path, .fileNameTooLong) }
    return FilePath(bytes: Array(bytes[..<Int(count)]))
  }
}
