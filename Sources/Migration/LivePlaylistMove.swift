internal import CaptureLayout
internal import KernelIO

/// Moves the live playlist to where its segments go, after them.
struct LivePlaylistMove {
  private let options: MigrationOptions
  private let tree: CaptureTree
  private(set) var way: (from: Place, to: Place)?
  private(set) var outcome = PlaylistOutcome.absent
  /// Listed files that would stay behind: the playlist stays beside them, and so do the other files that it lists.
  private(set) var companions = PlaylistCompanions()
  /// Another live playlist in the folder that it would move to.
  private var rival = PlaylistSuccession.Rival.none
  /// Whether an init segment that players need could not be moved along.
  private var lacksInitialization = false
  var isHeld: Bool { !companions.isEmpty || rival == .current || lacksInitialization }

  init(_ options: MigrationOptions, _ tree: CaptureTree) {
    self.options = options
    self.tree = tree
  }

  /// Examines the playlist before the segments that it lists move: if it has to stay, so do they.
  mutating func judge(segmentsMayMove: Bool) throws(KernelError) {
    if !options.isDryRun {
      finishCopies()
      InitializationCopies.putBackLive(in: tree)
    }
    way = try findWay()
    if let (from, to) = way, try status(in: from)?.type == .regular {
      try tree.withPlace(from) { (directory) throws(KernelError) in
        rival = try PlaylistSuccession.rival(of: directory, from, beside: to, in: tree)
      }
    }
    companions = PlaylistCompanions()
    if options.target == .flat || (!options.keepLive && segmentsMayMove) {
      companions = try findCompanions(haveMoved: false)
    }
  }

  /// Finishes what a killed run began: it may have left the playlist or an init segment in two tiers, or renamed aside in one.
  private func finishCopies() {
    guard tree.layout.hasMounts, let stream = tree.layout.stream else { return }
    let to = options.target == .tiered ? tree.layout[stream.kind].hot : tree.layout[stream.kind].flat
    for from in tree.layout.playlistPlaces where tree.isCopied(from: .place(from), to: .place(to)) {
      for name in [stream.playlist] + stream.initialization { finishCopy(of: name, from, to) }
    }
  }

  private func finishCopy(of name: String, _ place: Place, _ target: Place) {
    let (from, to) = (tree.dirfd(of: place), tree.dirfd(of: target))
    guard CaptureTree.isOpen(from), CaptureTree.isOpen(to) else { return }
    let (own, aside) = (Array(name.utf8), Array(TemporaryName.ofAside(name).utf8))
    if Name.isThere(aside.span, in: from) {
      if CopyBatch.isCopied(aside.span, from: from, to: to, as: own.span) {
        _ = Name.unlink(aside.span, in: from)
      } else {
        _ = Name.rename(aside.span, from: from, to: from, as: own.span)
      }
    }
    let keepsFirst = options.target == .tiered && tree.layout.isFlatPlaceOfStream(place)
    if keepsFirst, name != tree.layout.stream?.playlist { return }
    guard CopyBatch.isCopied(own.span, from: from, to: to, as: own.span) else { return }
    _ = TierCopy.move(
      own.span, from: from, to: to, as: own.span, in: tree, mount: tree.layout.mount(of: target),
      verifies: options.renaming.verifiesCopies)
  }

  /// Moves the init segments, before the segments move: if one that players need has to stay, so do the playlist and its
  /// segments.
  mutating func bringInitialization<M>(_ plan: inout MovePlan<M>) throws(KernelError) {
    guard let (from, to) = way, rival == .none, companions.isEmpty, !options.keepLive,
      try status(in: from)?.type == .regular
    else { return }
    lacksInitialization = !plan.moveInitialization(from: from, to: to)
  }

  /// - Parameters:
  ///   - isComplete: whether every file was visited.
  ///   - segmentsStay: whether segments may not move.
  mutating func move<M>(_ plan: inout MovePlan<M>, isComplete: Bool, segmentsStay: Bool) {
    do throws(KernelError) {
      outcome = try moved(&plan, isComplete: isComplete, segmentsStay: segmentsStay)
    } catch {
      plan.ledger.stop(error)
      outcome = .pending
    }
  }

  private mutating func moved<M>(
    _ plan: inout MovePlan<M>, isComplete: Bool, segmentsStay: Bool
  ) throws(KernelError) -> PlaylistOutcome {
    guard let (from, to) = way else {
      guard let place = tree.layout.playlistPlaces.first else { return .absent }
      return try status(in: place) == nil ? .absent : .inPlace
    }
    guard try status(in: from)?.type == .regular else {
      return try status(in: to) == nil ? .absent : .inPlace
    }
    if options.keepLive { return .kept }
    // A listed file that was not visited may still move, so there is nothing to decide yet.
    if !isComplete || plan.ledger.isStopped { return .pending }
    if options.target == .tiered, segmentsStay { return .failed }
    if !options.isDryRun, !isHeld { try lookAtWhatStayed(&plan) }
    switch rival {
    case .none:
      guard companions.isEmpty else { return .held }
      if lacksInitialization { return .failed }
      return plan.moveLivePlaylist(from: from, to: to)
    case .successor:
      let flat = tree.layout.stream.map { tree.layout[$0.kind].flat } ?? from
      return companions.isEmpty ? plan.setLivePlaylistAside(from: from, to: flat) : .conflict
    case .current: return .conflict
    }
  }

  private mutating func lookAtWhatStayed<M>(_ plan: inout MovePlan<M>) throws(KernelError) {
    companions = try findCompanions(haveMoved: true)
    // Segments that were written since are moved by the next pass.
    let tally = tree.layout.stream.map { plan.ledger.tallies[$0.kind] } ?? PassTally()
    if !companions.isEmpty, !companions.areOfOtherNames, tally.conflicts + tally.failed == 0 {
      plan.ledger.lookAgain()
    }
  }

  /// Where the live playlist moves from and to: from the place that it was found in, or else from any other place. Nil if there
  /// is no other place.
  private func findWay() throws(KernelError) -> (from: Place, to: Place)? {
    guard let kind = tree.layout.stream?.kind else { return nil }
    let to = options.target == .tiered ? tree.layout[kind].hot : tree.layout[kind].flat
    let others = tree.layout.playlistPlaces.filter { $0 != to }
    for place in others where try status(in: place)?.type == .regular { return (place, to) }
    return others.first.map { ($0, to) }
  }

  private func status(in place: Place) throws(KernelError) -> FileStatus? {
    guard let playlist = tree.layout.stream?.playlist else { return nil }
    var status: FileStatus?
    try tree.withPlace(place) { (directory) throws(KernelError) in
      status = try directory.statusIfThere(playlist)
    }
    return status
  }

  private func findCompanions(haveMoved: Bool) throws(KernelError) -> PlaylistCompanions {
    var companions = PlaylistCompanions()
    guard let (from, to) = way else { return companions }
    try tree.withPlace(from) { (directory) throws(KernelError) in
      companions = try PlaylistCompanions(
        of: directory, movingTo: tree.dirfd(of: to), tree.layout, haveMoved: haveMoved,
        ignoresInitialization: rival == .successor)
    }
    return companions
  }
}
