internal import CLiburing
public import SystemPackage

/// What a layout may ask of the file system that is mounted on a folder: type and UUID.
extension Directory {
  /// Opens the file system that is mounted on the folder `path`, with links on the way followed as by `openGuarded`, the last
  /// component not at all.
  ///
  /// - Parameter path: absolute, with a name at its end.
  /// - Throws: as `openMount`; of what is on the way, as `openGuarded`. `ENODEV` also where the mount is one of the file system that
  ///   the folder is in, as systemd makes them for `ReadWritePaths=`, whether a disk is mounted there or not.
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

  /// Throws unless this file system has the type and the UUID, in upper or lower case. `EMEDIUMTYPE`: it has another type;
  /// `ENOMEDIUM`: another UUID; `ENODATA`: it does not tell, and no link in /dev/disk/by-uuid leads to its disk.
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

  /// By the file system's own word; nil where it says nothing.
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

  /// By the links that udev makes for the disks it has looked at. None where the file system has no device of its own, such as
  /// btrfs and every one in memory or on a network.
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

  /// Whether files can be renamed from this folder to the other: both are on one mount of one file system.
  public func isOnSameMount(as other: borrowing Directory) throws(KernelError) -> Bool {
    let result = hc_check_same_mount(descriptor, other.descriptor)
    if result < 0, Errno(shim: result) == .improperLink { return false }
    try KernelError.check(result, .stat, path)
    return true
  }

  /// The path of this folder without any link in it, as the kernel knows it (proc(5), /proc/self/fd).
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
