internal import CaptureLayout

protocol LayoutKey: RawRepresentable<String>, CaseIterable, Hashable {}

/// The top-level keys of a layout file.
enum WholeKey: String, LayoutKey {
  case buckets
  case timeZone = "time-zone"
  case mounts
  case cold
  case kinds

  /// The message for a wrong value.
  var expected: String {
    switch self {
    case .buckets: "expected \(BucketRule.allCases.map(\.rawValue).joined(separator: " or "))"
    case .timeZone: "expected the name of a time zone, such as Europe/Zurich"
    case .mounts:
      "expected folders, each with the type of the file system mounted there, such as tmpfs, or any"
    case .cold:
      "expected where the buckets are if not in the capture: root, and optionally mount, type and uuid"
    case .kinds: "expected the kinds of files, each a name with its own keys"
    }
  }
}

/// The keys of the cold root.
enum ColdKey: String, LayoutKey {
  case root, mount, type, uuid

  var expected: String {
    switch self {
    case .root: "expected an absolute path, such as /mnt/disk/{capture}"
    case .mount: "expected the absolute path at which the disk is mounted, such as /mnt/disk"
    case .type: MountKey.type.expected
    case .uuid: MountKey.uuid.expected
    }
  }
}

/// The keys of a mount that has more than a type.
enum MountKey: String, LayoutKey {
  case type, uuid

  var expected: String {
    switch self {
    case .type: "expected the type of the file system mounted there, such as ext4, or any"
    case .uuid: "expected the UUID of the file system, as blkid prints it"
    }
  }
}

/// The keys of a kind.
enum KindKey: String, LayoutKey {
  case match, except, flat, hot, cold, limit, retain, playlist
  case initialization = "init"

  var expected: String {
    switch self {
    case .match, .except: "expected a pattern or a list of patterns"
    case .flat, .hot: "expected a folder; '.' is the capture itself"
    case .cold: "expected a folder"
    case .limit: "expected a whole number"
    case .retain: "expected a duration from 1m to 3650d, such as 24h"
    case .playlist: "expected a file name"
    case .initialization: "expected a file name or a list of file names"
    }
  }

  /// The comment on it in a rendered file.
  var comment: String {
    switch self {
    case .match: "its file names; * stands for anything"
    case .except: "but not these"
    case .flat: "where the recorder writes them; . is the capture itself"
    case .hot: "the folder of the newest files"
    case .cold: "the folder with the buckets, for all other files"
    case .limit: "how many stay hot"
    case .retain: "how long the others are kept, if retention is enabled"
    case .playlist: "the live playlist of these segments"
    case .initialization: "what players load before a segment (EXT-X-MAP)"
    }
  }
}
