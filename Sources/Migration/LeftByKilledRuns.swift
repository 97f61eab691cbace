internal import CaptureLayout
internal import KernelIO

/// Finishes what a killed run left and a pass finds: files under two names, in two tiers or renamed aside, and unfinished copies.
extension Pass {
  /// Finishes a move by link if this is the old name of a file that is at its new place already; false otherwise.
  mutating func finishLink(
    _ entry: borrowing DirectoryEntry, _ identity: FileIdentity, in site: Site, _ status: FileStatus
  ) -> Bool {
    guard tree.mayHoldBothNames, status.links > 1,
      let outcome = plan.finishLink(entry.name, of: identity.kind, in: site)
    else { return false }
    plan.ledger.countLink(entry.name, move(identity, from: site), outcome)
    return true
  }

  /// Finishes a move by copy if this is the source of a copy that is at its new place already; false otherwise.
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

  /// Whether to look also for a copy with the time in its name, as given if a name is taken (`--on-conflict rename`). That costs
  /// one more lookup per file, so only if this run gives such names, and for the few files that a reversion finds in hot places.
  private func mayHaveOtherName(in site: Site) -> Bool {
    if options.renaming.renamesConflicts { return true }
    if case .place = site { return options.target == .flat }
    return false
  }

  /// Finishes the files that a killed run left aside where this run does not look: in the flat places, which a reversion does not
  /// visit, and in the buckets that it leaves alone. Call before anything is moved: their copies are then still where that run
  /// put them.
  mutating func finishAsides() throws(KernelError) {
    if options.target == .flat, layout.hasMounts {
      for place in layout.places where !plan.ledger.isStopped {
        try tree.withPlace(place) { (directory) throws(KernelError) in
          try finishAsides(in: directory, .place(place))
        }
      }
    }
    for site in tree.sitesWithAsides where !plan.ledger.isStopped {
      switch site {
      case .place(let place):
        try tree.withPlace(place) { (directory) throws(KernelError) in
          try finishAsides(in: directory, site)
        }
      case .bucket(let kind, let bucket):
        try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
          try finishAsides(in: directory, site)
        }
      }
    }
  }

  private mutating func finishAsides(in directory: borrowing Directory, _ site: Site) throws(KernelError) {
    try directory.forEachEntry { (entry) throws(KernelError) in
      _ = finishAside(entry, in: site) || removeUnfinished(entry, in: site)
    }
  }

  /// Finishes the move of a file that a killed run had renamed aside to remove it, since its copy is durable. A file without a
  /// copy, as when another program had put a file in its place, gets its name back, unless its double has that. False if the
  /// entry is no such file, or if its name is taken.
  mutating func finishAside(_ entry: borrowing DirectoryEntry, in site: Site) -> Bool {
    guard entry.type.countsAsFile,
      let range = TemporaryName.nameOfAside(entry.name)
    else { return false }
    let name = entry.name.extracting(range)
    guard let kind = layout.kind(of: name) else { return false }
    guard !options.isDryRun else { return true }
    // The file may be one that this run has renamed aside.
    plan.finishCopies()
    guard let modified = plan.modified(entry.name, in: site) else { return true }
    let timed = layout.timed(name, of: kind, modified)
    // Wherever the copy is: the layout of that run may have been another one.
    for other in otherTiers(of: kind, than: site, modified, areApart: true) {
      if plan.finishAside(entry.name, of: name, in: site, at: other) { return true }
      if let timed, plan.finishAside(entry.name, of: timed.span, in: site, at: other) { return true }
    }
    guard plan.putBack(entry.name, as: name, in: site) else {
      return plan.removeDouble(entry.name, of: name, in: site)
    }
    plan.ledger.lookAgain()
    return true
  }

  /// The folders on other file systems that may hold a copy of a file. A copy may have moved on since: from a hot place to a
  /// bucket, or from a bucket back to the flat place in a reversion; so it may be on the file system of the original again.
  private mutating func otherTiers(
    of kind: Kind, than site: Site, _ modified: ModificationTime, areApart: Bool = false
  ) -> [Site] {
    let rule = layout[kind]
    let (flat, hot) = (Site.place(rule.flat), Site.place(rule.hot))
    var sites: [Site] = []
    if options.target == .flat { sites.append(flat) }
    if options.target == .tiered, case .place = site { sites.append(hot) }
    // The layout that files come from may have had other disks.
    var isApart = areApart || layout.trees.count > 1 || tree.isCopied(from: flat, to: hot)
    if let bucket = layout.buckets.bucket(of: modified, &hours) {
      sites.append(.bucket(kind, bucket))
      if options.target == .flat { isApart = isApart || tree.isCopied(from: flat, to: .bucket(kind, bucket)) }
    }
    return sites.filter { $0 != site && (isApart || tree.isCopied(from: site, to: $0)) }
  }

  /// Removes an unfinished copy that a killed run left. False if the entry is none, or cannot be removed.
  mutating func removeUnfinished(_ entry: borrowing DirectoryEntry, in site: Site) -> Bool {
    guard entry.type == .regular, TemporaryName.isOfCopy(entry.name) else { return false }
    return options.isDryRun || plan.remove(entry.name, in: site)
  }
}

extension Layout {
  /// Whether it is the temporary name of a file of a kind that was renamed aside.
  func isAside(_ name: Span<UInt8>) -> Bool {
    TemporaryName.nameOfAside(name).map { kind(of: name.extracting($0)) != nil } ?? false
  }
}
