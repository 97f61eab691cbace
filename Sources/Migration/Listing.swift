internal import CaptureLayout
internal import KernelIO

/// Counts the files of a capture by kind and hour, and sums up their identities, from directory streams alone.
///
/// Read once before the moves (hour folders) and once after them (everything), to prove that nothing is
/// missing.
struct Listing: Sendable {
  /// A listing waits for memory most of the time, so a second thread nearly halves it; folders are many and
  /// each is listed by one thread.
  private static let threads = 2

  var kinds = PerKind { _ in 0 }
  var byHour = PerKind { _ in [Int](repeating: 0, count: hoursOfDay.count) }
  var unrecognised = Unrecognised()
  /// All entries of each hour folder, recognised or not.
  var hourEntries = [Int](repeating: 0, count: Kind.allCases.count * hoursOfDay.count)
  var numbers = HighestNumbers()
  /// Every file of a kind that was listed.
  var digest = DifferenceDigest()

  /// Lists the hour folders.
  static func ofHours(_ folders: borrowing CaptureFolders, inodes: Bool) throws(KernelError) -> Listing {
    let parts = Threads.run(threads) { thread -> Result<Listing, KernelError> in
      var part = Listing()
      do throws(KernelError) {
        for index in part.hourEntries.indices where index % threads == thread {
          try part.listHour(at: index, folders, inodes: inodes)
        }
        return .success(part)
      } catch { return .failure(error) }
    }
    var sum = Listing()
    for part in parts { sum.add(try part.get()) }
    return sum
  }

  private mutating func listHour(
    at index: Int, _ folders: borrowing CaptureFolders, inodes: Bool
  ) throws(KernelError) {
    let kind = Kind.allCases[index / hoursOfDay.count]
    let hour = index % hoursOfDay.count
    try folders.withHour(hour, of: kind) { directory throws(KernelError) in
      try listHour(directory, kind, hour, inodes: inodes)
    }
  }

  private mutating func listHour(
    _ directory: borrowing Directory, _ kind: Kind, _ hour: Int, inodes: Bool
  ) throws(KernelError) {
    var stream = try DirectoryStream(of: directory)
    var count = 0
    var entries = 0
    while try stream.nextWindow({ entry throws(KernelError) in
      entries += 1
      if FileName.kind(of: entry.name) == kind, try isFile(entry, in: directory) {
        count += 1
        numbers.meet(entry.name, kind)
        digest.insert(FileIdentity(name: entry.name, kind: kind, inode: inodes ? entry.inode : 0))
      } else if !FileName.isArchivePlaylist(entry.name), !HourPlaylists.isLeftover(entry) {
        unrecognised.add(entry.name, in: "\(kind.name)/\(hour)/")
      }
    }) {}
    kinds[kind] += count
    byHour[kind][hour] = count
    hourEntries[FolderTable.index(kind, hour)] = entries
  }

  /// Lists the flat and hot places, or those of them that are wanted for a kind.
  mutating func listPlaces(
    of folders: borrowing CaptureFolders, in capture: borrowing Directory, inodes: Bool,
    where isWanted: (Place, Kind) -> Bool = { _, _ in true }
  ) throws(KernelError) {
    for place in Place.allCases {
      try folders.withPlace(place, in: capture) { directory throws(KernelError) in
        var stream = try DirectoryStream(of: directory)
        while try stream.nextWindow({ entry throws(KernelError) in
          guard let kind = FileName.kind(of: entry.name), place.holds(kind), isWanted(place, kind),
            try isFile(entry, in: directory)
          else { return }
          kinds[kind] += 1
          digest.insert(FileIdentity(name: entry.name, kind: kind, inode: inodes ? entry.inode : 0))
        }) {}
      }
    }
  }

  /// One whose type could not be seen is looked at again: a folder that counted before, and not after, would be lost.
  private func isFile(
    _ entry: borrowing DirectoryEntry, in directory: borrowing Directory
  ) throws(KernelError) -> Bool {
    guard entry.type == .unknown else { return entry.type.countsAsFile }
    return try directory.modificationIfThere(entry.name)?.type == .regular
  }

  private mutating func add(_ part: Listing) {
    for kind in Kind.allCases {
      kinds[kind] += part.kinds[kind]
      for hour in hoursOfDay { byHour[kind][hour] += part.byHour[kind][hour] }
    }
    for index in hourEntries.indices { hourEntries[index] += part.hourEntries[index] }
    unrecognised = unrecognised + part.unrecognised
    numbers.add(part.numbers)
    digest.insert(part.digest)
  }
}
