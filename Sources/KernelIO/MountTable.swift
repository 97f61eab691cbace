internal import CLiburing
public import SystemPackage

/// The mounts of this process (mountinfo, proc(5)).
public enum MountTable {
  /// Whether it is the mount that is read-only, and not the file system: a read-only bind mount, as systemd makes them for
  /// `ProtectSystem=` and containers for their volumes. Judged by the first folder on the way up from `path` that is there.
  public static func isReadOnlyBind(_ path: FilePath) -> Bool {
    var folder = path
    while true {
      let descriptor = unsafe folder.withPlatformString { unsafe hc_open_path($0) }
      if descriptor >= 0 {
        defer { hc_close(descriptor) }
        return isReadOnlyBind(descriptor)
      }
      guard !folder.components.isEmpty else { return false }
      folder.removeLastComponent()
      if folder.isEmpty { folder = "." }
    }
  }

  private static func isReadOnlyBind(_ descriptor: Int32) -> Bool {
    let largest = 4 << 20
    guard
      let information = try? readFile(at: FilePath("/proc/self/fdinfo/\(descriptor)"), limit: largest),
      let mounts = try? readFile(at: "/proc/self/mountinfo", limit: largest),
      let line = information.split(separator: UInt8(ascii: "\n")).first(where: {
        $0.starts(with: "mnt_id:".utf8)
      })
    else { return false }
    let mount = line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).last ?? []
    return isReadOnlyBind(mount: Array(mount), in: mounts)
  }

  /// `36 35 98:0 / /mnt ro,noatime shared:1 - ext4 /dev/sda1 rw,errors=continue`: first the options of the mount, last
  /// those of the file system.
  static func isReadOnlyBind(mount: [UInt8], in table: [UInt8]) -> Bool {
    for line in table.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "))
      guard fields.count >= 10, Array(fields[0]) == mount else { continue }
      return has("ro", in: fields[5]) && has("rw", in: fields[fields.count - 1])
    }
    return false
  }

  private static func has(_ option: String, in options: ArraySlice<UInt8>) -> Bool {
    options.split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual(option.utf8) }
  }
}
