internal import CaptureLayout
internal import KernelIO

/// Counts the files of a capture by kind and hour with their identities, from directory streams alone.
///
/// Read once before the moves (hour folders) and once after them (everything), to prove that nothing is
/// missing.
struct Listing {
  var kinds = PerKind { _ in 0 }
  var byHour = PerKind { _ in [Int](repeating: 0, count: hoursOfDay.count) }
  var unrecognised = Unrecognised()
  /// All entries of each hour folder, recognised or not.
  var hourEntries = [Int](repeating: 0, count: Kind.allCases.count * hoursOfDay.count)

  /// Lists the hour folders; each file of a kind goes to `visit`.
  mutating func listHours(
    of folders: borrowing CaptureFolders, inodes: Bool, _ visit: (FileIdentity) -> Void
  ) throws(KernelError) {
    for kind in Kind.allCases {
      for hour in hoursOfDay {
        try folders.withHour(hour, of: kind) { directory throws(KernelError) in
          try listHour(directory, kind, hour, inodes: inodes, visit)
        }
      }
    }
  }

  private mutating func listHour(
    _ directory: borrowing Directory, _ kind: Kind, _ hour: Int, inodes: Bool,
    _ visit: (FileIdentity) -> Void
  ) throws(KernelError) {
    var stream = try DirectoryStream(of: directory)
    var count = 0
    var entries = 0
    while try stream.next({ entry in
      entries += 1
      if FileName.kind(of: entry.name) == kind, entry.type.mayBeRegular {
        count += 1
        visit(FileIdentity(name: entry.name, kind: kind, inode: inodes ? entry.inode : 0))
      } else if !FileName.isArchivePlaylist(entry.name) {
        unrecognised.add(entry.name, in: "\(kind.name)/\(hour)/")
      }
    }) {}
    kinds[kind] += count
    byHour[kind][hour] = count
    hourEntries[FolderTable.index(kind, hour)] = entries
  }

  /// Lists the flat and hot places.
  mutating func listPlaces(
    of folders: borrowing CaptureFolders, in capture: borrowing Directory, inodes: Bool,
    _ visit: (FileIdentity) -> Void
  ) throws(KernelError) {
    for place in Place.allCases {
      try folders.withPlace(place, in: capture) { directory throws(KernelError) in
        var stream = try DirectoryStream(of: directory)
        while try stream.next({ entry in
          guard let kind = FileName.kind(of: entry.name), place.holds(kind),
            entry.type.mayBeRegular
          else { return }
          kinds[kind] += 1
          visit(FileIdentity(name: entry.name, kind: kind, inode: inodes ? entry.inode : 0))
        }) {}
      }
    }
  }
}

extension EntryType {
  /// On a file system without entry types the name decides here: a comparison needs the same answer before
  /// and after, not statx for every file.
  var mayBeRegular: Bool { self == .regular || self == .unknown }
}
