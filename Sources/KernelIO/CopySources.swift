internal import CLiburing
internal import SystemPackage

/// The end of a copy: its source goes, or it does.
extension CopyBatch {
  /// Removes the source of a copy that is durable under its name; or the copy, where the source is not what was copied any more.
  mutating func finish(_ index: Int) {
    guard copies[index].outcome == nil, let inode = copies[index].inode else {
      dropCopy(index)
      return
    }
    let copy = copies[index]
    var outcome = Outcome.moved(inode: inode, bytes: copy.before.size, lost: copy.lost)
    switch keepsSources ? .moved : removeSource(index) {
    case .moved where copy.wasThere && hasGone(index):
      // With the source: they were one file all the same (sshfs tells no change times). This copy is the only one.
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
    // Granted only where nobody has the file open for writing; whoever opens it now waits. Where the file system or this user
    // may have none, times and size must do.
    let leased = hc_lease_read(copy.source)
    if leased < 0, Errno(shim: leased) == .resourceTemporarilyUnavailable { return .stays(.changed) }
    defer { if leased >= 0 { hc_lease_end(copy.source) } }
    let now: FileStatus
    do throws(Errno) { now = try Name.status(of: name(at: index), in: copy.from) } catch {
      guard error == .noSuchFileOrDirectory else { return .stays(.failed(.stat, error)) }
      // Another process has removed it, and the copy is the only one; or renamed it.
      return (try? Self.status(of: copy.source).links) == 0 ? .moved : .stays(.vanished)
    }
    // Another name of the same file that has gone, in this batch perhaps, sets its change time.
    let hasFewerNames = now.links < copy.before.links && now.hasContents(of: copy.before)
    guard hasFewerNames || now.isUnchanged(since: copy.before) else { return .stays(.changed) }
    return remove(name(at: index), in: copy.from) { $0.hasContents(of: copy.before) }
  }

  /// Removes a file that `isIt`. What is renamed over its name after the last look must not go with it, so the name is taken
  /// away first: nobody else knows the other one.
  private func remove(_ name: Span<UInt8>, in folder: Int32, if isIt: (FileStatus) -> Bool) -> Source {
    let aside = temporary.ofAside(name)
    switch Name.rename(name, from: folder, to: folder, as: aside.span) {
    case .done: break
    case .failed(.noSuchFileOrDirectory): return .moved
    // No RENAME_NOREPLACE, or that name is too long or taken: what comes in between two calls is not seen.
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
    // Where its name is taken by now, it stays under the other one, and the next run deals with that.
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

  /// A copy that an earlier run has left stays: its source may have been written anew since. So does one whose source is not
  /// seen to be there, for a server whose answer was lost has removed it.
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
