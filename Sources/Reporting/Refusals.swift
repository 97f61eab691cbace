internal import CaptureLayout
internal import KernelIO
internal import Migration
internal import SystemPackage

/// Why a capture was refused, or what stopped a run.
extension Explanation {
  static func of(_ error: MigrationError, in capture: FilePath, _ command: String) -> Explanation {
    let again = again(command)
    switch error {
    case .missing(let path):
      return Explanation("\(text(path)): no such folder", "Check the path with: ls -la \(text(path))")
    case .notAFolder(let path):
      return Explanation("\(text(path)): not a folder", "Give the capture folder itself.")
    case .isRootFolder(let path):
      return Explanation(
        "\(text(path)): this is the root of the file system, not a capture", "Give the capture folder itself."
      )
    case .isHome(let path):
      return Explanation(
        "\(text(path)): this is a home folder, not a capture", "Give the capture folder itself.")
    case .insideCapture(let path):
      return Explanation(
        "\(text(path)): this folder is a part of a capture",
        "Give the capture: \(text(path.removingLastComponent()))")
    case .holdsNothingOfACapture(let path, let layout) where layout != Layout.guide.name:
      return Explanation(
        "\(text(path)): not a capture: it holds nothing that the layout '\(layout)' names",
        "Give the folder that the recorder writes to, or another layout; hotcold layout --check says what a layout would get."
      )
    case .holdsNothingOfACapture(let path, _):
      return Explanation(
        "\(text(path)): not a capture: it holds no output.m3u8, no segment_*.ts, and no folder captures with capture_* files",
        "Give the folder that ffmpeg writes to; for other file names, the layout that they have (--layout).")
    case .otherBuckets(let path, let layout):
      return Explanation(
        "\(text(path)): holds files that the layout '\(layout)' does not look for here: another layout was used here",
        "Name that one with --layout, or move its files to this one first: a migration with --from and the name of that one. A copy of your own belongs outside the capture."
      )
    case .permissionDenied(let error, let owner): return denied(error, owner, in: capture, command)
    case .untrustedLink(let path):
      return Explanation(
        "\(text(path)): a link on the way could have been put there by another user, and the service does not follow it",
        "Name the folder that it leads to, or let only root and the owner of that folder write to the folder of the link."
      )
    case .busy(let path):
      return Explanation(
        "\(text(path)): another run of hotcold holds this capture", "Wait for it to end, \(again).")
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
    case .notMounted(let path, let type):
      return Explanation(
        "\(text(path)): no \(type ?? "file system of its own") is mounted here, and the layout says that one must be",
        "Mount it, \(again): mkdir -p \(text(path)); mount \(text(path)), where /etc/fstab has it. Until then nothing is moved, so that the disk below does not fill."
      )
    case .stopped(let error, let space):
      return Explanation(
        describe(error, in: capture),
        knownRemedy(error, space, again)
          ?? "Every file is at its old or its new place. Fix the cause, \(again).")
    }
  }

  private static func denied(
    _ error: KernelError, _ owner: String?, in capture: FilePath, _ command: String
  ) -> Explanation {
    var remedy =
      "Run as the user who owns the files and may give folders their owner and group: \(sudo(owner, command))"
    if error.errno == .notPermitted, error.operation == .access {
      remedy += " If it is immutable or append-only (lsattr -d), chattr -i -a lifts that."
    }
    if command == "archive" {
      remedy +=
        " The service: User= in its unit (sudo systemctl edit hot_cold_archiver); ProtectHome= hides folders below /home."
    }
    return Explanation(describe(error, in: capture), remedy)
  }
}
