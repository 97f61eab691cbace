import Foundation
import Reporting

@testable import LayoutFiles

func parse(_ text: String, name: String = "garden.yaml") throws(LayoutFileMistake) -> LayoutFile {
  try parse(bytes: Array(text.utf8), name: name)
}

func parse(bytes: [UInt8], name: String = "garden.yaml") throws(LayoutFileMistake) -> LayoutFile {
  try LayoutFile.parse(bytes, name: name) { nearest(to: $0, among: $1, differencesMax: 2) }
}

/// What is said of a file that is refused, without its name; nil where it is not.
func refusal(_ text: String) -> String? { refusal(bytes: Array(text.utf8)) }

func refusal(bytes: [UInt8]) -> String? {
  do throws(LayoutFileMistake) {
    _ = try parse(bytes: bytes)
    return nil
  } catch {
    return "\(error.position.line):\(error.position.column) \(error.reason)"
  }
}

/// The files of Packaging/layouts, with their names.
enum Examples {
  static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  static let folder = repository.appending(path: "Packaging/layouts")
  static let page =
    (try? String(contentsOf: repository.appending(path: "docs/LAYOUTS.md"), encoding: .utf8)) ?? ""
  static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()

  static func contents(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: folder.appending(path: name)))
  }
}
