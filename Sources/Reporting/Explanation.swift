internal import CaptureLayout
package import KernelIO
package import Migration
package import SystemPackage

/// What went wrong in the user's words, and what to do about it.
package enum Explanation {
  package static func of(_ error: MigrationError, command: String) -> String {
    switch error {
    case .missing(let path):
      "\(text(path)): no such folder. Check the path with: ls -la \(text(path))"
    case .notAFolder(let path):
      "\(text(path)): not a folder. Give the capture folder itself."
    case .isRootFolder(let path):
      "\(text(path)): this is the root of the file system, not a capture. Give the capture folder itself."
    case .isHome(let path):
      "\(text(path)): this is a home folder, not a capture. Give the capture folder itself."
    case .insideCapture(let path):
      "\(text(path)): this folder has hour folders, so it is a part of a capture. Give the capture: "
        + text(path.removingLastComponent())
    case .holdsNothingOfACapture(let path):
      "\(text(path)): not a capture. It holds no output.m3u8, no segment_*.ts, and no capture_* file in "
        + "captures/. Give the folder that ffmpeg writes to."
    case .permissionDenied(let error, let owner):
      "\(describe(error)). Run as the user who owns the files and may give folders their owner and group: "
        + "sudo -u \(owner ?? "OWNER") hotcold \(command) …"
    case .untrustedLink(let path):
      "\(text(path)): a link on the way could have been put there by another user, and the service does not follow it. Name "
        + "the folder that it leads to, or let only root and the owner of that folder write to the folder of the link."
    case .busy(let path):
      "\(text(path)): another run of hotcold holds this capture. Wait for it to end, then run again."
    case .mayReplace(let path, let fileSystem):
      "\(text(path)): \(fileSystem) cannot rename without the risk of replacing a file (RENAME_NOREPLACE). Run hotcold on "
        + "the machine that has the disk; or add --link-fallback to move by link and unlink, with every other writer "
        + "stopped: a file that another process renames over an old name between the two calls is deleted."
    case .mayNotLink(let path, let fileSystem):
      "\(text(path)): \(fileSystem) can neither rename without the risk of replacing a file (RENAME_NOREPLACE) nor link "
        + "files. Run hotcold on the machine that has the disk."
    case .stopped(let error, let space):
      "\(describe(error)). \(remedy(error, space))"
    }
  }

  package static func of(_ refusal: FolderRefusal) -> String {
    let what =
      switch refusal.reason {
      case .isLink: "is a link"
      case .isFile: "is not a folder"
      case .isMount: "is another mount or subvolume"
      case .denied(let error): "cannot be used (\(error.errno))"
      }
    return "\(refusal.folder): \(what); refused, and the files that belong there stay where they are. "
      + "Put an ordinary folder in its place (or nothing: it will be made), then run again."
  }

  package static func of(_ problem: Problem) -> String {
    let from = printable(problem.from)
    switch problem.reason {
    case .nameTaken: return "\(from): the name is taken in \(problem.to); both files stay"
    case .refused: return "\(from): \(problem.to) was refused"
    case .errno(let errno): return "\(from): cannot be moved to \(problem.to): \(errno)"
    }
  }

  package static func of(_ refusal: RetentionReport.Refusal) -> String {
    switch refusal {
    case .clockStepped(let seconds):
      "the clock was set by \(seconds) s. Check date and timedatectl; restart the service when the clock is right."
    case .clockDisturbed:
      "the clock was set during this round, and is right again. The next round goes on."
    case .everythingWouldGo(let kind):
      "all cold \(kind.name) have expired. If that is right: hotcold archive --once --force-retention …"
    case .tooMany(let expired, let max):
      "\(Format.count(expired)) files have expired, more than --max-delete \(max). If that is right, raise it, or: "
        + "hotcold archive --once --force-retention …"
    }
  }

  package static func ofDeletion(_ problem: Problem) -> String {
    guard case .errno(let errno) = problem.reason else { return printable(problem.from) }
    return "\(printable(problem.from)): cannot be deleted: \(errno)"
  }

  package static func of(_ failure: SampleCapture.Failure) -> String {
    switch failure {
    case .notEmpty(let path):
      "\(text(path)): not empty. Give a folder that does not exist yet, or an empty one."
    case .kernel(let error): "\(describe(error)). \(remedy(error, nil))"
    case .interrupted: "interrupted; the sample is not complete."
    }
  }

  package static func describe(_ error: KernelError) -> String {
    "\(text(error.path)): \(error.errno) (\(error.operation.rawValue))"
  }

  package static func text(_ path: FilePath) -> String {
    printable(path.bytes)
  }

  private static func remedy(_ error: KernelError, _ space: FileSystemSpace?) -> String {
    knownRemedy(error, space) ?? "Every file is at its old or its new place. Mend the cause, then run again."
  }

  /// Nil where nothing is known of the errno but its name.
  package static func knownRemedy(_ error: KernelError, _ space: FileSystemSpace? = nil) -> String? {
    switch error.errno {
    case .noSpace:
      let free = space.map {
        "\($0.name) has \(Format.bytes($0.freeBytes)) and "
          + "\($0.freeInodes.map { Format.count(Int(clamping: $0)) } ?? "unlimited") inodes free. "
      }
      return (free ?? "") + "Make room (df -h, df -i), then run again: it goes on where it stopped."
    case .diskQuotaExceeded:
      return "The owner's quota is used up. Raise it (quota, repquota), then run again."
    case .readOnlyFileSystem:
      return readOnlyRemedy(error.path)
    case .ioError, Errno(rawValue: 117):
      return "The file system or its disk has failed. Check dmesg and the disk before anything else; every "
        + "file is at its old or its new place."
    case .tooManyOpenFiles:
      return "Raise the limit of open files (ulimit -n 256), then run again."
    case .fileTooLarge where error.operation == .write:
      return "Raise the file size limit of this process (ulimit -f unlimited; LimitFSIZE= in a unit)."
    default:
      return nil
    }
  }
}
