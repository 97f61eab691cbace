internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The criteria for flat and hot places: the flat ones hold no files, and the hot ones no more than their limits.
struct PlacesCriteria {
  private(set) var flatPlaces = Criterion(.flatPlaces)
  private(set) var hotLimits = Criterion(.hotLimits)
  /// Folders that the layout does not know.
  private(set) var unrecognised = Unrecognised()
  /// For each bucket, the modification time of the newest hot segment that belongs in it.
  private(set) var newestHot: [Bucket: ModificationTime] = [:]

  private let rules: VerificationRules
  private let layout: Layout
  private let tree: CaptureTree
  /// The names that the live playlist lists.
  private let pinned: ListedNames
  private var hours: HourClock
  private var hot = PerKind(repeating: 0)
  private var flat = PerKind(repeating: 0)
  private var flatPlaylists = 0
  /// Files beyond the hot limit that cannot move because their names are taken in their buckets.
  private var conflicts = PerKind(repeating: 0)
  /// Files not yet settled, in hot and in flat places.
  private var youngHot = PerKind(repeating: 0)
  private var youngFlat = PerKind(repeating: 0)

  init(_ tree: CaptureTree, pinned: ListedNames, _ rules: VerificationRules) {
    self.rules = rules
    layout = rules.layout
    self.tree = tree
    self.pinned = pinned
    hours = rules.hours
  }

  /// How many files of a kind were found, settled or not.
  func count(_ kind: Kind) -> Int { hot[kind] + flat[kind] + youngHot[kind] + youngFlat[kind] }

  mutating func judge(_ capture: borrowing Directory) throws(KernelError) {
    var newest = InlineArray<8, HotSet> { HotSet(limit: rules.hotLimits.value(at: $0)) }
    var pinnedHot = 0
    for place in layout.places where layout.kinds.contains(where: { layout.holds(place, $0) }) {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        let isHere: (Kind) -> Bool = { layout.holds(place, $0) }
        try rules.forEachFile(in: directory, wants: isHere) { entry, kind, modified in
          let isHot = place == layout[kind].hot
          if isHot, layout.isSegment(kind) { newestHot.add(modified, layout, &hours) }
          if rules.isYoung(kind, modified) {
            if isHot { youngHot[kind] += 1 } else { youngFlat[kind] += 1 }
            return
          }
          guard isHot else {
            flat[kind] += 1
            return flatPlaces.fail(Array(layout.prefix(of: place).utf8) + Array(copying: entry.name))
          }
          hot[kind] += 1
          let facts = FileFacts(
            place: place, isInHotPlace: true, modified: modified,
            identity: FileIdentity(name: entry.name, kind: kind, inode: entry.inode))
          // A file beyond the hot limit whose name is taken in its bucket cannot move: a conflict.
          let index = Int(kind.index)
          switch newest[index].offer(entry.name, facts) {
          case .kept: break
          case .turnedAway: if isTaken(entry.name, facts) { conflicts[kind] += 1 }
          case .displaced:
            if isTaken(newest[index].displacedName, newest[index].displacedFacts) { conflicts[kind] += 1 }
          }
          if layout.isSegment(kind), pinned.contains(entry.name) { pinnedHot += 1 }
        } others: { entry in
          if rules.isLeftAside(entry, in: directory, of: capture) {
            flatPlaces.fail(Array(layout.prefix(of: place).utf8) + Array(copying: entry.name))
          }
          guard entry.type == .directory, !layout.isPart(folder: entry.name, of: place) else { return }
          unrecognised.add(entry.name, in: layout.prefix(of: place))
        }
      }
    }
    try judgeFlatPlaylist()
    for kind in layout.kinds { flatPlaces.figure(layout.name(of: kind), flat[kind]) }
    if layout.stream != nil { flatPlaces.figure("live playlists", flatPlaylists) }
    flatPlaces.figure("not yet settled", youngFlat.sum)
    judgeHotLimits(newest, pinnedHot)
  }

  private mutating func judgeFlatPlaylist() throws(KernelError) {
    guard let stream = layout.stream, layout.playlistPlaces.count > 1 else { return }
    let place = layout[stream.kind].flat
    try tree.withPlace(place) { (directory) throws(KernelError) in
      guard let playlist = try directory.statusIfThere(stream.playlist),
        playlist.type != .regular || playlist.modified <= rules.settledUntil
      else { return }
      flatPlaylists += 1
      flatPlaces.fail(Array((layout.prefix(of: place) + stream.playlist).utf8))
    }
  }

  private mutating func isTaken(_ name: Span<UInt8>, _ facts: FileFacts) -> Bool {
    guard !(layout.isSegment(facts.kind) && pinned.contains(name)),
      let bucket = layout.buckets.bucket(of: facts.modified, &hours)
    else { return false }
    guard let folder = (try? tree.open(bucket, of: facts.kind)) ?? nil else { return false }
    return Name.isThere(name, in: folder.directory.descriptor)
  }

  /// Segments that the live playlist lists may be hot beyond the limit.
  private mutating func judgeHotLimits(_ newest: borrowing InlineArray<8, HotSet>, _ pinnedHot: Int) {
    var pinnedBeyond = 0
    for kind in layout.kinds {
      let limit = rules.hotLimits[kind]
      var mayBeBeyond = conflicts[kind]
      if layout.isSegment(kind) {
        var pinnedAmongNewest = 0
        newest[Int(kind.index)].visit { name, _ in
          if pinned.contains(name) { pinnedAmongNewest += 1 }
        }
        pinnedBeyond = pinnedHot - pinnedAmongNewest
        mayBeBeyond += pinnedBeyond
      }
      let name = layout.name(of: kind)
      hotLimits.figure(name, hot[kind])
      hotLimits.figure("\(name) limit", limit)
      if hot[kind] - mayBeBeyond > limit {
        hotLimits.fail(Array(layout.prefix(of: layout[kind].hot).utf8))
      }
    }
    hotLimits.figure("not yet settled", youngHot.sum)
    hotLimits.figure("conflicts", conflicts.sum)
    if layout.stream != nil { hotLimits.figure("kept by the live playlist", pinnedBeyond) }
  }
}
