internal import CLiburing
public import SystemPackage

/// Calls on one name below an open folder, made on this thread.
public enum Name {
  /// Moves `name` from one folder to another and refuses to replace (renameat2(2), RENAME_NOREPLACE).
  public static func rename(_ name: Span<UInt8>, from: Int32, to: Int32) -> Outcome {
    Outcome(shim: unsafe withTerminated(name) { unsafe Request.rename(from: from, to: to).execute($0) })
  }

  /// Moves `name` from one folder to another and gives it another name, which must be free.
  public static func rename(
    _ name: Span<UInt8>, from: Int32, to: Int32, as newName: Span<UInt8>
  ) -> Outcome {
    defer { Heartbeat.sign() }
    return Outcome(
      shim: unsafe withTerminated(name) { name in
        unsafe withTerminated(newName) { unsafe hc_rename_noreplace(from, name, to, $0) }
      })
  }

  /// Moves `name` by linkat(2) and unlinkat(2), where the file system has no RENAME_NOREPLACE (EINVAL: NFS, 9p,
  /// FUSE without rename2) and the user accepts the risk: linking refuses to replace as well. Where the file system has
  /// no links either, the outcome is EINVAL again: checking first and renaming then would replace a file that comes in
  /// between. EPERM and EMLINK are answers about this file alone.
  ///
  /// In between the file has both names. A name that is taken by the very same file is what a killed run leaves, so
  /// the move is finished.
  ///
  /// The risk: a file that another process renames over the old name after the last look at it is unlinked. The look
  /// narrows that to the time between two system calls, and nothing can close it.
  public static func moveByLink(_ name: Span<UInt8>, from: Int32, to: Int32) -> Outcome {
    moveByLink(name, from: from, to: to, as: name)
  }

  /// The same, and gives the file another name, which must be free.
  public static func moveByLink(
    _ name: Span<UInt8>, from: Int32, to: Int32, as newName: Span<UInt8>
  ) -> Outcome {
    let before: FileStatus
    do throws(Errno) { before = try status(of: name, in: from) } catch { return .failed(error) }
    let linked = unsafe withTerminated(name) { name in
      unsafe withTerminated(newName) { unsafe hc_link(from, name, to, $0) }
    }
    switch linked == 0 ? nil : Errno(shim: linked) {
    case nil: break
    case .fileExists: guard isSameFile(name, from, newName, to) else { return .failed(.fileExists) }
    case .notPermitted:
      let isOfFile = unsafe withTerminated(name) { unsafe hc_may_not_be_linked(from, $0) }
      return .failed(isOfFile ? .notPermitted : .invalidArgument)
    case .notSupportedOnSocket, .noFunction: return .failed(.invalidArgument)
    case let errno?: return .failed(errno)
    }
    do throws(Errno) {
      guard let now = try statusIfThere(name, in: from) else { return .done }
      // Another file has the old name by now: what was there is at its new one, and this one is visited by the next pass.
      guard now.inode == before.inode, now.device == before.device else { return .done }
      // Written to at this moment, or not the same file after all: both names stay, and a later run looks again.
      guard now.hasContents(of: before) else { return .failed(.resourceBusy) }
      // Another run, through another mount, takes the file back at this moment: the old name is the only one.
      guard try status(of: newName, in: to).isSecondName(of: now) else { return .failed(.resourceBusy) }
    } catch { return .failed(error) }
    let unlinked = unsafe withTerminated(name) { unsafe hc_unlink(from, $0) }
    switch unlinked == 0 ? nil : Errno(shim: unlinked) {
    case nil, .noSuchFileOrDirectory: return .done
    case let errno?:
      // Back to one name, the old one; but only if it is seen to be there: a server whose answer was lost has removed it
      // (NFS), and then the new name is the only one.
      if linked == 0, isSameFile(name, from, newName, to) {
        _ = unsafe withTerminated(newName) { unsafe hc_unlink(to, $0) }
      }
      return .failed(errno)
    }
  }

  /// Removes a file of hotcold's own. False where that is not possible.
  public static func unlink(_ name: Span<UInt8>, in dirfd: Int32) -> Bool {
    unsafe withTerminated(name) { unsafe hc_unlink(dirfd, $0) } == 0
  }

  /// Gives a file a second name, the same in another folder (linkat(2)).
  public static func link(_ name: Span<UInt8>, from: Int32, to: Int32) -> Outcome {
    Outcome(shim: unsafe withTerminated(name) { unsafe hc_link(from, $0, to, $0) })
  }

  /// Whether a name means the same file in both folders, which are not one and the same.
  public static func isSameFile(_ name: Span<UInt8>, _ left: Int32, _ right: Int32) -> Bool {
    isSameFile(name, left, name, right)
  }

  private static func isSameFile(
    _ name: Span<UInt8>, _ left: Int32, _ otherName: Span<UInt8>, _ right: Int32
  ) -> Bool {
    // One entry that is looked at twice has all the links of a second name, and is none: it may be the last.
    guard !isSameEntry(name, left, otherName, right),
      let left = try? status(of: name, in: left), let right = try? status(of: otherName, in: right)
    else { return false }
    return left.isSecondName(of: right)
  }

  static func isEqual(_ name: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
    name.count == other.count && name.indices.allSatisfy { name[$0] == other[$0] }
  }

  /// True also where that cannot be told.
  private static func isSameEntry(
    _ name: Span<UInt8>, _ left: Int32, _ otherName: Span<UInt8>, _ right: Int32
  ) -> Bool {
    guard isEqual(name, otherName) else { return false }
    let folder = [UInt8]()
    guard let left = try? status(of: folder.span, in: left),
      let right = try? status(of: folder.span, in: right)
    else { return true }
    return left.isSameFile(as: right)
  }

  private static func statusIfThere(_ name: Span<UInt8>, in dirfd: Int32) throws(Errno) -> FileStatus? {
    do throws(Errno) { return try status(of: name, in: dirfd) } catch {
      guard error == .noSuchFileOrDirectory else { throw error }
      return nil
    }
  }

  /// The status of an entry; links are not followed.
  public static func status(of name: Span<UInt8>, in dirfd: Int32) throws(Errno) -> FileStatus {
    var raw = hc_stat()
    let result = unsafe withTerminated(name) { unsafe hc_statx_uncached(dirfd, $0, &raw) }
    guard result >= 0 else { throw Errno(shim: result) }
    return FileStatus(raw)
  }

  /// Whether a name is taken in the folder `dirfd`, or for any other reason may not be looked up there.
  public static func isTaken(_ name: Span<UInt8>, in dirfd: Int32) -> Bool {
    let result = look(name, in: dirfd)
    return result >= 0 || Errno(shim: result) != .noSuchFileOrDirectory
  }

  /// Whether a name is known to be taken in the folder `dirfd`: not where it may not be looked up.
  public static func isThere(_ name: Span<UInt8>, in dirfd: Int32) -> Bool { look(name, in: dirfd) >= 0 }

  private static func look(_ name: Span<UInt8>, in dirfd: Int32) -> Int32 {
    var status = hc_stat()
    return unsafe withTerminated(name) { unsafe hc_statx_mtime(dirfd, $0, &status) }
  }
}
