internal import CaptureLayout
internal import KernelIO

/// What a killed run has left, which a pass meets and finishes: a file under two names, or in two tiers, or aside, and copies that were
/// not finished.
extension Pass {
  /// Whether the file is the old name of one that is at its new place already.
  mutating func finishLink(
    _ entry: borrowing DirectoryEntry, _ identity: FileIdentity, in site: Site, _ status: FileStatus
  ) -> Bool {
    guard tree.mayHoldBothNames, status.links > 1,
      let outcome = plan.finishLink(entry.name, of: identity.kind, in: site)
    else { return false }
    plan.ledger.countLink(entry.name, move(identity, from: site), outcome)
    return true
  }

  /// Whether the file is the source of a copy that is at its new place already.
  mutating func finishCopy(
    _ entry: borrowing DirectoryEntry, _ identity: FileIdentity, in site: Site, _ status: FileStatus
  ) -> Bool {
    let kind = identity.kind
    if options.target == .flat, isHeld(entry.name, kind, in: site) { return false }
    let timed = mayHaveOtherName(in: site) ? layout.timed(entry.name, of: kind, status.modified) : nil
    for other in otherTiers(of: kind, than: site, status.modified) {
      if options.keepLive, other == .place(layout[kind].hot) { continue }
      var outcome = plan.finishCopy(entry.name, in: site, at: other, as: entry.name)
      if outcome == nil, let timed, other != .place(layout[kind].hot) {
        outcome = plan.finishCopy(entry.name, in: site, at: other, as: timed.span)
      }
      guard let outcome else { continue }
      plan.ledger.countLink(entry.name, move(identity, from: site), outcome)
      return true
    }
    return false
  }

  /// Whether to look for a copy under another name, which it got where its own was taken (`--on-conflict rename`). It costs a look more for
  /// each file, so only where such names are given, and of the few that a reversion finds in hot places.
  private func mayHaveOtherName(in site: Site) -> Bool {
    if options.renaming.renamesConflicts { return true }
    if case .place = site { return options.target == .flat }
    return false
  }

  /// The files that a killed run has left aside, in all places. Before a reversion moves anything: their copies are in buckets yet, and
  /// it does not visit the flat places.
  mutating func finishAsides() throws(KernelError) {
    for place in layout.places where !plan.ledger.isStopped {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        var stream = try DirectoryStream(of: directory)
        while try stream.nextWindow({ entry throws(KernelError) in
          _ = finishAside(entry, in: .place(place)) || removeUnfinished(entry, in: .place(place))
        }) {}
      }
    }
  }

  /// Finishes what a killed run began that had taken a file aside to remove it: its copy is durable. One that has none, as where
  /// another program has put a file in its place, gets its name back.
  mutating func finishAside(_ entry: borrowing DirectoryEntry, in site: Site) -> Bool {
    guard entry.type.countsAsFile,
      let range = TemporaryName.nameOfAside(entry.name)
    else { return false }
    let name = entry.name.extracting(range)
    guard let kind = layout.kind(of: name) else { return false }
    guard !options.isDryRun else { return true }
    // One of this run's own may be on its way out.
    plan.finishCopies()
    guard let modified = plan.modified(entry.name, in: site) else { return true }
    let timed = layout.timed(name, of: kind, modified)
    for other in otherTiers(of: kind, than: site, modified) {
      if plan.finishAside(entry.name, of: name, in: site, at: other) { return true }
      if let timed, plan.finishAside(entry.name, of: timed.span, in: site, at: other) { return true }
    }
    guard plan.putBack(entry.name, as: name, in: site) else { return false }
    plan.ledger.lookAgain()
    return true
  }

  /// Where the copy of a file can be that is on its way to another file system, or was. What had come to a hot place may have gone on
  /// to a bucket, which is on that of the flat place again; and what had come to a bucket, by a reversion to the flat place.
  private mutating func otherTiers(of kind: Kind, than site: Site, _ modified: ModificationTime) -> [Site] {
    let rule = layout[kind]
    let (flat, hot) = (Site.place(rule.flat), Site.place(rule.hot))
    var sites: [Site] = []
    if options.target == .flat { sites.append(flat) }
    if options.target == .tiered, case .place = site { sites.append(hot) }
    var isApart = tree.isCopied(from: flat, to: hot)
    if let bucket = layout.buckets.bucket(of: modified, &hours) {
      sites.append(.bucket(kind, bucket))
      if options.target == .flat { isApart = isApart || tree.isCopied(from: flat, to: .bucket(kind, bucket)) }
    }
    return sites.filter { $0 != site && (isApart || tree.isCopied(from: site, to: $0)) }
  }

  /// Removes what a killed run has left of a copy.
  mutating func removeUnfinished(_ entry: borrowing DirectoryEntry, in site: Site) -> Bool {
    guard entry.type == .regular, TemporaryName.isOfCopy(entry.name) else { return false }
    return options.isDryRun || plan.remove(entry.name, in: site)
  }
}
