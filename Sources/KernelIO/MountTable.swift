internal import CLiburing
public import SystemPackage

/// The mounts of this process (mountinfo, proc(5)).
public enum MountTable {
  /// Whether the mount is read-only but not the file system: a read-only bind mount, such as systemd makes for
  /// `ProtectSystem=` and containers for their volumes. Checks the nearest existing folder at or above `path`.
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

  /// The options of the mount and of the file system that a folder is on: "rw,noatime rw,data=journal". Nil if /proc does not
  /// tell.
  public static func options(of directory: borrowing Directory) -> String? {
    guard let (mount, table) = mount(of: directory.descriptor), let fields = fields(of: mount, in: table)
    else {
      return nil
    }
    return [fields[5], fields[fields.count - 1]].map { String(decoding: $0, as: UTF8.self) }.joined(
      separator: " ")
  }

  private static func isReadOnlyBind(_ descriptor: Int32) -> Bool {
    mount(of: descriptor).map { isReadOnlyBind(mount: $0.number, in: $0.table) } ?? false
  }

  private static func mount(of descriptor: Int32) -> (number: [UInt8], table: [UInt8])? {
    let largest = 4 << 20
    guard
      let information = try? readFile(at: FilePath("/proc/self/fdinfo/\(descriptor)"), limit: largest),
      let mounts = try? readFile(at: "/proc/self/mountinfo", limit: largest),
      let line = information.split(separator: UInt8(ascii: "\n")).first(where: {
        $0.starts(with: "mnt_id:".utf8)
      })
    else { return nil }
    return (Array(line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).last ?? []), mounts)
  }

  /// Reads lines such as `36 35 98:0 / /mnt ro,noatime shared:1 - ext4 /dev/sda1 rw,errors=continue`: the sixth field has the
  /// options of the mount, the last one those of the file system.
  static func isReadOnlyBind(mount: [UInt8], in table: [UInt8]) -> Bool {
    fields(of: mount, in: table).map { has("ro", in: $0[5]) && has("rw", in: $0[$0.count - 1]) } ?? false
  }

  private static func fields(of mount: [UInt8], in table: [UInt8]) -> [ArraySlice<UInt8>]? {
    for line in table.split(separator: UInt8(ascii: "\n")) {
      let fields = line.split(separator: UInt8(ascii: " "))
      if fields.count >= 10, Array(fields[0]) == mount { return fields }
    }
    return nil
  }

  private static func has(_ option: String, in options: ArraySlice<UInt8>) -> Bool {
    options.split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual(option.utf8) }
  }
}
