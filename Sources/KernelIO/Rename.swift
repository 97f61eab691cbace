internal import CLiburing
public import SystemPackage

/// System calls on one name in an open folder, made on this thread.
public enum Name {
  /// Moves `name` from one folder to another, and refuses to replace (renameat2(2), RENAME_NOREPLACE).
  public static func rename(_ name: Span<UInt8>, from: Int32, to: Int32) -> Outcome {
    Outcome(shim: unsafe withTerminated(name) { unsafe Request.rename(from: from, to: to).execute($0) })
  }

  /// Moves `name` from one folder to another under a new name, which must be free.
  public static func rename(
    _ name: Span<UInt8>, from: Int32, to: Int32, as newName: Span<UInt8>
  ) -> Outcome {
    defer { Heartbeat.sign() }
    return Outcome(
      shim: unsafe withTerminated(name) { name in
        unsafe withTerminated(newName) { unsafe hc_rename_noreplace(from, name, to, $0) }
      })
  }

  /// Moves `name` by linkat(2) and unlinkat(2), for file systems without RENAME_NOREPLACE (EINVAL: NFS, 9p, FUSE
  /// without rename2) if the user accepts the risk: linking refuses to replace as well. If the file system has no hard
  /// links either, the outcome is EINVAL again: checking first and then renaming would replace a file that appears in
  /// between. EPERM and EMLINK concern only this file.
  ///
  /// In between, the file has both names. A new name that is taken by the same file was left by a killed run, and the
  /// move is completed.
  ///
  /// The risk: a file that another process renames over the old name after the last check is unlinked. The check
  /// narrows this window to the time between two system calls, and nothing can close it.
  public static func moveByLink(_ name: Span<UInt8>, from: Int32, to: Int32) -> Outcome {
    moveByLink(name, from: from, to: to, as: name)
  }

  /// The same, under a new name, which must be free.
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
      // Another file has the old name by now: ours has its new name, and the next pass visits the other one.
      guard now.inode == before.inode, now.device == before.device else { return .done }
      // It is being written to, or is not the same file after all: both names stay, and a later run checks again.
      guard now.hasContents(of: before) else { return .failed(.resourceBusy) }
      // Another run, through another mount, is moving the file back: the old name is the only one.
      guard try status(of: newName, in: to).isSecondName(of: now) else { return .failed(.resourceBusy) }
    } catch { return .failed(error) }
    let unlinked = unsafe withTerminated(name) { unsafe hc_unlink(from, $0) }
    switch unlinked == 0 ? nil : Errno(shim: unlinked) {
    case nil, .noSuchFileOrDirectory: return .done
    case let errno?:
      // Back to the old name alone, but only if it is known to exist: a server whose answer was lost may have removed it
      // (NFS), and then the new name is the only one.
      if linked == 0, isSameFile(name, from, newName, to) {
        _ = unsafe withTerminated(newName) { unsafe hc_unlink(to, $0) }
      }
      return .failed(errno)
    }
  }

  /// Removes one of hotcold's own files. False if that fails.
  public static func unlink(_ name: Span<UInt8>, in dirfd: Int32) -> Bool {
    unsafe withTerminated(name) { unsafe hc_unlink(dirfd, $0) } == 0
  }

  /// Links a file into another folder under the same name (linkat(2)).
  public static func link(_ name: Span<UInt8>, from: Int32, to: Int32) -> Outcome {
    Outcome(shim: unsafe withTerminated(name) { unsafe hc_link(from, $0, to, $0) })
  }

  /// Whether a name refers to the same file in two different folders. False if both are the same folder.
  public static func isSameFile(_ name: Span<UInt8>, _ left: Int32, _ right: Int32) -> Bool {
    isSameFile(name, left, name, right)
  }

  private static func isSameFile(
    _ name: Span<UInt8>, _ left: Int32, _ otherName: Span<UInt8>, _ right: Int32
  ) -> Bool {
    // The same entry looked at twice has the link count of a second name but is not one: it may be the last.
    guard !isSameEntry(name, left, otherName, right),
      let left = try? status(of: name, in: left), let right = try? status(of: otherName, in: right)
    else { return false }
    return left.isSecondName(of: right)
  }

  static func isEqual(_ name: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
    name.count == other.count && name.indices.allSatisfy { name[$0] == other[$0] }
  }

  /// True also if unknown.
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

  /// Whether a name is taken in the folder `dirfd`. True also if the lookup fails for any reason but ENOENT.
  public static func isTaken(_ name: Span<UInt8>, in dirfd: Int32) -> Bool {
    let result = look(name, in: dirfd)
    return result >= 0 || Errno(shim: result) != .noSuchFileOrDirectory
  }

  /// Whether a name is known to be taken in the folder `dirfd`. False if the lookup fails.
  public static func isThere(_ name: Span<UInt8>, in dirfd: Int32) -> Bool { look(name, in: dirfd) >= 0 }

  private static func look(_ name: Span<UInt8>, in dirfd: Int32) -> Int32 {
    var status = hc_stat()
    return unsafe withTerminated(name) { unsafe hc_statx_mtime(dirfd, $0, &status) }
  }
}
