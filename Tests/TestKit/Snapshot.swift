import CTestKit
import Glibc

/// Everything that a migration must keep, for every entry below a folder.
public struct Snapshot: Equatable, Sendable {
  public struct Entry: Hashable, Sendable {
    public var type: UInt32
    public var inode: UInt64
    public var size: Int
    public var modifiedSeconds: Int
    public var modifiedNanoseconds: Int
    public var mode: UInt32
    public var owner: UInt32
    public var group: UInt32
    /// FNV-1a of the content.
    public var contentHash: UInt64
    /// FNV-1a of the names and values of its extended attributes, in order of name.
    public var attributesHash: UInt64
    public var isFolder: Bool { type == UInt32(S_IFDIR) }
    public var isFile: Bool { type == UInt32(S_IFREG) }
  }

  /// By path, relative to the folder.
  public private(set) var entries: [Bytes: Entry] = [:]
  /// Change times: they tell whether anything was written at all.
  public private(set) var changeTimes: [Bytes: [Int]] = [:]
  /// Playlists written by hotcold, by path. They are its own files, so they are not among `entries`.
  public private(set) var manifests: [Bytes: [UInt8]] = [:]

  /// Temporary files of playlists, which a killed run leaves until the next one.
  public private(set) var leftovers: Set<Bytes> = []

  public init(_ folder: String) throws { try read(Bytes(folder), relative: "") }

  public var files: [Bytes: Entry] { entries.filter { $0.value.isFile } }

  /// The files by name, regardless of place: what must be the same before and after.
  public var contents: [Bytes: Set<Entry>] {
    files.reduce(into: [:]) { $0[$1.key.name, default: []].insert($1.value) }
  }

  /// The paths of all files.
  public var paths: Set<Bytes> { Set(files.keys) }

  public func count(in folder: Bytes) -> Int {
    files.keys.count { $0.folder == folder }
  }

  /// Matches archive.m3u8 and archive-2026-11-24.m3u8. By bytes, because it is called for every file.
  private static func isOfPlaylist(_ name: Bytes, prefix: String, suffix: String) -> Bool {
    let (start, end) = (Array("\(prefix)archive".utf8), Array(".m3u8\(suffix)".utf8))
    let bytes = name.bytes
    guard bytes.starts(with: start), bytes.count >= start.count + end.count,
      bytes.suffix(end.count) == end[...]
    else {
      return false
    }
    let day = bytes[start.count..<bytes.count - end.count]
    return day.isEmpty || (day.count == "-2026-11-24".utf8.count && day.first == UInt8(ascii: "-"))
  }

  private mutating func read(_ path: Bytes, relative: Bytes) throws {
    var status = stat()
    guard path.withCString({ lstat($0, &status) }) == 0 else { throw PreparationError("lstat \(path)") }
    changeTimes[relative] = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    let type = status.st_mode & UInt32(S_IFMT)
    if type == UInt32(S_IFREG), Self.isOfPlaylist(relative.name, prefix: ".", suffix: ".hotcold") {
      leftovers.insert(relative)
      return
    }
    if type == UInt32(S_IFREG), Self.isOfPlaylist(relative.name, prefix: "", suffix: "") {
      let contents = try Self.contents(path)
      if contents.starts(with: "#EXTM3U\n# hotcold\n".utf8) {
        manifests[relative] = contents
        return
      }
    }
    entries[relative] = Entry(
      type: type, inode: UInt64(status.st_ino), size: type == UInt32(S_IFDIR) ? 0 : status.st_size,
      modifiedSeconds: type == UInt32(S_IFDIR) ? 0 : status.st_mtim.tv_sec,
      modifiedNanoseconds: type == UInt32(S_IFDIR) ? 0 : status.st_mtim.tv_nsec,
      mode: status.st_mode & 0o7777, owner: status.st_uid, group: status.st_gid,
      contentHash: type == UInt32(S_IFREG) ? try Self.hash(path) : 0,
      attributesHash: Self.hashAttributes(path))
    guard type == UInt32(S_IFDIR) else { return }
    for name in try Self.list(path) {
      let child = relative.bytes.isEmpty ? name : relative + "/" + name
      do { try read(path + "/" + name, relative: child) } catch {
        // While a recorder is running, a file may disappear after it was listed.
        guard (path + "/" + name).withCString({ lstat($0, &status) }) != 0, errno == ENOENT else {
          throw error
        }
        changeTimes[child] = nil
      }
    }
  }

  /// The number of entries in a folder; 0 if it does not exist.
  public static func entryCount(_ folder: String) -> Int { (try? list(Bytes(folder)).count) ?? 0 }

  private static func list(_ path: Bytes) throws -> [Bytes] {
    guard let stream = path.withCString({ opendir($0) }) else { throw PreparationError("opendir \(path)") }
    defer { closedir(stream) }
    var names: [Bytes] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: UInt8.self, capacity: 256) { start in
          Bytes(
            Array(
              UnsafeBufferPointer(
                start: start, count: strlen(UnsafeRawPointer(start).assumingMemoryBound(to: CChar.self)))))
        }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  private static let emptyHash: UInt64 = 0xcbf2_9ce4_8422_2325

  private static func hash(_ path: Bytes) throws -> UInt64 {
    var hash = emptyHash
    add(try contents(path)[...], to: &hash)
    return hash
  }

  private static func contents(_ path: Bytes) throws -> [UInt8] {
    let file = path.withCString { open($0, O_RDONLY | O_CLOEXEC) }
    guard file >= 0 else { throw PreparationError("open \(path)") }
    defer { close(file) }
    var contents: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(file, &chunk, chunk.count)
      if count <= 0 { return contents }
      contents += chunk[..<count]
    }
  }

  private static func add(_ bytes: ArraySlice<UInt8>, to hash: inout UInt64) {
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }

  private static func hashAttributes(_ path: Bytes) -> UInt64 {
    var hash = emptyHash
    var list = [CChar](repeating: 0, count: 4096)
    let length = path.withCString { ctk_list_attributes($0, &list, list.count) }
    guard length > 0 else { return hash }
    let names = list[..<length].split(separator: 0).map { Bytes($0.map { UInt8(truncatingIfNeeded: $0) }) }
    for name in names.sorted() {
      var value = [UInt8](repeating: 0, count: 64 << 10)
      let count = path.withCString { path in
        name.withCString { ctk_attribute(path, $0, &value, value.count) }
      }
      add(name.bytes[...], to: &hash)
      add(value[..<max(0, count)], to: &hash)
    }
    return hash
  }
}
