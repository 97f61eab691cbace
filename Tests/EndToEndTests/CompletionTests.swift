import Foundation
import TestKit
import Testing

/// TAB in the shells that people use, with the completion scripts that are installed.
@Suite(.serialized) struct CompletionTests {
  private static let typist = #filePath.replacing("CompletionTests.swift", with: "Shells/complete.py")

  @Test(.requires("bash"), .requires("python3")) func bashCompletesPathsAndValues() throws {
    try expectCompletions("bash")
  }

  @Test(.requires("zsh"), .requires("python3")) func zshCompletesPathsAndValues() throws {
    try expectCompletions("zsh")
  }

  @Test(.requires("fish"), .requires("python3")) func fishCompletesPathsAndValues() throws {
    try expectCompletions("fish")
  }

  /// What is typed, and what TAB makes of it. `D` is a folder with one folder and one file whose names begin alike.
  private static let completions = [
    ("migrate D/cap", "migrate D/capture-folder"), ("verify D/cap", "verify D/capture-folder"),
    ("revert D/cap", "revert D/capture-folder"), ("archive D/cap", "archive D/capture-folder"),
    ("sample D/cap", "sample D/capture-folder"),
    ("migrate --captures-from D/li", "migrate --captures-from D/list.conf"),
    ("archive --captures-from D/li", "archive --captures-from D/list.conf"),
    ("archive --config D/li", "archive --config D/list.conf"),
    ("archive --metrics-file D/li", "archive --metrics-file D/list.conf"),
    ("migrate --engine sysc", "migrate --engine syscalls"),
    ("archive --engine sysc", "archive --engine syscalls"),
    ("verify --format js", "verify --format json"), ("migrate --hot thumb", "migrate --hot thumbnails=100"),
    ("archive --hot thumb", "archive --hot thumbnails=100"),
    ("archive --retain lay", "archive --retain layout"),
    ("archive --retain thumb", "archive --retain thumbnails=24h"),
  ]

  private func expectCompletions(_ shell: String) throws {
    let folder = try Folder()
    try folder.makeFolder("D/capture-folder")
    try folder.makeFile("D/capture-file")
    try folder.makeFile("D/list.conf")
    try folder.makeFolder("bin")
    try folder.makeLink("bin/hotcold", to: HotColdBinary.path)
    let script = HotColdBinary.run(["--generate-completion-script", shell])
    #expect(script.status == 0)
    try folder.makeFile("script", contents: Array(script.output.utf8))
    let typed = Self.completions.map { "hotcold " + $0.0.replacing("D/", with: folder.path + "/D/") }
    let path = folder.path + "/bin:" + (ProcessInfo.processInfo.environment["PATH"] ?? "")
    let result = Shell.run(
      ["python3", Self.typist, shell, folder.path + "/script"] + typed, environment: ["PATH": path])
    #expect(result.status == 0, "\(result.error)")
    // zsh takes the slash after a folder back when something else follows.
    let completed = result.output.split(separator: "\n").map {
      $0.last == "/" ? String($0.dropLast()) : String($0)
    }
    let expected = Self.completions.map { "hotcold " + $0.1.replacing("D/", with: folder.path + "/D/") }
    #expect(completed == expected)
  }
}
