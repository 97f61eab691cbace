/// A modification time. Seconds and nanoseconds are kept apart: nanoseconds in a single 64-bit number overflow in
/// the year 2262, and ext4 stores times up to 2446.
public struct ModificationTime: Comparable, Hashable, Sendable {
  /// Since the epoch, negative before 1970.
  public var seconds: Int64
  public var nanoseconds: UInt32

  public init(seconds: Int64, nanoseconds: UInt32) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  /// Seconds from this time to `now`, negative for a time in the future. Any program can set any time (utimensat(2)), so
  /// the result saturates.
  public func age(atSeconds now: Int64) -> Int64 { now.subtractingSaturating(seconds) }

  public static func < (left: Self, right: Self) -> Bool {
    left.seconds != right.seconds
      ? left.seconds < right.seconds : left.nanoseconds < right.nanoseconds
  }
}

/// Identifies a file for comparison: a hash of its name, its kind and its inode. A move changes none of them.
public struct FileIdentity: Hashable, Sendable {
  /// The kind is in the low three bits.
  public let nameHash: UInt64
  public let inode: UInt64

  public init(name: Span<UInt8>, kind: Kind, inode: UInt64) {
    nameHash = hashOfName(name) & ~7 | UInt64(kind.index)
    self.inode = inode
  }

  init(nameHash: UInt64, inode: UInt64) {
    self.nameHash = nameHash
    self.inode = inode
  }

  public var kind: Kind { Kind(Int(nameHash & 7)) }
}

/// Hashes a name eight bytes at a time: each word is combined with the hash so far and multiplied (as FNV-1a does with
/// bytes), the high bits are folded into the low ones, and the result is mixed. Unseeded: a name has the same hash in every
/// pass of a run.
public func hashOfName(_ name: Span<UInt8>) -> UInt64 {
  var hash = 0xcbf2_9ce4_8422_2325 ^ UInt64(name.count)
  var index = 0
  while name.count &- index >= 8 {
    hash = folded(hash ^ name.word(at: index))
    index &+= 8
  }
  var rest: UInt64 = 0
  while index < name.count {
    rest = rest &<< 8 | UInt64(name[index])
    index &+= 1
  }
  return mixed(hash ^ rest)
}

private func folded(_ value: UInt64) -> UInt64 {
  let product = value &* 0x9fb2_1c65_1e98_df25
  return product ^ (product >> 32)
}

/// SplitMix64 (Steele, Lea and Flood, 2014): every bit of the result depends on every bit of the input.
package func mixed(_ value: UInt64) -> UInt64 {
  var value = value &+ 0x9e37_79b9_7f4a_7c15
  value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
  value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
  return value ^ (value >> 31)
}

/// What is known about a file of some kind when it is settled.
public struct FileFacts: Sendable {
  public let place: Place
  /// Whether `place` is the hot place of its kind.
  public let isInHotPlace: Bool
  public let modified: ModificationTime
  public let identity: FileIdentity
  public var kind: Kind { identity.kind }

  public init(place: Place, isInHotPlace: Bool, modified: ModificationTime, identity: FileIdentity) {
    self.place = place
    self.isInHotPlace = isInHotPlace
    self.modified = modified
    self.identity = identity
  }
}
