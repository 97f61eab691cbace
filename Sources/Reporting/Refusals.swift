internal import CaptureLayout
internal import KernelIO
internal import Migration
internal import SystemPackage

/// Why a capture was refused, or what stopped its run.
extension Explanation {
  static func of(_ error: MigrationError, in capture: FilePath, _ command: String) -> Explanation {
    let again = again(command)
    switch error {
    case .missing(let path):
      return Explanation(
        "\(text(path)): no such folder", "Check the path with: ls -la \(shellWord(path.bytes))")
    case .notAFolder(let path):
      return Explanation("\(text(path)): not a folder", "Name the capture folder itself.")
    case .isRootFolder(let path):
      return Explanation(
        "\(text(path)): this is the root of the file system, not a capture", "Name the capture folder itself."
      )
    case .isHome(let path):
      return Explanation(
        "\(text(path)): this is a home folder, not a capture", "Name the capture folder itself.")
    case .insideCapture(let path):
      return Explanation(
        "\(text(path)): this folder is part of a capture",
        "Name the capture: \(text(path.removingLastComponent()))")
    case .holdsNothingOfACapture(let path, let layout) where layout != Layout.guide.name:
      return Explanation(
        "\(text(path)): not a capture: it holds nothing that the layout '\(layout)' names",
        "Name the folder that the recorder writes to, or another layout; hotcold layout --check says what a layout would get."
      )
    case .holdsNothingOfACapture(let path, _):
      return Explanation(
        "\(text(path)): not a capture: it holds no output.m3u8, no segment_*.ts, and no folder captures with capture_* files",
        "Name the folder that ffmpeg writes to; for other file names, name their layout (--layout).")
    case .otherBuckets(let path, let layout):
      return Explanation(
        "\(text(path)): holds files that the layout '\(layout)' does not look for here: another layout was used",
        "Name that layout with --layout\(command == "archive" ? "" : ", or take the service's with --as-service"), or first move its files to this one: a migration with --from and the name of that layout. A copy of your own belongs outside the capture."
      )
    case .permissionDenied(let error, let owner): return denied(error, owner, in: capture, command)
    case .tierDenied(let error, let owner):
      return Explanation(
        describe(error, in: capture),
        "Give it to the owner of the capture, who must also be able to reach it (x on every folder on the way), \(again): sudo chown \(owner): \(shellWord(error.path.bytes)). For a tmpfs, the option uid=\(owner) in /etc/fstab does that at each mount."
      )
    case .untrustedLink(let path):
      return Explanation(
        "\(text(path)): a link on the way could have been put there by another user, and the service does not follow it",
        "Name the folder that it leads to, or let only root and the owner of that folder write to the folder that holds the link."
      )
    case .busy(let path):
      let what = path == capture ? "this capture" : "this cold root, for this capture or for another one"
      return Explanation(
        "\(place(path, in: capture)): another run of hotcold holds \(what)", "Wait for it to end, \(again).")
    case .mayReplace(let path, let fileSystem):
      return Explanation(
        "\(text(path)): \(fileSystem) cannot rename without the risk of replacing a file (RENAME_NOREPLACE)",
        "Run hotcold on the machine that has the disk; or add --link-fallback to move by link and unlink, with every other "
          + "writer stopped: a file that another process renames over an old name between the two calls is deleted."
      )
    case .mayNotLink(let path, let fileSystem):
      return Explanation(
        "\(text(path)): \(fileSystem) can neither rename without the risk of replacing a file (RENAME_NOREPLACE) nor link files",
        "Run hotcold on the machine that has the disk.")
    case .notMounted(let path, let type, let found):
      let isHere = found.map { " (\($0))" } ?? ""
      return Explanation(
        "\(place(path, in: capture)): no \(type ?? "file system of its own") is mounted here\(isHere), and the layout says that one must be",
        found == nil
          ? "Mount it, \(again): mkdir -p \(shellWord(path.bytes)); mount \(shellWord(path.bytes)), if /etc/fstab has it. Until then nothing is moved, so that the disk below does not fill up."
          : "Mount it, or correct the layout: it must name the mount point itself, and the type of the file system that belongs there; \(again). Until then nothing is moved."
      )
    case .tierReplaced(let path):
      return Explanation(
        "\(place(path, in: capture)): this is not the folder that was here when the run began: another file system was mounted, or the folder was moved",
        "See what is there now (findmnt, ls -la), put back what was there, \(again): every file is at its old or its new place."
      )
    case .otherDisk(let path, let uuid):
      return Explanation(
        "\(place(path, in: capture)): the file system that is mounted here does not have the UUID \(printable(uuid.utf8)) that the layout declares",
        "Mount the right one, \(again) (lsblk -f shows the UUID of each). Until then nothing is moved.")
    case .unknownDisk(let path, let uuid):
      return Explanation(
        "\(place(path, in: capture)): the UUID of the file system that is mounted here cannot be determined, and the layout declares \(printable(uuid.utf8))",
        "Leave uuid out of the layout, or use Linux 6.9 or later, or let udev create the links in /dev/disk/by-uuid."
      )
    case .noColdRoot(let path):
      return Explanation(
        "\(place(path, in: capture)): no such folder, but the layout has its cold root here",
        "Check the path, and mount its disk; if the folder is new, create it (mkdir), \(again). hotcold creates it only if the layout names the mount point as well (cold: mount)."
      )
    case .coldRootIsNoFolder(let path, let errno):
      let what =
        switch errno {
        case .tooManySymbolicLinkLevels: "a link"
        case .notDirectory: "a file"
        default: "another mount or a btrfs subvolume"
        }
      return Explanation(
        "\(place(path, in: capture)): the cold root must be a folder on the disk that is mounted at 'cold: mount', but \(what) is on the way or at the end",
        "In the layout, name the folder itself as root and the nearest mount point above it as mount; a btrfs subvolume has to be mounted on its own for that (mount -o subvol=NAME)."
      )
    case .foreignColdRoot(let path, let owner):
      return Explanation(
        "\(place(path, in: capture)): the cold root belongs to \(owner ?? "another user"), who could read and change what goes there",
        "Give it to the owner of the capture (chown), \(again).")
    case .coldRootInTheWay(let conflict):
      let relation =
        switch conflict.relation {
        case .same: "is the same folder as"
        case .inside: "is in"
        case .around: "holds"
        }
      let other =
        conflict.otherCapture.map { "\(text(conflict.other)), the cold root of \(text($0))" }
        ?? text(conflict.other)
      return Explanation(
        "\(place(conflict.root, in: capture)): the cold root of \(text(conflict.capture)) \(relation) \(other)",
        "Each capture needs a cold root of its own, outside every capture: root: /mnt/disk/{capture} in its layout."
      )
    case .nameIsNoText(let path):
      return Explanation(
        "\(text(path)): its name is not UTF-8, but the layout uses it in the path of the cold root",
        "Rename the folder, or use a layout for it that spells out the root.")
    case .noRoom(let path, let bytes, let files, let space):
      let free =
        "\(Format.bytes(space.freeBytes)) and "
        + (space.freeInodes.map { Format.count(Int(clamping: $0)) } ?? "unlimited") + " inodes"
      return Explanation(
        "\(place(path, in: capture)): no room: at least \(Format.bytes(bytes)) in \(Format.count(Int(clamping: files), "file")) would be copied here, and \(space.name) has \(free) free",
        "Make room (df -h, df -i), \(again). Nothing is moved until it fits.")
    case .stopped(let error, let space):
      return Explanation(
        describe(error, in: capture),
        knownRemedy(error, space, again)
          ?? (movesFiles(command) ? "Every file is at its old or its new place. " : "")
          + "Fix the cause, \(again).")
    }
  }

  static func denied(
    _ error: KernelError, _ owner: String?, in capture: FilePath, _ command: String
  ) -> Explanation {
    var remedy =
      isThisUser(owner)
      ? "The capture belongs to this user, but something in it does not: chown that, or run as root."
      : CurrentProcess.isInContainer
        ? remedyInContainer(error, owner, command)
        : "Run as the user who owns the files and may give folders their owner and group: \(asOwner(owner, command))"
    if error.errno == .notPermitted, error.operation == .access {
      remedy += " If it is immutable or append-only (lsattr -d), chattr -i -a clears that."
    }
    if command == "archive", !CurrentProcess.isInContainer {
      remedy +=
        " The service: User= in its unit (sudo systemctl edit hot_cold_archiver); ProtectHome= hides folders below /home."
    }
    return Explanation(describe(error, in: capture), remedy)
  }

  private static func remedyInContainer(_ error: KernelError, _ owner: String?, _ command: String) -> String {
    let isOfRoot = owner == Users.name(of: 0)
    if isOfRoot, error.operation == .changeOwner {
      let user = Users.name(of: CurrentProcess.effectiveUser)
      return "Run with the group of the files as well: \(asOwner(user, command))."
    }
    // For example a folder that a container runtime created for a mount: that is no reason to run as root.
    if isOfRoot { return "It belongs to root: give it to the user of this container (chown, on the host)." }
    return "Run as the user and group that own the files: \(asOwner(owner, command))."
  }
}
