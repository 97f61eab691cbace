internal import CLiburing
internal import SystemPackage

/// The end of a copy: either its source is removed, or the copy is.
extension CopyBatch {
  /// Removes the source of a copy that is durable under its name; or the copy, if the source is no longer what was copied.
  mutating func finish(_ index: Int) {
    guard copies[index].outcome == nil, let inode = copies[index].inode else {
      dropCopy(index)
      return
    }
    let copy = copies[index]
    var outcome = Outcome.moved(inode: inode, bytes: copy.before.size, lost: copy.lost)
    switch keepsSources ? .moved : removeSource(index) {
    case .moved where copy.wasThere && hasGone(index):
      // Gone together with the source: they were the same file after all (sshfs has no change times). This copy is the only one.
      let isPublished = publishName(of: index) == 0
      if let failure = isPublished ? sync() : .failed(.link, .noSuchFileOrDirectory) { outcome = failure }
    case .moved where copy.wasThere:
      if copy.isNamed { removeTemporary(copy.copy, of: newName(at: index), in: copy.to) }
      outcome = .finished
    case .moved: break
    case .stays(let kept):
      copies[index].outcome = kept
      return dropCopy(index)
    }
    copies[index].outcome = outcome
  }

  private func hasGone(_ index: Int) -> Bool {
    !Name.isTaken(newName(at: index), in: copies[index].to)
  }

  private enum Source {
    case moved
    case stays(Outcome)
  }

  private func removeSource(_ index: Int) -> Source {
    let copy = copies[index]
    // Granted only if nobody has the file open for writing; whoever opens it for writing now must wait. If the file system or
    // this user may not have a lease, times and size must suffice.
    let leased = hc_lease_read(copy.source)
    if leased < 0, Errno(shim: leased) == .resourceTemporarilyUnavailable { return .stays(.changed) }
    defer { if leased >= 0 { hc_lease_end(copy.source) } }
    let now: FileStatus
    do throws(Errno) { now = try Name.status(of: name(at: index), in: copy.from) } catch {
      guard error == .noSuchFileOrDirectory else { return .stays(.failed(.stat, error)) }
      // Another process removed it, and the copy is the only one; or renamed it.
      return (try? Self.status(of: copy.source).links) == 0 ? .moved : .stays(.vanished)
    }
    // The removal of another name of the same file, perhaps in this batch, sets its change time.
    let hasFewerNames = now.links < copy.before.links && now.hasContents(of: copy.before)
    guard hasFewerNames || now.isUnchanged(since: copy.before) else { return .stays(.changed) }
    return remove(name(at: index), in: copy.from) { $0.hasContents(of: copy.before) }
  }

  /// Removes a file if `isIt` is true for it. A file that is renamed over its name after the last check must not be removed
  /// instead, so the file is first renamed to a name that nobody else knows.
  private func remove(_ name: Span<UInt8>, in folder: Int32, if isIt: (FileStatus) -> Bool) -> Source {
    let aside = temporary.ofAside(name)
    switch Name.rename(name, from: folder, to: folder, as: aside.span) {
    case .done: break
    case .failed(.noSuchFileOrDirectory): return .moved
    // No RENAME_NOREPLACE, or that name is too long or taken: then a change between check and unlink goes unnoticed.
    case .failed(.invalidArgument), .failed(.fileNameTooLong), .failed(.fileExists):
      return unlink(name, in: folder)
    case .failed(let errno): return .stays(.failed(.rename, errno))
    case .notExecuted: return .stays(.notExecuted)
    }
    var kept = Outcome.changed
    if let status = try? Name.status(of: aside.span, in: folder), isIt(status) {
      switch unlink(aside.span, in: folder) {
      case .moved: return .moved
      case .stays(let outcome): kept = outcome
      }
    }
    // If its name has been taken meanwhile, it stays under the temporary one, and the next run deals with it.
    _ = Name.rename(aside.span, from: folder, to: folder, as: name)
    return .stays(kept)
  }

  private func unlink(_ name: Span<UInt8>, in folder: Int32) -> Source {
    let removed = unsafe withTerminated(name) { unsafe hc_unlink(folder, $0) }
    switch removed == 0 ? nil : Errno(shim: removed) {
    case nil, .noSuchFileOrDirectory: return .moved
    case let errno?: return .stays(.failed(.remove, errno))
    }
  }

  /// Removes the copy, if it is safe. A copy left by an earlier run stays: its source may have been rewritten since. So does one
  /// whose source is not known to exist: a server whose answer was lost may have removed it.
  func dropCopy(_ index: Int) {
    let copy = copies[index]
    if copy.isNamed { removeTemporary(copy.copy, of: newName(at: index), in: copy.to) }
    let isElsewhere = copy.outcome == .vanished
    guard copy.inode != nil, !copy.wasThere,
      isElsewhere || Name.isThere(name(at: index), in: copy.from),
      Self.isSame(newName(at: index), in: copy.to, as: copy.copy)
    else { return }
    _ = unlink(newName(at: index), in: copy.to)
  }
}
