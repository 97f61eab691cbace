internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Makes the folders that a layout needs.
extension CaptureTree {
  private func missingBuckets(of kind: Kind) -> [Bucket] {
    layout.buckets.fixedBuckets().filter { !isThere($0, of: kind) }
  }

  /// Hot and cold places, each once.
  private var tieredPlaces: [Place] {
    let all = layout.kinds.flatMap { [layout[$0].hot, layout.coldPlace(of: $0)] }
    return layout.places.filter { $0 != .root && all.contains($0) }
  }

  /// How many folders the layout always needs, existing or not.
  var wantedCount: Int {
    folders(on: tieredPlaces).count
      + layout.kinds.count * layout.buckets.fixedBuckets().count
  }

  /// How many of those do not exist. Buckets of a refused place are not counted.
  var missingCount: Int {
    let buckets = layout.kinds.reduce(0) { count, kind in
      count + (dirfd(of: layout.coldPlace(of: kind)) == Self.refused ? 0 : missingBuckets(of: kind).count)
    }
    return buckets + missingCount(of: tieredPlaces.filter(isAbsent))
  }

  /// The paths of places and of the folders that lead to them, each once; without those that lead to a cold root.
  private func folders(on places: [Place]) -> Set<[UInt8]> {
    var folders: Set<[UInt8]> = []
    for place in places {
      // As bytes, not as String: canonically equivalent spellings compare equal there, but are two folders.
      let bytes = Array(layout.path(of: place).utf8)
      let start = layout.mount(of: place).map { layout.mounts[$0].leadingCount } ?? 0
      for end in bytes.indices.dropFirst(start) where bytes[end] == UInt8(ascii: "/") {
        folders.insert(Array(bytes[..<end]))
      }
      folders.insert(bytes)
    }
    return folders
  }

  /// How many folders must be made for these places, including those that only lead to them.
  private func missingCount(of absent: [Place]) -> Int {
    var count = 0
    withPlace(.root) { root in
      count = folders(on: absent).count {
        (try? root.statusIfThere(String(decoding: $0, as: UTF8.self))) == .some(nil)
      }
    }
    return count
  }

  /// Throws if buckets are missing in a place that this process may not write to. Checked before any folder is made.
  func checkMissingCanBeMade() throws(KernelError) {
    for kind in layout.kinds where !missingBuckets(of: kind).isEmpty {
      try withPlace(layout.coldPlace(of: kind)) { (place) throws(KernelError) in try place.checkWritable() }
    }
  }

  /// Makes the folders that are missing, with the owner, group and permission bits of the capture. Returns
  /// how many were made.
  mutating func makeMissing(like model: FileStatus, with mover: some Mover) throws(KernelError) -> Int {
    try checkMissingCanBeMade()
    let absent = tieredPlaces.filter(isAbsent)
    let absentCount = missingCount(of: absent)
    try make(absent, like: model, with: mover)

    var requests = RequestQueue(capacity: layout.kinds.count * BucketRule.hours.count)
    var made: [(kind: Kind, bucket: Bucket)] = []
    for kind in layout.kinds {
      let place = dirfd(of: layout.coldPlace(of: kind))
      for bucket in missingBuckets(of: kind) where Self.isOpen(place) {
        made.append((kind, bucket))
        requests.append(layout.buckets.text(of: bucket).utf8.span, .makeFolder(in: place, mode: model.mode))
      }
    }
    try Self.make(
      &requests, named: made.map { layout.path(of: $0.bucket, $0.kind) }, in: capture, with: mover)
    for (kind, bucket) in made {
      try withPlace(layout.coldPlace(of: kind)) { (place) throws(KernelError) in
        try look(at: bucket, of: kind, in: place)
      }
    }
    try giveAttributes(of: model)
    return absentCount + made.count
  }

  /// The flat places that are missing, of kinds that have files to go there.
  private var absentFlatPlaces: [Place] {
    let needed = layout.kinds.filter { kind in
      layout[kind].hot != layout[kind].flat && !isAbsent(layout[kind].hot)
        || !isAbsent(layout.coldPlace(of: kind))
    }.map { layout[$0].flat }
    return layout.places.filter { needed.contains($0) && isAbsent($0) }
  }

  /// How many folders `makeFlatPlaces` would make.
  var missingFlatCount: Int { missingCount(of: absentFlatPlaces) }

  /// Makes the flat places of kinds that have files to go there. Returns how many folders were made.
  mutating func makeFlatPlaces(like model: FileStatus, with mover: some Mover) throws(KernelError) -> Int {
    let absent = absentFlatPlaces
    let made = missingCount(of: absent)
    try make(absent, like: model, with: mover)
    for place in absent {
      try withPlace(place) { (directory) throws(KernelError) in try directory.takeAttributes(of: model) }
    }
    return made
  }

  /// Makes places: those directly below the capture in one batch, the others one by one.
  private mutating func make(
    _ absent: [Place], like model: FileStatus, with mover: some Mover
  ) throws(KernelError) {
    let root = dirfd(of: .root)
    let isDirect = { [layout] place in !layout.path(of: place).contains("/") && layout.mount(of: place) == nil
    }
    let direct = absent.filter(isDirect)
    var requests = RequestQueue(capacity: layout.places.count)
    for place in direct {
      requests.append(layout.path(of: place).utf8.span, .makeFolder(in: root, mode: model.mode))
    }
    try Self.make(
      &requests, named: direct.map(layout.path), in: capture, with: mover)
    for place in absent where !isDirect(place) {
      try withRoot(ofPath: layout.path(of: place)) { (root, path) throws(KernelError) in
        _ = try root.makeFolders(path, like: model)
      }
    }
    for place in absent { try reopen(place) }
  }

  /// Makes the folders of a batch. One that exists already is no error.
  ///
  /// - Parameter names: the paths below the capture, in the order of the requests, for errors.
  private static func make(
    _ requests: inout RequestQueue, named names: [String], in capture: FilePath, with mover: some Mover
  ) throws(KernelError) {
    try mover.execute(&requests)
    for name in names {
      if case .failed(let errno) = requests.headOutcome, errno != .fileExists {
        throw KernelError(.makeFolder, capture.reaching(name), errno)
      }
      requests.retireHead()
    }
  }

  /// Makes a bucket that a file goes to. Returns how many folders were made.
  func make(_ bucket: Bucket, of kind: Kind, like model: FileStatus) throws(KernelError) -> Int {
    var made = 0
    let tree = layout.trees[Int(bucket.tree)]
    try withPlace(tree.places[kind] ?? .root) { (place) throws(KernelError) in
      made = try place.makeFolders(tree.rule.text(of: bucket), like: model)
    }
    return made
  }

  /// Gives new folders the owner, group and mode of the capture: those just made, or by a run that was killed before this
  /// point, that is, empty ones whose attributes differ. Folders in use keep what their owner gave them.
  private func giveAttributes(of model: FileStatus) throws(KernelError) {
    for kind in layout.kinds {
      for bucket in buckets(of: kind) where !layout.buckets.hasDates {
        try withBucket(bucket, of: kind) { (directory) throws(KernelError) in
          try directory.giveAttributes(of: model, unlessHolding: 0)
        }
      }
    }
    // Not mount points: whoever mounts a file system decides who owns it.
    for place in tieredPlaces where !layout.split(layout.path(of: place)).path.isEmpty {
      try withPlace(place) { (directory) throws(KernelError) in
        try directory.giveAttributes(of: model, unlessHolding: BucketRule.hours.count)
      }
    }
  }
}

extension Directory {
  /// Makes a folder and its parents, as far as they are missing. Returns how many were made. Follows no links.
  @discardableResult
  func makeFolders(_ path: String, like model: FileStatus) throws(KernelError) -> Int {
    let components = path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    var made = 0
    var parent = try reopened()
    for name in components {
      do throws(KernelError) {
        try parent.makeFolder(name, mode: model.mode)
        made += 1
      } catch { guard error.errno == .fileExists else { throw error } }
      let folder = try parent.openFolder(name)
      try folder.giveAttributes(of: model, unlessHolding: 0)
      parent = folder
    }
    return made
  }

  fileprivate func giveAttributes(of model: FileStatus, unlessHolding entries: Int) throws(KernelError) {
    var model = model
    let status = try status()
    guard CurrentProcess.isRoot || status.owner == CurrentProcess.effectiveUser else { return }
    // In a capture of another user, owner and mode stay as they are; only a group that this user may set is changed.
    if !CurrentProcess.isRoot, status.owner != model.owner {
      guard CurrentProcess.isMember(ofGroup: model.group) else { return }
      let group = model.group
      model = status
      model.group = group
    }
    guard status.owner != model.owner || status.group != model.group || status.mode != model.mode,
      try entryCount(upTo: entries) <= entries
    else { return }
    try takeAttributes(of: model)
  }
}
