/// The stream's own time, in ticks of 90 kHz (ISO/IEC 13818-1), and whether it continues from one segment to the next.
public enum StreamTime {
  /// Bytes of the beginning of a segment that are enough: it begins with its tables and the first picture.
  public static let bytesNeeded = 16 << 10
  private static let packetBytes = 188
  /// Times are 33-bit counters, which wrap around after a little more than a day.
  static let period: Int64 = 1 << 33

  /// The first presentation time in the beginning of a segment: in an MPEG transport stream, that of the first video packet,
  /// or of another stream if there is no video; in fMP4, that of the segment index. Reads untrusted bytes; nil for anything
  /// else.
  public static func first(in bytes: Span<UInt8>) -> Int64? {
    guard bytes.count > 0, bytes[0] == 0x47 else { return indexTime(in: bytes) }
    var other: Int64?
    var start = 0
    while start + packetBytes <= bytes.count, bytes[start] == 0x47 {
      let packet = bytes.extracting(start..<start + packetBytes)
      if let (time, isVideo) = presentationTime(in: packet) {
        if isVideo { return time }
        other = other ?? time
      }
      start += packetBytes
    }
    return other
  }

  /// Whether a segment that begins at `next` can continue one that begins at `before` and has at most this duration.
  static func goesOn(from before: Int64, to next: Int64, longestMicroseconds: Int64) -> Bool {
    let ticks = (next - before) % period
    return (1...max(1, longestMicroseconds * 9 / 100)).contains(ticks < 0 ? ticks + period : ticks)
  }

  /// The earliest presentation time in a segment index (ISO/IEC 14496-12 section 8.16.3, `sidx`), which precedes the samples.
  private static func indexTime(in bytes: Span<UInt8>) -> Int64? {
    func number(_ start: Int, _ count: Int) -> Int64 {
      (start..<start + count).reduce(0) { $0 << 8 | Int64(bytes[$1]) }
    }
    let headerBytes = 8
    var start = 0
    while start + headerBytes <= bytes.count {
      let size = Int(number(start, 4))
      guard size >= headerBytes else { return nil }
      let isIndex = number(start + 4, 4) == 0x7369_6478
      guard isIndex, start + 28 <= bytes.count else {
        start += size
        continue
      }
      let scale = number(start + 16, 4)
      let time = bytes[start + 8] == 0 ? number(start + 20, 4) : number(start + 20, 8)
      guard scale > 0, time >= 0 else { return nil }
      return time / scale % period * 90_000 + time % scale * 90_000 / scale
    }
    return nil
  }

  /// The presentation time of a PES packet that begins in this transport packet (sections 2.4.3.2 and 2.4.3.6).
  private static func presentationTime(in packet: Span<UInt8>) -> (time: Int64, isVideo: Bool)? {
    let begins = packet[1] & 0x40 != 0
    let hasPayload = packet[3] & 0x10 != 0
    let hasAdaptation = packet[3] & 0x20 != 0
    guard begins, hasPayload else { return nil }
    let start = 4 + (hasAdaptation ? 1 + Int(packet[4]) : 0)
    guard start + 14 <= packet.count, packet[start] == 0, packet[start + 1] == 0, packet[start + 2] == 1,
      packet[start + 6] & 0xc0 == 0x80, packet[start + 7] & 0x80 != 0
    else { return nil }
    let field = packet.extracting(start + 9..<start + 14)
    let time =
      Int64(field[0] >> 1 & 7) << 30 | Int64(field[1]) << 22 | Int64(field[2] >> 1) << 15
      | Int64(field[3]) << 7 | Int64(field[4] >> 1)
    return (time, (0xe0...0xef).contains(packet[start + 3]))
  }
}

/// Finds segments that do not continue the previous one, by the stream's own time.
struct StreamSeams {
  typealias StartTime = (Span<UInt8>) -> Int64?

  /// Over this many steps or fewer the clock is not precise enough: each pair of segments is compared by itself.
  private static let pairsMax = 4
  /// A stream that loses time this often without a seam does not follow the clock at all: a time lapse, a conversion.
  private static let missesMax = 8

  private let longest: Int64
  /// Known start times by index of the segment; nil for a segment without one.
  private var times: [Int: Int64?] = [:]

  init(longest: Int64) { self.longest = longest }

  private mutating func time(
    _ segments: borrowing ArchivedSegments, _ index: Int, _ startTime: StartTime
  ) -> Int64? {
    if let known = times[index] { return known }
    let time = startTime(segments.name(at: index))
    times[index] = .some(time)
    return time
  }

  /// Whether a segment continues the previous one, which lasts at most `longest` microseconds. True if unknown.
  mutating func goesOn(
    _ segments: borrowing ArchivedSegments, to index: Int, longest: Int64, _ startTime: StartTime
  ) -> Bool {
    guard let before = time(segments, index - 1, startTime), let next = time(segments, index, startTime)
    else { return true }
    return StreamTime.goesOn(from: before, to: next, longestMicroseconds: longest)
  }

  /// Finds the segments that do not continue the previous one. If as much time passes between two segments in the stream as on
  /// the clock, there is no seam between them, so a whole run costs only a few reads. A recorder that restarts loses the time
  /// since it started, which is why the compared distance doubles from there on.
  mutating func find(
    in segments: borrowing ArchivedSegments, from first: Int, to last: Int, _ startTime: StartTime
  ) -> [Int] {
    var seams: [Int] = []
    var start = first
    var lower = first
    var missesLeft = Self.missesMax
    while lower < last, missesLeft > 0 {
      let upper = min(last, lower + max(1, lower - start))
      let keepsPace = upper - lower <= Self.pairsMax || keepsPace(segments, lower, upper, startTime)
      if !keepsPace || upper - lower <= Self.pairsMax,
        let seam = firstSeam(in: segments, lower, upper, startTime)
      {
        seams.append(seam)
        start = seam
        lower = seam
      } else {
        if !keepsPace { missesLeft -= 1 }
        lower = upper
      }
    }
    return seams
  }

  /// Bisects a range in which the stream does not keep pace with the clock.
  private mutating func firstSeam(
    in segments: borrowing ArchivedSegments, _ first: Int, _ last: Int, _ startTime: StartTime
  ) -> Int? {
    var lower = first
    var upper = last
    while upper - lower > Self.pairsMax {
      let middle = lower + (upper - lower) / 2
      if keepsPace(segments, lower, middle, startTime) { lower = middle } else { upper = middle }
    }
    while lower < upper {
      lower += 1
      if !goesOn(segments, to: lower, longest: longest, startTime) { return lower }
    }
    return nil
  }

  private mutating func keepsPace(
    _ segments: borrowing ArchivedSegments, _ first: Int, _ last: Int, _ startTime: StartTime
  ) -> Bool {
    guard let start = time(segments, first, startTime), let end = time(segments, last, startTime) else {
      return true
    }
    let clock = segments.modified(at: last).microseconds(since: segments.modified(at: first))
    let ticks = (end - start) % StreamTime.period
    let stream = (ticks < 0 ? ticks + StreamTime.period : ticks) * 100 / 9
    // The stream's time is of a segment's beginning, the clock's of its end; and clocks drift.
    let tolerance = longest + clock / 200
    return abs(stream - clock) <= tolerance
  }
}
