import TestKit

/// Random captures as the model knows them, and as real trees.
struct RandomCapture {
  var files: [LayoutModel.File] = []
  /// Files that are cold already; they stay where they are.
  var cold: [LayoutModel.File] = []
  var others: [Bytes] = []
  var model = LayoutModel()
  var playlistPlace: Bytes?

  init(_ random: inout SeededRandom, filesMax: Int = 300) {
    let span = Int.random(in: 1...400_000, using: &random)
    for number in 0..<Int.random(in: 1...filesMax, using: &random) {
      let (flat, hot, name) = [
        ("", "segments/", "segment_\(number).ts"), ("captures/", "captures/", "capture_\(number).jpg"),
        ("captures/", "thumbnails/", "capture_\(number)_thumbnail.jpg"),
        ("captures/", "metadata/", "capture_\(number).json"),
      ].randomElement(using: &random)!
      let seconds = 1_700_000_000 + Int.random(in: 0...span, using: &random)
      let nanoseconds = Int.random(in: 0...1, using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0:
        files.append(.init(Bytes(hot + name), seconds: seconds, nanoseconds: nanoseconds))
      case 1:
        let file = LayoutModel.File(Bytes(hot + "\(model.hour(seconds))/" + name), seconds: seconds)
        cold.append(file)
      default:
        files.append(.init(Bytes(flat + name), seconds: seconds, nanoseconds: nanoseconds))
      }
    }
    for kind in ["segments", "captures", "thumbnails", "metadata"] {
      model.hotLimits[kind] = [0, 1, 3, 10, 100].randomElement(using: &random)!
    }
    for number in 0..<Int.random(in: 0...4, using: &random) {
      others.append(
        Bytes(
          ["note_\(number).txt", "captures/capture_\(number).jpg.tmp", "segment_\(number).ts.tmp"]
            .randomElement(using: &random)!))
    }
    let segments = files.map(\.path.name).filter { $0.description.hasPrefix("segment_") }
    if Bool.random(using: &random) {
      model.pinned = Set(segments.shuffled(using: &random).prefix(Int.random(in: 0...20, using: &random)))
      playlistPlace = Bool.random(using: &random) ? "output.m3u8" : "segments/output.m3u8"
    }
  }

  func make(in folder: Folder) throws {
    try folder.makeFolder("captures")
    for file in files + cold {
      try folder.makeFile(file.path, seconds: file.seconds, nanoseconds: file.nanoseconds)
    }
    for path in Set(others) { try folder.makeFile(path) }
    if let playlistPlace { try folder.makePlaylist(playlistPlace, listing: Array(model.pinned)) }
  }

  /// The paths of all files once the capture is settled.
  var settled: Set<Bytes> {
    var paths = model.settled(files)
    paths.formUnion(cold.map(\.path))
    paths.formUnion(others)
    if let playlistPlace { paths.insert(model.keepLive ? playlistPlace : "segments/output.m3u8") }
    return paths
  }
}
