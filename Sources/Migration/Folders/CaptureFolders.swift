internal import CaptureLayout
public import KernelIO
internal import SystemPackage

/// Why a folder of the layout cannot be used. It is left alone, and so are the files that belong in it.
public struct FolderRefusal: Equatable, Sendable {
  public enum Reason: Equatable, Sendable {
    case isLink, isFile, isMount
    case denied(KernelError)
  }
  /// Below the capture, such as "segments/7".
  public let folder: String
  public let reason: Reason

  init(folder: String, _ error: KernelError) {
    self.folder = folder
    // openat2(2): what RESOLVE_NO_SYMLINKS, O_DIRECTORY and RESOLVE_NO_XDEV answer.
    reason =
      switch error.errno {
      case .tooManySymbolicLinkLevels: .isLink
      case .notDirectory: .isFile
      case .improperLink: .isMount
      default: .denied(error)
      }
  }
}

extension FolderRefusal {
  /// For a command to which every folder matters.
  func error(in capture: FilePath) -> KernelError {
    let errno: Errno =
      switch reason {
      case .isLink: .tooManySymbolicLinkLevels
      case .isFile: .notDirectory
      case .isMount: .improperLink
      case .denied(let error): error.errno
      }
    return KernelError(.open, capture.appending(folder), errno)
  }
}

/// The open folders of a capture: the capture itself, its four hot places and their 96 hour folders.
struct CaptureFolders: ~Copyable {
  private enum Slot: ~Copyable {
    case absent
    case open(Directory)
    case refused(FolderRefusal)

    var dirfd: Int32 {
      switch self {
      case .absent: FolderTable.absent
      case .open(let directory): directory.descriptor
      case .refused: FolderTable.refused
      }
    }

    var refusal: FolderRefusal? {
      switch self {
      case .refused(let refusal): refusal
      default: nil
      }
    }

    func withDirectory<Failure>(
      _ body: (borrowing Directory) throws(Failure) -> Void
    ) throws(Failure) {
      switch self {
      case .open(let directory): try body(directory)
      default: break
      }
    }
  }

  private var places: InlineArray<4, Slot>
  private var hours: InlineArray<96, Slot>
  var table = FolderTable()

  /// Opens what is there. Nothing is made and nothing is written.
  init(of capture: borrowing Directory, allowsLinks: Bool = false) throws(KernelError) {
    places = InlineArray { _ in .absent }
    hours = InlineArray { _ in .absent }
    table.allowsLinks = allowsLinks
    try openAll(capture)
  }

  private mutating func openAll(_ capture: borrowing Directory) throws(KernelError) {
    let refusesToReplace = try capture.fileSystem().refusesToReplace
    table.mayHoldBothNames = table.allowsLinks && !refusesToReplace
    table.places[Int(Place.root.rawValue)] = capture.descriptor
    for kind in Kind.allCases {
      try openHotPlace(of: kind, capture)
      for hour in hoursOfDay { try openHour(hour, of: kind) }
    }
    // Captures, thumbnails and metadata all come from the captures folder.
    let flatPlaceIsRefused = places[Int(Kind.captures.rawValue)].refusal != nil
    for kind in Kind.allCases {
      table.refusedKinds[kind] =
        places[Int(kind.rawValue)].refusal != nil || (kind != .segments && flatPlaceIsRefused)
    }
  }

  private mutating func openHotPlace(
    of kind: Kind, _ capture: borrowing Directory
  ) throws(KernelError) {
    let slot = try Self.open(kind.name, in: capture, folder: kind.name)
    table.places[Int(kind.hotPlace.rawValue)] = slot.dirfd
    places[Int(kind.rawValue)] = slot
  }

  private mutating func openHour(_ hour: Int, of kind: Kind) throws(KernelError) {
    let index = FolderTable.index(kind, hour)
    var slot = Slot.absent
    try places[Int(kind.rawValue)].withDirectory { place throws(KernelError) in
      slot = try Self.open("\(hour)", in: place, folder: "\(kind.name)/\(hour)")
    }
    table.hours[index] = slot.dirfd
    hours[index] = slot
  }

  /// A folder that may not be used is set aside; what says nothing about the folder itself is thrown.
  private static func open(
    _ name: String, in parent: borrowing Directory, folder: String
  ) throws(KernelError) -> Slot {
    do throws(KernelError) {
      return .open(try parent.openFolder(name))
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory: return .absent
      case .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .ioError: throw error
      default: return .refused(FolderRefusal(folder: folder, error))
      }
    }
  }

  // MARK: looking

  /// Gives the folder of a place to `body`, unless it is absent or refused.
  func withPlace<Failure>(
    _ place: Place, in capture: borrowing Directory,
    _ body: (borrowing Directory) throws(Failure) -> Void
  ) throws(Failure) {
    guard let kind = Kind.allCases.first(where: { $0.hotPlace == place }) else {
      return try body(capture)
    }
    try places[Int(kind.rawValue)].withDirectory(body)
  }

  func withHour<Failure>(
    _ hour: Int, of kind: Kind, _ body: (borrowing Directory) throws(Failure) -> Void
  ) throws(Failure) {
    try hours[FolderTable.index(kind, hour)].withDirectory(body)
  }

  private func isAbsent(_ kind: Kind) -> Bool {
    table.dirfd(of: kind.hotPlace) == FolderTable.absent
  }

  private func isAbsent(_ kind: Kind, hour: Int) -> Bool {
    table.dirfd(of: .hour(kind, hour)) == FolderTable.absent
  }

  var refusals: [FolderRefusal] {
    places.indices.compactMap { places[$0].refusal } + hours.indices.compactMap { hours[$0].refusal }
  }

  /// Throws where a folder is closed to this process that was open before: what cannot be read cannot be compared.
  func checkReadable(unlike before: [FolderRefusal]) throws(KernelError) {
    for refusal in refusals where !before.contains(refusal) {
      if case .denied(let error) = refusal.reason { throw error }
    }
  }

  /// How many of the layout's 100 folders are not there. Below a refused hot place nothing can be missing.
  var missingCount: Int {
    Kind.allCases.reduce(0) { count, kind in
      guard places[Int(kind.rawValue)].refusal == nil else { return count }
      let hours = hoursOfDay.count { isAbsent(kind, hour: $0) }
      return count + hours + (isAbsent(kind) ? 1 : 0)
    }
  }

  /// Throws where hour folders are missing in a hot place that this process may not write to: before any is made.
  func checkMissingCanBeMade() throws(KernelError) {
    for kind in Kind.allCases where hoursOfDay.contains(where: { isAbsent(kind, hour: $0) }) {
      try places[Int(kind.rawValue)].withDirectory { place throws(KernelError) in try place.checkWritable() }
    }
  }

  // MARK: making

  /// Makes the folders that are missing, with the owner, group and permission bits of the capture. Returns
  /// how many were made.
  mutating func makeMissing(
    in capture: borrowing Directory, like model: FileStatus, with mover: some Mover
  ) throws(KernelError) -> Int {
    try checkMissingCanBeMade()
    var requests: [MakeFolderRequest] = []
    var made: [Kind] = []
    for kind in Kind.allCases where isAbsent(kind) {
      made.append(kind)
      requests.append(
        MakeFolderRequest(dirfd: capture.descriptor, name: kind.name, mode: model.mode))
    }
    try Self.make(requests, named: made.map(\.name), in: capture.path, with: mover)
    for kind in made { try openHotPlace(of: kind, capture) }

    var hourRequests: [MakeFolderRequest] = []
    var madeHours: [(Kind, Int)] = []
    for kind in Kind.allCases {
      let place = table.dirfd(of: kind.hotPlace)
      for hour in hoursOfDay where FolderTable.isOpen(place) && isAbsent(kind, hour: hour) {
        madeHours.append((kind, hour))
        hourRequests.append(MakeFolderRequest(dirfd: place, name: "\(hour)", mode: model.mode))
      }
    }
    try Self.make(
      hourRequests, named: madeHours.map { "\($0.0.name)/\($0.1)" }, in: capture.path, with: mover)
    for (kind, hour) in madeHours { try openHour(hour, of: kind) }
    try giveAttributes(of: model)
    return made.count + madeHours.count
  }

  /// Makes `captures/` if it is missing and a kind has its flat place there.
  mutating func makeFlatPlace(
    in capture: borrowing Directory, like model: FileStatus, with mover: some Mover
  ) throws(KernelError) {
    let isNeeded = !isAbsent(.thumbnails) || !isAbsent(.metadata)
    guard isAbsent(.captures), isNeeded else { return }
    let request = MakeFolderRequest(dirfd: capture.descriptor, name: Kind.captures.name, mode: model.mode)
    try Self.make([request], named: [Kind.captures.name], in: capture.path, with: mover)
    try openHotPlace(of: .captures, capture)
    try places[Int(Kind.captures.rawValue)].withDirectory { directory throws(KernelError) in
      try directory.takeAttributes(of: model)
    }
  }

  /// `names`: below the capture, for the path of an error.
  private static func make(
    _ requests: [MakeFolderRequest], named names: [String], in capture: FilePath, with mover: some Mover
  ) throws(KernelError) {
    guard !requests.isEmpty else { return }
    let failures = try mover.makeFolders(requests)
    for (name, failure) in zip(names, failures) {
      guard let failure, failure != .fileExists else { continue }
      throw KernelError(.makeFolder, capture.appending(name), failure)
    }
  }

  /// Folders that were made just now, or by a run that was killed before it came to this point: empty ones
  /// whose attributes differ. Folders in use keep what their owner gave them.
  private func giveAttributes(of model: FileStatus) throws(KernelError) {
    for index in hours.indices {
      try hours[index].withDirectory { directory throws(KernelError) in
        try Self.giveAttributes(of: model, to: directory, unlessHolding: 0)
      }
    }
    for index in places.indices {
      try places[index].withDirectory { directory throws(KernelError) in
        try Self.giveAttributes(of: model, to: directory, unlessHolding: hoursOfDay.count)
      }
    }
  }

  private static func giveAttributes(
    of model: FileStatus, to directory: borrowing Directory, unlessHolding entries: Int
  ) throws(KernelError) {
    var model = model
    let status = try directory.status()
    guard CurrentProcess.isRoot || status.owner == CurrentProcess.effectiveUser else { return }
    // Below a capture of another user they stay as they were made, but for a group that may be given.
    if !CurrentProcess.isRoot, status.owner != model.owner {
      guard CurrentProcess.isMember(ofGroup: model.group) else { return }
      let group = model.group
      model = status
      model.group = group
    }
    guard status.owner != model.owner || status.group != model.group || status.mode != model.mode,
      try directory.holdsAtMost(entries)
    else { return }
    try directory.takeAttributes(of: model)
  }
}

extension Directory {
  /// Whether the folder has no more than this many entries.
  fileprivate func holdsAtMost(_ entries: Int) throws(KernelError) -> Bool {
    var stream = try DirectoryStream(of: self)
    var count = 0
    while count <= entries, try stream.nextWindow({ _ in count += 1 }) {}
    return count <= entries
  }
}
