internal import CaptureLayout

protocol LayoutKey: RawRepresentable<String>, CaseIterable, Hashable {}

/// The keys of a layout file.
enum WholeKey: String, LayoutKey {
  case buckets
  case timeZone = "time-zone"
  case mounts
  case cold
  case kinds

  /// What belongs there.
  var expected: String {
    switch self {
    case .buckets: "give \(BucketRule.allCases.map(\.rawValue).joined(separator: " or "))"
    case .timeZone: "give the name of a time zone, such as Europe/Zurich"
    case .mounts:
      "give folders, each with the type of file system that is mounted there, such as tmpfs, or any"
    case .cold: "give where the buckets are, if not in the capture: root, and mount, type and uuid"
    case .kinds: "give the kinds of files, each with a name and keys of its own"
    }
  }
}

/// The keys of the cold root.
enum ColdKey: String, LayoutKey {
  case root, mount, type, uuid

  var expected: String {
    switch self {
    case .root: "give an absolute path, such as /mnt/disk/{capture}"
    case .mount: "give the absolute path at which the disk is mounted, such as /mnt/disk"
    case .type: MountKey.type.expected
    case .uuid: MountKey.uuid.expected
    }
  }
}

/// The keys of a mount, where it has more than a type.
enum MountKey: String, LayoutKey {
  case type, uuid

  var expected: String {
    switch self {
    case .type: "give the type of file system that is mounted there, such as ext4, or any"
    case .uuid: "give the UUID of the file system, as blkid prints it"
    }
  }
}

/// The keys of one of its kinds.
enum KindKey: String, LayoutKey {
  case match, except, flat, hot, cold, limit, retain, playlist
  case initialization = "init"

  var expected: String {
    switch self {
    case .match, .except: "give a pattern or a list of patterns"
    case .flat, .hot: "give a folder; '.' is the capture itself"
    case .cold: "give a folder"
    case .limit: "give a number"
    case .retain: "give a time from 1m to 3650d, such as 24h"
    case .playlist: "give a file name"
    case .initialization: "give a file name or a list of file names"
    }
  }

  /// What a rendered file says of it.
  var comment: String {
    switch self {
    case .match: "the names of its files; * stands for anything"
    case .except: "but not these"
    case .flat: "where the recorder writes them; . is the capture itself"
    case .hot: "the folder of the newest"
    case .cold: "the folder of the buckets, with all others"
    case .limit: "how many stay hot"
    case .retain: "for how long the others are kept, where retention is asked for"
    case .playlist: "the live playlist of these segments"
    case .initialization: "what players load before a segment (EXT-X-MAP)"
    }
  }
}
