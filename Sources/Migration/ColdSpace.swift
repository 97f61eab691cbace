internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Checks before anything is copied whether the space suffices for what a run would at least copy, to cold places or, in a
/// reversion, to flat places, so that a long migration does not stop halfway if that can be known. Files that may stay where they
/// are do not count.
struct ColdSpace {
  private struct Need {
    var bytes: UInt64 = 0
    var files: UInt64 = 0
    private var largest: UInt64 = 0

    mutating func add(_ status: FileStatus) {
      let size = min(status.size, status.allocatedBytes)
      bytes &+= size
      files += 1
      largest = max(largest, size)
    }

    /// Subtracts a number of files of unknown sizes: a lower bound, as if each were the largest.
    mutating func leaveOut(_ count: Int) {
      let left = min(UInt64(clamping: count), files)
      let (most, overflows) = largest.multipliedReportingOverflow(by: left)
      bytes -= overflows ? bytes : min(bytes, most)
      files -= left
    }

    mutating func add(_ other: Need) {
      bytes &+= other.bytes
      files += other.files
    }
  }

  private let tree: CaptureTree
  private let layout: Layout
  private let options: MigrationOptions
  private var hours: HourClock
  private let listed: ListedNames

  /// - Returns: `noRoom` if the space cannot suffice; nil otherwise.
  static func lack(
    in tree: CaptureTree, _ options: MigrationOptions, of capture: borrowing Directory
  ) throws(KernelError) -> MigrationError? {
    guard tree.copiesFiles else { return nil }
    var space = ColdSpace(
      tree: tree, layout: tree.layout, options: options, hours: options.hours,
      listed: try LivePlaylists(of: tree).listed)
    var needs: [Int?: Need] = [:]
    for kind in tree.layout.kinds {
      let target = options.target == .flat ? tree.layout[kind].flat : tree.layout.coldPlace(of: kind)
      needs[tree.layout.mount(of: target), default: Need()].add(try space.need(of: kind))
    }
    for (mount, need) in needs where need.files > 0 {
      let (path, free) = try tree.fileSystem(of: mount, in: capture)
      guard !free.hasRoom(bytes: need.bytes, files: need.files) else { continue }
      return .noRoom(
        path, bytes: need.bytes, files: need.files,
        FileSystemSpace(name: free.name, freeBytes: free.freeBytes, freeInodes: free.freeInodes))
    }
    return nil
  }

  private mutating func need(of kind: Kind) throws(KernelError) -> Need {
    var need = Need()
    guard !tree.refusedKinds[kind] else { return need }
    if options.target == .tiered {
      for place in layout.places where layout.holds(place, kind) { try add(kind, .place(place), to: &need) }
      need.leaveOut(options.rule.hotLimits[kind])
    }
    // Files in the buckets of the first tree stay there, except in a reversion.
    for index in (options.target == .flat ? 0 : 1)..<layout.trees.count {
      for bucket in tree.buckets(of: kind, tree: index) { try add(kind, .bucket(kind, bucket), to: &need) }
    }
    return need
  }

  private mutating func add(_ kind: Kind, _ site: Site, to need: inout Need) throws(KernelError) {
    let target =
      options.target == .flat ? Site.place(layout[kind].flat) : .place(layout.coldPlace(of: kind))
    guard tree.isCopied(from: site, to: target) else { return }
    switch site {
    case .place(let place):
      try tree.withPlace(place) { (directory) throws(KernelError) in try add(kind, in: directory, to: &need) }
    case .bucket(_, let bucket):
      try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
        try add(kind, in: directory, to: &need)
      }
    }
  }

  private mutating func add(
    _ kind: Kind, in directory: borrowing Directory, to need: inout Need
  ) throws(KernelError) {
    try Walk(layout, look: .wholeStatus).run(
      directory, wants: { $0 == kind },
      visit: { (entry, found, status) throws(KernelError) in
        guard case .file = found, !(layout.isSegment(kind) && listed.contains(entry.name)),
          try !mayStay(entry.name, kind, status.modified)
        else { return }
        need.add(status)
      })
  }

  /// Whether a file may stay: its name is taken where it would go, or it has no bucket.
  private mutating func mayStay(
    _ name: Span<UInt8>, _ kind: Kind, _ modified: ModificationTime
  ) throws(KernelError) -> Bool {
    guard options.target == .tiered else {
      let flat = tree.dirfd(of: layout[kind].flat)
      return CaptureTree.isOpen(flat) && Name.isTaken(name, in: flat)
    }
    guard let bucket = layout.buckets.bucket(of: modified, &hours) else { return true }
    guard tree.isThere(bucket, of: kind) else { return false }
    // A bucket that cannot be opened receives nothing.
    guard let folder = (try? tree.open(bucket, of: kind)) ?? nil else { return true }
    return Name.isTaken(name, in: folder.directory.descriptor)
  }
}
