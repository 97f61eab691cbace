internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Moves the live playlist and the init segments that it names: few files, so by plain system calls.
extension MovePlan {
  private var playlist: [UInt8] { Array((tree.layout.stream?.playlist ?? "").utf8) }

  /// Moves the live playlist, after its segments.
  mutating func moveLivePlaylist(from: Place, to: Place) -> PlaylistOutcome {
    let outcome = moveLivePlaylist(from: from, to: to, as: playlist)
    return ledger.countLivePlaylist(playlist.span, outcome, from: from, to: to, tree.dirfd(of: from))
  }

  /// Moves the init segments to where the playlist that names them goes. False if one could not get there: the playlist must
  /// then stay, too.
  ///
  /// From the flat place to the tiers an init segment gets a second name instead (link or copy): a recorder writes it only once,
  /// and its old URL needs it for as long as the recorder runs.
  mutating func moveInitialization(from: Place, to: Place) -> Bool {
    let source = tree.dirfd(of: from)
    for name in tree.layout.stream?.initialization ?? [] {
      let bytes = Array(name.utf8)
      guard Name.isThere(bytes.span, in: source) else { continue }
      let outcome = isDryRun ? foreseen(bytes, from, to) : moved(name, from, to)
      switch ledger.countLivePlaylist(bytes.span, outcome, from: from, to: to, source) {
      case .moved: initSegmentsMoved += 1
      // It has the same contents, or else the playlist would be held (`PlaylistCompanions`).
      case .conflict: break
      default: return false
      }
    }
    return true
  }

  private func keepsFirst(_ place: Place) -> Bool {
    !ledger.isToFlat && tree.layout.isFlatPlaceOfStream(place)
  }

  private func isCopied(_ from: Place, _ to: Place) -> Bool {
    tree.isCopied(from: .place(from), to: .place(to))
  }

  private func copy(
    _ name: [UInt8], from source: Int32, to: Place, as newName: [UInt8], keepsSource: Bool = false
  ) -> Outcome {
    TierCopy.move(
      name.span, from: source, to: tree.dirfd(of: to), as: newName.span, in: tree,
      mount: tree.layout.mount(of: to), verifies: verifiesCopies, keepsSource: keepsSource
    ).outcome
  }

  private func foreseen(_ name: [UInt8], _ from: Place, _ to: Place) -> Outcome {
    let target = tree.dirfd(of: to)
    guard CaptureTree.isOpen(target), Name.isTaken(name.span, in: target) else { return .done }
    let isSame = Name.isSameFile(name.span, tree.dirfd(of: from), target)
    return isSame && !keepsFirst(from) ? .done : .failed(.fileExists)
  }

  private func moved(_ name: String, _ from: Place, _ to: Place) -> Outcome {
    let bytes = Array(name.utf8)
    let (source, target) = (tree.dirfd(of: from), tree.dirfd(of: to))
    if isCopied(from, to) {
      return copy(bytes, from: source, to: to, as: bytes, keepsSource: keepsFirst(from))
    }
    if Name.isSameFile(bytes.span, source, target) {
      return keepsFirst(from) ? .failed(.fileExists) : removeSecondName(name, from, to)
    }
    if keepsFirst(from) {
      let outcome = Name.link(bytes.span, from: source, to: target)
      if outcome == .done || outcome == .failed(.fileExists) { return outcome }
    }
    return links.finish(
      Name.rename(bytes.span, from: source, to: target), bytes.span, from: source, to: target, as: bytes.span)
  }

  /// Removes the old name of a file that has both. Checks it after renaming it aside: a recorder may put another file in its
  /// place at any moment, and that one must stay.
  private func removeSecondName(_ name: String, _ from: Place, _ to: Place) -> Outcome {
    var hasGone = false
    do throws(KernelError) {
      try tree.withPlace(from) { (directory) throws(KernelError) in
        hasGone = try directory.removeFile(name, aside: TemporaryName.ofAside(name)) {
          aside throws(KernelError) in
          let own = try directory.statusIfThere(aside)
          let other = try? Name.status(of: Array(name.utf8).span, in: tree.dirfd(of: to))
          guard let own, let other else { return false }
          return other.isSecondName(of: own)
        }
      }
    } catch { return .failed(error.errno) }
    return hasGone ? .done : .failed(.resourceBusy)
  }

  /// Keeps a live playlist that another one has superseded, under a name in the flat place that no player asks for.
  mutating func setLivePlaylistAside(from: Place, to: Place) -> PlaylistOutcome {
    var outcome = Outcome.failed(.fileExists)
    do throws(Errno) {
      let modified = try Name.status(of: playlist.span, in: tree.dirfd(of: from)).modified
      for newName in FileName.superseded(String(decoding: playlist, as: UTF8.self), modified)
      where outcome == .failed(.fileExists) {
        outcome = moveLivePlaylist(from: from, to: to, as: Array(newName.utf8))
      }
    } catch { outcome = .failed(error) }
    switch outcome {
    case .done: return .superseded
    // All names are taken, or the file system cannot ensure that nothing is replaced (EINVAL).
    case .failed(.fileExists), .failed(.invalidArgument): return .conflict
    default:
      return isDryRun
        ? .failed : ledger.countLivePlaylist(playlist.span, outcome, from: from, to: to, tree.dirfd(of: from))
    }
  }

  private func moveLivePlaylist(from: Place, to: Place, as newName: [UInt8]) -> Outcome {
    let (source, target) = (tree.dirfd(of: from), tree.dirfd(of: to))
    guard isDryRun else {
      if isCopied(from, to) {
        return copy(playlist, from: source, to: to, as: newName)
      }
      return links.finish(
        Name.rename(playlist.span, from: source, to: target, as: newName.span), playlist.span, from: source,
        to: target, as: newName.span)
    }
    return newName != playlist && Name.isTaken(newName.span, in: target) ? .failed(.fileExists) : .done
  }
}
