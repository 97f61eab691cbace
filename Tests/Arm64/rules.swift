// The pure rules (Sources/CaptureLayout) on another architecture, compiled together with them: what it prints must be the same on
// every one. Embedded Swift, since that has a standard library for arm64 where the toolchain has no other.

/// What the sources take from Swift's string processing, which Embedded Swift does not have.
extension String {
  func replacing(_ part: String, with other: String) -> String {
    var rest = Array(utf8)[...]
    var result: [UInt8] = []
    while !rest.isEmpty {
      if rest.starts(with: part.utf8) {
        result += Array(other.utf8)
        rest = rest.dropFirst(part.utf8.count)
      } else {
        result.append(rest.removeFirst())
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  func contains(_ part: String) -> Bool {
    let bytes = Array(utf8)
    return bytes.indices.contains { bytes[$0...].starts(with: part.utf8) }
  }
}

struct Random {
  var state: UInt64
  mutating func next(below limit: UInt64) -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 33) % limit
  }
}

/// Of all bytes in their order.
struct Digest {
  var value: UInt64 = 0xcbf2_9ce4_8422_2325
  mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
  mutating func add(_ bytes: [UInt8]) { for byte in bytes { add(byte) } }
  mutating func add(_ text: String) { for byte in text.utf8 { add(byte) } }
  mutating func add(_ number: Int64) {
    for shift in 0..<8 { add(UInt8(truncatingIfNeeded: number >> (8 * shift))) }
  }
}

/// Names of every kind and of none, some with bytes beyond ASCII, settled in random order at times before and after 1970.
func settle(_ seed: UInt64, _ digest: inout Digest) -> (hot: Int, cold: Int) {
  var random = Random(state: seed)
  var rule = SettleRule(of: .guide)
  if seed % 3 == 0 { rule.youngSince = ModificationTime(seconds: 1_700_000_000, nanoseconds: 0) }
  var settler = Settler(layout: .guide, rule: rule, hours: HourClock { $0 % 7200 < 3600 ? 3600 : -5400 })
  var counts = (hot: 0, cold: 0)
  for number in 0..<500 {
    let names = [
      "segment_\(number).ts", "capture_\(number).jpg", "capture_\(number)_thumbnail.jpg",
      "capture_\(number).json", "\u{e9}\(number).ts",
      "segment_\u{ff}\(number).ts",
    ]
    let name = Array(names[Int(random.next(below: 6))].utf8)
    guard let kind = FileName.kind(of: name.span) else {
      digest.add(name)
      continue
    }
    let seconds =
      Int64(random.next(below: 200_000)) * 37 - (random.next(below: 4) == 0 ? 5_000_000 : -1_700_000_000)
    let place = Layout.guide[kind].hot
    let facts = FileFacts(
      place: place, isInHotPlace: true,
      modified: ModificationTime(seconds: seconds, nanoseconds: UInt32(random.next(below: 3))),
      identity: FileIdentity(name: name.span, kind: kind, inode: UInt64(number)))
    settler.offer(name.span, facts) { name, facts, bucket in
      counts.cold += 1
      for index in name.indices { digest.add(name[index]) }
      digest.add(facts.modified.seconds)
      if let bucket { digest.add(Layout.guide.path(of: bucket, facts.kind)) }
    }
  }
  settler.forEachHot { name, facts in
    counts.hot += 1
    for index in name.indices { digest.add(name[index]) }
  }
  return counts
}

/// A playlist with damage in it.
func parse(_ seed: UInt64, _ digest: inout Digest) -> Int {
  var random = Random(state: seed)
  var text = Array("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n".utf8)
  for number in 0..<100 { text += Array("#EXTINF:\(number % 9).\(number),\nsegment_\(number).ts\n".utf8) }
  for _ in 0..<random.next(below: 40) {
    text[Int(random.next(below: UInt64(text.count)))] = UInt8(random.next(below: 256))
  }
  let names = MediaPlaylist(parsing: text).segmentNames
  for name in names { digest.add(name) }
  return names.count
}

@main struct Rules {
  static func main() {
    var digest = Digest()
    var total = (hot: 0, cold: 0, listed: 0)
    for seed in 1...200 as ClosedRange<UInt64> {
      let counts = settle(seed, &digest)
      total.hot += counts.hot
      total.cold += counts.cold
      total.listed += parse(seed, &digest)
    }
    print(
      "rules: \(total.hot) hot files, \(total.cold) cold ones, \(total.listed) listed; all names and places: \(digest.value)"
    )
  }
}
