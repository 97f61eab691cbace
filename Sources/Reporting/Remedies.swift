package import KernelIO
internal import Migration
package import SystemPackage

/// System calls that failed, and what to do about them.
extension Explanation {
  package static func describe(_ error: KernelError) -> String {
    (error.path.isEmpty ? "" : "\(text(error.path)): ") + "\(error.errno) (\(error.operation.rawValue))"
  }

  /// Most paths are at or below the capture; a ring has none at all.
  static func describe(_ error: KernelError, in capture: FilePath) -> String {
    origin(of: error.path, in: capture) + describe(error)
  }

  /// A folder, after the capture that it is of where that is elsewhere.
  static func place(_ path: FilePath, in capture: FilePath) -> String {
    origin(of: path, in: capture) + text(path)
  }

  private static func origin(of path: FilePath, in capture: FilePath) -> String {
    path.starts(with: capture) ? "" : "\(text(capture)): "
  }

  package static func text(_ path: FilePath) -> String {
    printable(path.bytes)
  }

  /// Nil where nothing is known of the errno but its name.
  package static func knownRemedy(_ error: KernelError, command: String? = nil) -> String? {
    knownRemedy(error, nil, again(command))
  }

  static func knownRemedy(
    _ error: KernelError, _ space: FileSystemSpace?, _ again: String
  ) -> String? {
    switch error.errno {
    case .noSpace:
      let free = space.map {
        "\($0.name) has \(Format.bytes($0.freeBytes)) and "
          + "\($0.freeInodes.map { Format.count(Int(clamping: $0)) } ?? "unlimited") inodes free. "
      }
      return (free ?? "") + "Make room (df -h, df -i), \(again): it goes on where it stopped."
    case .diskQuotaExceeded:
      return "The owner's quota is used up. Raise it (quota, repquota), \(again)."
    case .readOnlyFileSystem:
      return readOnlyRemedy(error.path, again)
    case .ioError, Errno(rawValue: 117):
      return "The file system or its disk has failed. Check dmesg and the disk before anything else; every "
        + "file is at its old or its new place."
    case .tooManyOpenFiles:
      return "Raise the limit of open files (ulimit -n 256), \(again)."
    case .fileTooLarge where error.operation == .write:
      return "Raise the file size limit of this process (ulimit -f unlimited; LimitFSIZE= in a unit)."
    default:
      return nil
    }
  }

  /// The sandbox of a unit, or of a container, is no fault of the disk.
  private static func readOnlyRemedy(_ path: FilePath, _ again: String) -> String {
    guard MountTable.isReadOnlyBind(path) else {
      return "The file system is mounted read-only. Check dmesg, remount it read-write, \(again)."
    }
    if CurrentProcess.isInContainer {
      return
        "The mount is read-only, the file system is not: mount the volume with the captures read-write (no :ro, no readOnly: true)."
    }
    return
      "The mount is read-only, the file system is not; ProtectSystem= in a unit does this. Add the folder to "
      + "ReadWritePaths= (one common parent of all captures): sudo systemctl edit hot_cold_archiver. If it is there already, "
      + "and was made after the service was started: sudo systemctl restart hot_cold_archiver. In a container, mount the "
      + "volume read-write."
  }

  static func ofNoKind(_ bucket: FilePath, _ layout: String) -> Explanation {
    Explanation(
      "\(text(bucket)): the files here are of no kind of the layout '\(layout)', and are left out of everything, their numbers too",
      "If they are the recorder's, name the layout with their names (--layout); hotcold layout --check says what one would get."
    )
  }

  /// How to run as the owner of the files. In a container there is no sudo, and users are numbers.
  static func asOwner(_ owner: String?, _ command: String) -> String {
    guard CurrentProcess.isInContainer else { return "sudo -u \(owner ?? "OWNER") hotcold \(command) …" }
    let user = owner.map { $0.hasPrefix("#") ? String($0.dropFirst()) : $0 } ?? "UID"
    return "--user \(user):GID of podman and docker, user: in compose, runAsUser and runAsGroup in Kubernetes"
  }

  /// What brings the rest about once its cause is gone: the service goes on by itself.
  static func again(_ command: String?) -> String {
    command == "archive" ? "then wait for the next round" : "then run again"
  }
}
