import Foundation
import TestKit
import Testing

/// The layout files that come with the package, and others made from them.
enum LayoutFile {
  static let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().path

  static let byDate = installed("guide-by-date")

  static func installed(_ name: String) -> String { repository + "/Packaging/layouts/\(name).yaml" }

  /// One like an installed one, with other texts.
  static func edited(
    _ edits: [(String, String)], of name: String = "guide", in folder: borrowing Folder
  ) throws -> String {
    var text = try String(contentsOfFile: installed(name), encoding: .utf8)
    for (old, new) in edits {
      let edited = text.replacing(old, with: new)
      #expect(edited != text, "\(old) is not in the layout")
      text = edited
    }
    let path = folder.path + "/other.yaml"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }
}
