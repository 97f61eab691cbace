/// The names that live playlists list, as hashes of eight bytes each. A collision only keeps one more file hot.
public struct ListedNames: Sendable {
  /// Sorted, without duplicates.
  private var hashes: [UInt64] = []
  /// Set if a playlist is too large to be read: then any segment may be listed.
  public var mayBeAny = false

  public init() {}

  public var count: Int { hashes.count }

  /// Adds the hashes of names (`hashOfName`), in any order.
  public mutating func add(_ others: [UInt64]) {
    guard others.contains(where: { !containsHash($0) }) else { return }
    hashes += others
    hashes.sort()
    var last = 0
    for index in hashes.indices where hashes[index] != hashes[last] {
      last += 1
      hashes[last] = hashes[index]
    }
    hashes.removeLast(hashes.count - last - 1)
  }

  /// Whether a name may be listed: it is, or `mayBeAny`, or its hash collides.
  public func contains(_ name: Span<UInt8>) -> Bool {
    mayBeAny || (!hashes.isEmpty && containsHash(hashOfName(name)))
  }

  private func containsHash(_ hash: UInt64) -> Bool {
    var start = 0
    var end = hashes.count
    while start < end {
      let middle = start + (end - start) / 2
      if hashes[middle] < hash { start = middle + 1 } else { end = middle }
    }
    return start < hashes.count && hashes[start] == hash
  }
}

extension [UInt64] {
  /// Appends the hashes of the names that the last component of a URI may mean (`SegmentURI.decoded`).
  public mutating func append(namesIn component: Span<UInt8>) {
    append(hashOfName(component))
    if let decoded = SegmentURI.decoded(component) { append(hashOfName(decoded.span)) }
  }
}
