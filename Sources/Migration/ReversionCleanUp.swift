internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// How many files would leave each folder, where nothing is moved yet.
struct LeavingFiles {
  private var places = [Int](repeating: 0, count: Place.allCases.count)
  private var hours = [Int](repeating: 0, count: Kind.allCases.count * hoursOfDay.count)

  mutating func add(_ site: Site) {
    switch site {
    case .place(let place): places[Int(place.rawValue)] += 1
    case .hour(let kind, let hour): hours[FolderTable.index(kind, hour)] += 1
    }
  }

  func count(_ site: Site) -> Int {
    switch site {
    case .place(let place): places[Int(place.rawValue)]
    case .hour(let kind, let hour): hours[FolderTable.index(kind, hour)]
    }
  }
}

/// Removes what hotcold made, once the files are flat: its playlists, and the folders of the layout that are empty.
///
/// What cannot be removed stays, and is reported; so does what something else has made.
struct ReversionCleanUp {
  /// Set for a dry run: what would have left each folder by then.
  private let leaving: LeavingFiles?
  private(set) var manifests = ManifestReport()
  private(set) var unrecognised = Unrecognised()
  private(set) var foldersRemoved = 0
  /// Files of hotcold's own in each hour folder of the segments.
  private var ownFiles = [Int](repeating: 0, count: hoursOfDay.count)

  init(leaving: LeavingFiles?) { self.leaving = leaving }

  mutating func run(
    _ capture: borrowing Directory, _ folders: borrowing CaptureFolders, livePlaylistLeaves: Bool
  ) {
    for hour in hoursOfDay {
      folders.withHour(hour, of: .segments) { directory in
        attempt { clean throws(KernelError) in try clean.removePlaylists(of: hour, directory) }
      }
    }
    for kind in Kind.allCases {
      var removed = 0
      folders.withPlace(kind.hotPlace, in: capture) { place in
        for hour in hoursOfDay {
          folders.withHour(hour, of: kind) { directory in
            let own = kind == .segments ? ownFiles[hour] : 0
            attempt { clean throws(KernelError) in
              let isEmpty = try clean.isLeft(directory, .hour(kind, hour), besides: own)
              if try clean.remove("\(hour)", from: place, isEmpty: isEmpty) { removed += 1 }
            }
          }
        }
      }
      foldersRemoved += removed
      guard kind.hotPlace != kind.flatPlace else { continue }
      folders.withPlace(kind.hotPlace, in: capture) { place in
        let playlist = kind == .segments && livePlaylistLeaves ? 1 : 0
        attempt { clean throws(KernelError) in
          let isEmpty = try clean.isLeft(place, .place(kind.hotPlace), besides: removed + playlist)
          if try clean.remove(kind.name, from: capture, isEmpty: isEmpty) { clean.foldersRemoved += 1 }
        }
      }
    }
  }

  private mutating func attempt(_ step: (inout Self) throws(KernelError) -> Void) {
    do throws(KernelError) { try step(&self) } catch { manifests.failures.append(error) }
  }

  private mutating func removePlaylists(of hour: Int, _ directory: borrowing Directory) throws(KernelError) {
    var names: (leftovers: [String], playlists: [String]) = ([], [])
    var stream = try DirectoryStream(of: directory)
    while try stream.nextWindow({ entry in
      if HourPlaylists.isLeftover(entry) {
        names.leftovers.append(String(decoding: Array(copying: entry.name), as: UTF8.self))
      } else if FileName.isArchivePlaylist(entry.name) {
        names.playlists.append(String(decoding: Array(copying: entry.name), as: UTF8.self))
      }
    }) {}
    for name in names.leftovers where try directory.statusIfThere(name)?.type == .regular {
      if leaving == nil { try directory.removeFile(name) }
      ownFiles[hour] += 1
    }
    for name in names.playlists.sorted() {
      attempt { clean throws(KernelError) in try clean.removePlaylist(name, of: hour, directory) }
    }
  }

  private mutating func removePlaylist(
    _ name: String, of hour: Int, _ directory: borrowing Directory
  ) throws(KernelError) {
    switch HourPlaylists.existing(name, in: directory) {
    case .own(let contents, _) where ArchivePlaylist.isOwn(contents):
      if leaving == nil { try directory.removeFile(name) }
      ownFiles[hour] += 1
      manifests.removed += 1
    case .absent: break
    // Of the old archiver, or foreign: it stays, and so does its folder.
    case .own, .foreign: unrecognised.add(Array(name.utf8).span, in: "segments/\(hour)/")
    case .unreadable(let error): throw error
    }
  }

  /// Whether nothing would be left in a folder but as many entries as these, which would be gone. Asked in a dry run alone:
  /// an execution tries to remove the folder.
  private func isLeft(
    _ directory: borrowing Directory, _ site: Site, besides others: Int
  ) throws(KernelError) -> Bool {
    guard let leaving else { return false }
    var entries = 0
    var stream = try DirectoryStream(of: directory)
    while try stream.nextWindow({ _ in entries += 1 }) {}
    return entries == leaving.count(site) + others
  }

  private func remove(
    _ name: String, from parent: borrowing Directory, isEmpty: Bool
  ) throws(KernelError) -> Bool {
    leaving == nil ? try parent.removeFolder(name) : isEmpty
  }
}
