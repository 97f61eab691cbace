import Foundation
import TestKit
import Testing

/// Captures for the commands of documents, which are run as they stand there but for their paths.
struct Examples {
  static let captures = ["capture1", "capture2", "capture3", "live"]
  let folder: Folder

  init() throws {
    folder = try Folder()
    for name in Self.captures { try SmallCapture.make(in: folder, at: Bytes(name)) }
    try folder.makeFile("active.conf", contents: Array("\(folder.path)/capture3\n".utf8))
    try folder.makeFile(
      "archive.conf", contents: Array("HOTCOLD_CAPTURES_FROM=\(folder.path)/service.conf\n".utf8))
    try folder.makeFile("service.conf", contents: Array("\(folder.path)/capture1\n".utf8))
  }

  /// `statuses`: those with which the command may end.
  func run(_ command: String, statuses: Set<Int32> = [0]) throws {
    var line = command
    for (path, own) in [
      ("/var/www/html/stream/", folder.path + "/"),
      ("/tmp/active_captures.conf", folder.path + "/active.conf"),
      ("/etc/hotcold/archive.conf", folder.path + "/archive.conf"),
      ("/dev/shm/capture", folder.path + "/sample"), ("/dev/shm ", folder.path + " "),
      ("/usr/share/hotcold/layouts/", LayoutFile.repository + "/Packaging/layouts/"),
      ("CAPTURE", folder.path + "/live"), ("--execute", "--execute --yes"),
    ] {
      line = line.replacingOccurrences(of: path, with: own)
    }
    if !line.contains("--config") {
      line.replace("--as-service", with: "--as-service --config \(folder.path)/archive.conf")
    }
    let result = Shell.run([
      "sh", "-c", "cd \"$1\"; \"$0\" \(line.dropFirst("hotcold ".count))", HotColdBinary.path, folder.path,
    ])
    #expect(statuses.contains(result.status), "\(line): \(result.output) \(result.error)")
  }
}
