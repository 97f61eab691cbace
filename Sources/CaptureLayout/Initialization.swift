/// The names under which hotcold keeps earlier contents of an init segment (fMP4; RFC 8216 section 3.3): an encoder that is
/// restarted with another resolution overwrites it, and the earlier segments can only be played with the earlier contents.
public enum InitializationCopy {
  private static let timeCount = 16

  /// The name of a copy: `init.mp4` becomes `init.20261124T130501Z.mp4`. Nil if that is too long for a file name, or if the
  /// year does not have four digits.
  ///
  /// - Parameters:
  ///   - original: the name of the init segment.
  ///   - seconds: since the epoch: the moment from which segments were made with it.
  public static func name(of original: String, seconds: Int64) -> String? {
    let (stem, ending) = parts(of: original)
    let time = ModificationTime(seconds: seconds, nanoseconds: 0).compactText
    guard time.utf8.count == timeCount, Self.seconds(Array(time.utf8).span) == seconds else { return nil }
    let name = "\(stem).\(time)\(ending)"
    return TemporaryName.ofAside(name).utf8.count <= FileName.longest ? name : nil
  }

  /// The moment in the name of a copy, in seconds since the epoch; nil for any other name.
  public static func seconds(in name: Span<UInt8>, of original: String) -> Int64? {
    let (stem, ending) = parts(of: original)
    let start = stem.utf8.count + 1
    guard name.count == start + timeCount + ending.utf8.count,
      let seconds = seconds(name.extracting(start..<start + timeCount)),
      let copy = self.name(of: original, seconds: seconds), name.isEqual(to: copy)
    else { return nil }
    return seconds
  }

  /// Whether it is the name of a copy that was being written when its run was killed.
  public static func isTemporary(_ name: Span<UInt8>, of original: String) -> Bool {
    TemporaryName.nameOfWritten(name).map { seconds(in: name.extracting($0), of: original) != nil } ?? false
  }

  /// Whether it is the name of a copy, or of the init segment itself, that was about to be removed when its run was killed.
  public static func isAside(_ name: Span<UInt8>, of original: String) -> Bool {
    guard let range = TemporaryName.nameOfAside(name) else { return false }
    let name = name.extracting(range)
    return name.isEqual(to: original) || seconds(in: name, of: original) != nil
  }

  /// Matches the name of every copy.
  static func pattern(of original: String) -> Glob? {
    let (stem, ending) = parts(of: original)
    return Glob("\(stem).*T*Z\(ending)")
  }

  private static func parts(of name: String) -> (stem: Substring, ending: Substring) {
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return (name[...], "") }
    return (name[..<dot], name[dot...])
  }

  /// Does not check that the date exists: the caller does, by formatting the result again.
  private static func seconds(_ text: Span<UInt8>) -> Int64? {
    func number(_ range: Range<Int>) -> Int64? {
      var number: Int64 = 0
      for index in range {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[index]) else { return nil }
        number = number * 10 + Int64(text[index] - UInt8(ascii: "0"))
      }
      return number
    }
    guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8),
      let hour = number(9..<11), let minute = number(11..<13), let second = number(13..<15)
    else { return nil }
    return CalendarTime.days(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60
      + second
  }
}

/// The contents of an init segment.
public enum InitializationSection {
  /// Whether it may have been left half written by a killed run, or as zeros of the right length by a power cut.
  public static func mayBeUnfinished(_ bytes: Span<UInt8>) -> Bool {
    let type = Array("ftyp".utf8)
    return bytes.indices.allSatisfy { !(4..<8).contains($0) || bytes[$0] == type[$0 - 4] }
      || bytes.indices.allSatisfy { bytes[$0] == 0 }
  }

  /// Whether it is a complete init segment: boxes that follow each other up to the last byte (ISO/IEC 14496-12 section 4.2),
  /// `ftyp` first, a `moov` among them, and no media (`mdat`, `moof`), which a complete video would have. False while it is
  /// still being written.
  public static func isWhole(_ bytes: Span<UInt8>) -> Bool {
    var start = 0
    var hasMovie = false
    while start < bytes.count {
      guard bytes.count - start >= 8 else { return false }
      let size = (0..<4).reduce(0) { $0 << 8 | Int(bytes[start + $1]) }
      let type = bytes.extracting(start + 4..<start + 8)
      guard size >= 8, size <= bytes.count - start, start > 0 || type.isEqual(to: "ftyp"),
        !type.isEqual(to: "mdat"), !type.isEqual(to: "moof")
      else { return false }
      if type.isEqual(to: "moov") { hasMovie = true }
      start += size
    }
    return hasMovie
  }
}

/// An init segment: a file that a player loads before segments.
public struct InitializationFile: Equatable, Sendable {
  public let name: String
  public let place: Place
  /// When segments made with it begin.
  public let since: ModificationTime

  public init(name: String, place: Place, since: ModificationTime) {
    self.name = name
    self.place = place
    self.since = since
  }
}

/// Which init segment each segment of a playlist was made with, as a URI in that playlist.
public struct SegmentMaps: Sendable {
  private let maps: [(since: ModificationTime, uri: String)]

  public static let none = SegmentMaps([])

  public init(_ maps: [(since: ModificationTime, uri: String)]) {
    self.maps = maps.sorted { ($0.since, $0.uri) < ($1.since, $1.uri) }
  }

  /// The init segment of a segment with this modification time; nil if there are none. An encoder writes it before it
  /// finishes the first segment, so it is the newest one that is not newer than the segment. For segments older than all of
  /// them it is not known; the oldest is assumed.
  func index(at modified: ModificationTime) -> Int? {
    maps.isEmpty ? nil : maps.lastIndex { $0.since <= modified } ?? 0
  }

  func uri(at index: Int) -> String { maps[index].uri }
}

extension Layout {
  /// The init segments as the playlist of a bucket names them.
  public func maps(_ files: [InitializationFile], from bucket: Bucket) -> SegmentMaps {
    guard let stream, !files.isEmpty else { return .none }
    return SegmentMaps(
      files.map { ($0.since, uri(of: $0.name, in: $0.place, from: bucket, stream.kind)) })
  }

  /// Whether it is the name of the live playlist, of an init segment or of a copy of one, in a place where such files may be.
  public func isOfStream(_ name: Span<UInt8>, in place: Place) -> Bool {
    guard let stream else { return false }
    if holdsPlaylist(place), name.isEqual(to: stream.playlist) || isInitialization(name) { return true }
    return (holdsPlaylist(place) || coldPlacesOfStream.contains(place)) && isInitializationCopy(name)
  }

  public func isInitialization(_ name: Span<UInt8>) -> Bool {
    stream?.initialization.contains { name.isEqual(to: $0) } ?? false
  }

  /// The folders that contain the stream's buckets, in every tree.
  public var coldPlacesOfStream: [Place] {
    guard let kind = stream?.kind else { return [] }
    return trees.compactMap { $0.places[kind] }
  }

  /// Whether it is the name of a copy of an init segment, or the temporary name of one that was being written or removed.
  public func isInitializationCopy(_ name: Span<UInt8>) -> Bool {
    stream?.initialization.contains {
      InitializationCopy.seconds(in: name, of: $0) != nil || InitializationCopy.isTemporary(name, of: $0)
        || InitializationCopy.isAside(name, of: $0)
    } ?? false
  }
}
