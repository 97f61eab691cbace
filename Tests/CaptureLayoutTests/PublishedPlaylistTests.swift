import TestKit
import Testing

@testable import CaptureLayout

/// What a player that holds a playlist may rely on when it loads the next one: RFC 8216 sections 6.2.1 and 6.2.2.
@Suite struct PublishedPlaylistTests {
  /// A playlist as a player sees it, read from the RFC alone.
  struct Loaded {
    var mediaSequence = 0
    var discontinuitySequence = 0
    var targetSeconds = 0
    var type = ""
    var isFinished = false
    /// From the media sequence number on.
    var uris: [String] = []
    var durations: [String] = []
    /// The discontinuity sequence number of each segment.
    var discontinuities: [Int] = []
    let text: String

    init(_ text: String) {
      self.text = text
      var hasTag = false
      for line in text.split(separator: "\n").map(String.init) {
        let value = String(line.split(separator: ":", maxSplits: 1).dropFirst().first ?? "")
        switch line.prefix(while: { $0 != ":" }) {
        case "#EXT-X-MEDIA-SEQUENCE": mediaSequence = Int(value)!
        case "#EXT-X-DISCONTINUITY-SEQUENCE": discontinuitySequence = Int(value)!
        case "#EXT-X-TARGETDURATION": targetSeconds = Int(value)!
        case "#EXT-X-PLAYLIST-TYPE": type = value
        case "#EXT-X-ENDLIST": isFinished = true
        case "#EXT-X-DISCONTINUITY": hasTag = true
        case "#EXTINF": durations.append(value)
        default:
          guard !line.hasPrefix("#") else { continue }
          uris.append(line)
          discontinuities.append((discontinuities.last ?? discontinuitySequence) + (hasTag ? 1 : 0))
          hasTag = false
        }
      }
    }

    func index(_ sequence: Int) -> Int? {
      uris.indices.contains(sequence - mediaSequence) ? sequence - mediaSequence : nil
    }
  }

  struct Segment {
    let name: String
    let microseconds: Int64
  }

  static func write(
    _ segments: [Segment], after previous: Loaded?, isOver: Bool,
    startTime: (Span<UInt8>) -> Int64? = { _ in nil }
  ) -> Loaded {
    var archived = ArchivedSegments()
    for segment in segments {
      archived.append(
        Array(segment.name.utf8).span,
        ModificationTime(
          seconds: segment.microseconds / 1_000_000,
          nanoseconds: UInt32(segment.microseconds % 1_000_000) * 1000))
    }
    let published = previous.flatMap { PublishedPlaylist(parsing: Array($0.text.utf8)) }
    let playlist = ArchivePlaylist(
      of: archived, day: ArchivePlaylistTests.day, after: published, live: LiveDurations(), isOver: isOver,
      startTime: startTime)
    return Loaded(String(decoding: ArchivePlaylistTests.contents(playlist), as: UTF8.self))
  }

  static func run(_ numbers: Range<Int>, from seconds: Double, every step: Double) -> [Segment] {
    numbers.enumerated().map { index, number in
      let time = Double(ArchivePlaylistTests.start) + seconds + Double(index) * step
      return Segment(name: "segment_\(number).ts", microseconds: Int64(time * 1e6))
    }
  }

  /// An hour that fills, with gaps, restarts and segments of other lengths, while retention takes from its head; at last
  /// it is over.
  @Test(arguments: SeededRandom.seeds(80, campaign: 300)) func aPlayerCanGoOnFromEveryPlaylistToTheNext(
    seed: UInt64
  ) throws {
    var random = SeededRandom(seed)
    var segments: [Segment] = []
    var time = ArchivePlaylistTests.start * 1_000_000
    var number = 0
    var step: Int64 = [400_000, 1_000_000, 4_000_000].randomElement(using: &random)!
    var held: Loaded?
    for round in 0..<20 {
      if Int.random(in: 0..<3, using: &random) == 0 {
        segments.removeFirst(Int.random(in: 0...max(0, segments.count - 1), using: &random))
      }
      for _ in 0..<Int.random(in: round == 0 ? 1...6 : 0...6, using: &random) {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: time += Int64.random(in: 0...90_000_000, using: &random)
        case 1: number += 100
        case 2: step = [400_000, 1_000_000, 4_000_000].randomElement(using: &random)!
        default: break
        }
        number += 1
        time += step
        segments.append(Segment(name: "segment_\(number).ts", microseconds: time))
      }
      let isOver = round == 19
      let next = Self.write(segments, after: held, isOver: isOver)
      #expect(next.uris == segments.map(\.name), "HOTCOLD_SEED=\(seed)")
      if let held { Self.expectContinues(held, next, "HOTCOLD_SEED=\(seed)") }
      #expect(next.isFinished == isOver)
      #expect(next.type == (next.mediaSequence > 0 ? "" : "EVENT"), "HOTCOLD_SEED=\(seed)")
      // Nothing new: the very text again.
      #expect(Self.write(segments, after: next, isOver: isOver).text == next.text, "HOTCOLD_SEED=\(seed)")
      held = next
    }
  }

  static func expectContinues(_ held: Loaded, _ next: Loaded, _ comment: Comment) {
    #expect(next.mediaSequence >= held.mediaSequence, comment)
    for (index, uri) in held.uris.enumerated() {
      guard let now = next.index(held.mediaSequence + index) else {
        // Gone from the head, and from nowhere else.
        #expect(held.mediaSequence + index < next.mediaSequence, comment)
        continue
      }
      #expect(next.uris[now] == uri, comment)
      #expect(next.durations[now] == held.durations[index], comment)
      #expect(next.discontinuities[now] == held.discontinuities[index], comment)
    }
    if held.uris.contains(where: next.uris.contains) {
      let longest = next.durations.compactMap { Double($0.dropLast()) }.max() ?? 0
      #expect(next.targetSeconds == max(held.targetSeconds, Int(longest.rounded(.up))), comment)
    }
  }

  @Test func whenTheHourIsOverOnlyTheEndIsAdded() {
    let segments = Self.run(0..<10, from: 1, every: 1)
    let filling = Self.write(segments, after: nil, isOver: false)
    let over = Self.write(segments, after: filling, isOver: true)
    #expect(over.text == filling.text + "#EXT-X-ENDLIST\n")
  }

  @Test func aLateSegmentIsPutWhereItBelongs() {
    let all = Self.run(0..<10, from: 1, every: 1)
    let filling = Self.write(all.filter { $0.name != "segment_4.ts" }, after: nil, isOver: false)
    #expect(Self.write(all, after: filling, isOver: false).uris == all.map(\.name))
  }

  @Test func aSegmentThatIsGoneFromTheMiddleLeavesADiscontinuity() {
    let all = Self.run(0..<10, from: 1, every: 1)
    let before = Self.write(all, after: nil, isOver: false)
    let after = Self.write(all.filter { $0.name != "segment_4.ts" }, after: before, isOver: false)
    #expect(after.mediaSequence == 0 && after.discontinuities == [0, 0, 0, 0, 1, 1, 1, 1, 1])
  }

  @Test func whereNothingIsLeftOfWhatWasPublishedTheNumbersGoOn() {
    let before = Self.write(Self.run(0..<10, from: 1, every: 1), after: nil, isOver: false)
    let after = Self.write(Self.run(10..<15, from: 11, every: 1), after: before, isOver: false)
    #expect(after.mediaSequence == 10 && after.discontinuities.first == 1)
  }

  @Test func whatNobodyCanHavePublishedIsNotCarriedOn() {
    let segments = Self.run(0..<3, from: 1, every: 1)
    let clean = Self.write(segments, after: nil, isOver: false)
    let text = clean.text
    let hostile = [
      // 0.1.0's own, which say no day, are written anew.
      text.replacing("# day 2023-11-14\n", with: ""),
      text.replacing("#EXTINF:1.000000", with: "#EXTINF:99999999999999999999"),
      text.replacing("#EXTINF:1.000000", with: "#EXTINF:-1"),
      text.replacing(
        "#EXT-X-TARGETDURATION:\(clean.targetSeconds)", with: "#EXT-X-TARGETDURATION:9223372036854775807"),
      text.replacing("#EXT-X-MEDIA-SEQUENCE:0", with: "#EXT-X-MEDIA-SEQUENCE:-7"),
    ]
    for contents in hostile {
      #expect(contents != text)
      #expect(Self.write(segments, after: Loaded(contents), isOver: false).text == text)
    }
    let huge = text.replacing("#EXT-X-MEDIA-SEQUENCE:0", with: "#EXT-X-MEDIA-SEQUENCE:9223372036854775807")
    #expect(Self.write(Array(segments.dropFirst()), after: Loaded(huge), isOver: false).mediaSequence > 1)
  }

  @Test func arbitraryBytesDoNotTrap() {
    for seed in SeededRandom.seeds(120, campaign: 500) {
      var random = SeededRandom(seed)
      var bytes = Array(Self.write(Self.run(0..<5, from: 1, every: 1), after: nil, isOver: false).text.utf8)
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        bytes[Int.random(in: 20..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      var archived = ArchivedSegments()
      archived.append(Array("segment_3.ts".utf8).span, ModificationTime(seconds: 1, nanoseconds: 0))
      let playlist = ArchivePlaylist(
        of: archived, day: ArchivePlaylistTests.day, after: PublishedPlaylist(parsing: bytes),
        live: LiveDurations(),
        isOver: false)
      #expect(!ArchivePlaylistTests.contents(playlist).isEmpty, "HOTCOLD_SEED=\(seed)")
    }
  }
}

/// Times of MPEG transport streams, written from ISO/IEC 13818-1 by hand.
@Suite struct StreamTimeTests {
  static func packet(stream: UInt8, time: Int64?, adaptationBytes: Int? = nil) -> [UInt8] {
    var bytes: [UInt8] = [0x47, 0x41, 0x00, adaptationBytes == nil ? 0x10 : 0x30]
    if let count = adaptationBytes {
      bytes.append(UInt8(count))
      bytes += Array(repeating: 0xff, count: count)
    }
    bytes += [0, 0, 1, stream, 0, 0, 0x80, time == nil ? 0 : 0x80, time == nil ? 0 : 5]
    if let time {
      bytes += [
        0x21 | UInt8(time >> 29 & 0x0e), UInt8(time >> 22 & 0xff), UInt8(time >> 14 & 0xfe) | 1,
        UInt8(time >> 7 & 0xff), UInt8(time << 1 & 0xfe) | 1,
      ]
    }
    return bytes + Array(repeating: 0xff, count: 188 - bytes.count)
  }

  static let tables: [UInt8] = [0x47, 0x40, 0x00, 0x10] + Array(repeating: 0xff, count: 184)

  @Test(arguments: [0, 1, 90_000, 1 << 30, 5_000_000_000, (1 << 33) - 1] as [Int64])
  func theTimeOfTheFirstVideoPacketIsRead(time: Int64) {
    let video = Self.tables + Self.packet(stream: 0xc0, time: 7) + Self.packet(stream: 0xe0, time: time)
    #expect(StreamTime.first(in: video.span) == time)
    #expect(StreamTime.first(in: Self.packet(stream: 0xc0, time: time).span) == time)
    #expect(StreamTime.first(in: Self.packet(stream: 0xe0, time: time, adaptationBytes: 60).span) == time)
  }

  @Test func whatHasNoTimeHasNone() {
    for bytes: [UInt8] in [
      [], Self.tables, Self.packet(stream: 0xe0, time: nil), Array(repeating: 0x47, count: 187),
      [0x47, 0x41, 0, 0x30, 0xff] + Self.packet(stream: 0xe0, time: 9).dropFirst(5),
      Array(repeating: 0xff, count: 16 << 10),
      Array("<html>".utf8),
    ] {
      #expect(StreamTime.first(in: bytes.span) == nil)
    }
    for seed in SeededRandom.seeds(120, campaign: 500) {
      var random = SeededRandom(seed)
      var bytes = Self.tables + Self.packet(stream: 0xe0, time: 5, adaptationBytes: 20)
      for _ in 0..<40 {
        bytes[Int.random(in: 188..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if let time = StreamTime.first(in: bytes.span) { #expect((0..<StreamTime.period).contains(time)) }
    }
  }

  /// A recorder that starts again at once takes the next number, so that the clock shows nothing.
  @Test(arguments: [
    [], [1], [2], [3], [4], [9], [17], [1000], [3599], [1, 2, 3], [5, 8, 2000, 2002], [100, 3000],
  ])
  func aRestartShowsInTheStreamsOwnTime(restarts: [Int]) {
    let segments = PublishedPlaylistTests.run(0..<3600, from: 1, every: 1)
    var reads = 0
    let loaded = PublishedPlaylistTests.write(segments, after: nil, isOver: true) { name in
      reads += 1
      let number = Int(FileName.number(of: name)!)
      return Int64(number - (restarts.last { $0 <= number } ?? 0)) * 90_000 + 126_000
    }
    #expect(loaded.discontinuities == segments.indices.map { index in restarts.count { $0 <= index } })
    #expect(reads < 60 * (restarts.count + 1), "\(reads) of 3,600 segments")
  }

  /// A time lapse: a second of it is a minute on the clock.
  @Test func aStreamThatDoesNotGoByTheClockIsNotReadWhole() {
    let segments = PublishedPlaylistTests.run(0..<3600, from: 1, every: 1)
    var reads = 0
    let loaded = PublishedPlaylistTests.write(segments, after: nil, isOver: true) { name in
      reads += 1
      return FileName.number(of: name)! * 1500
    }
    #expect(loaded.discontinuities.allSatisfy { $0 == 0 })
    #expect(reads < 300, "\(reads) of 3,600 segments")
  }

  @Test func theClockOfTheStreamMayTurnOver() {
    let segments = PublishedPlaylistTests.run(0..<100, from: 1, every: 1)
    let loaded = PublishedPlaylistTests.write(segments, after: nil, isOver: true) { name in
      (StreamTime.period - 4_500_000 + FileName.number(of: name)! * 90_000) % StreamTime.period
    }
    #expect(loaded.discontinuities.allSatisfy { $0 == 0 })
  }
}
