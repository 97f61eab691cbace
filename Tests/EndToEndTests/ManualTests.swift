import Foundation
import TestKit
import Testing

/// The man pages, as `make manual` writes them.
@Suite struct ManualTests {
  private static let script = PackageTests.packaging + "/manual.py"
  private let folder: Folder
  private let pages: [String: String]

  init() throws {
    folder = try Folder()
    try Shell.must(["python3", Self.script, HotColdBinary.path, folder.path])
    var pages: [String: String] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      pages[name] = try String(contentsOfFile: "\(folder.path)/\(name)", encoding: .utf8)
    }
    self.pages = pages
  }

  @Test(.requires("python3")) func everyCommandHasAPageAndEveryPageThatIsNamedExists() {
    #expect(
      pages.keys.sorted() == [
        "hotcold-archive.1", "hotcold-bench.1", "hotcold-layout.1", "hotcold-migrate.1",
        "hotcold-next-numbers.1",
        "hotcold-revert.1",
        "hotcold-sample.1", "hotcold-verify.1",
        "hotcold.1",
      ])
    for (name, page) in pages {
      let named = page.matches(of: #/Xr (?<page>\S+) (?<section>\d)/#).map { "\($0.page).\($0.section)" }
      #expect(named.count >= 5 && Set(named).isSubset(of: pages.keys), "\(name): \(named)")
    }
  }

  @Test(.requires("python3")) func theExitStatusIsTheTableOfTheReadme() throws {
    let section = try #require(
      try ReadmeTests.page("docs/REFERENCE.md").components(separatedBy: "## Exit codes\n").dropFirst().first)
    let rows = (section.components(separatedBy: "\n#").first ?? "").matches(
      of: #/\n\| (?<codes>[0-9, ]+) \| (?<meaning>.+) \|/#)
    #expect(rows.count == 8)
    for (name, page) in pages {
      #expect(!page.contains("exits 0 on success") && !page.contains(".Ex"), "\(name)")
      let status = try #require(page.components(separatedBy: ".Sh EXIT STATUS\n").dropFirst().first)
      let text = (status.components(separatedBy: ".El").first ?? "").replacing("\\-", with: "-")
      for row in rows {
        #expect(text.contains(".It \(row.codes.replacing(",", with: " ,"))\n"), "\(name): \(row.codes)")
        #expect(text.contains(row.meaning.replacing("`", with: "")), "\(name): \(row.meaning)")
      }
    }
  }

  @Test func theExamplesOfEachPageWork() throws {
    for name in pages.keys.sorted() {
      let source = try ReadmeTests.page("Packaging/manual/\(name.dropLast(".1".count)).mdoc")
      let commands = source.replacing("\\-", with: "-").split(separator: "\n").filter {
        $0.hasPrefix("hotcold ")
      }
      #expect(!commands.isEmpty, "\(name)")
      let examples = try Examples()
      if name == "hotcold-verify.1" {
        try examples.run("hotcold migrate /var/www/html/stream/capture1 --execute")
      }
      // What a bench finds depends on who else has the processors.
      for command in commands {
        try examples.run(String(command), statuses: name == "hotcold-bench.1" ? [0, 1, 75] : [0])
      }
    }
  }

  /// A flag that leaves something out says so, in the page and in the help.
  @Test(.requires("python3")) func flagsAreExplainedByWhatTheyDo() throws {
    for (command, flag, text) in [
      ("migrate", "no-sync", "Do not wait until"), ("revert", "no-sync", "Do not wait until"),
      ("migrate", "no-manifests", "Do not write"), ("archive", "no-manifests", "Do not write"),
      ("verify", "no-manifests", "Do not check"),
    ] {
      let page = try #require(pages["hotcold-\(command).1"]).replacing("\\-", with: "-")
      #expect(page.contains(".It Fl \"-\(flag)\"\n\(text)"), "\(command) \(flag)")
      let help = HotColdBinary.run([command, "--help"]).output.split(separator: "\n")
      #expect(help.contains { $0.hasPrefix("  --\(flag) ") && $0.contains(text) }, "\(command) \(flag)")
      #expect(!page.contains("Fl \"-sync\"") && !page.contains("Fl \"-manifests\""))
    }
  }

  @Test(.requires("python3")) func thePagesTellTheRiskOfAnOption() throws {
    let page = try #require(pages["hotcold-migrate.1"])
    #expect(page.contains("between the two calls is deleted: stop every writer first"))
  }

  @Test(.requires("python3"), .requires("mandoc")) func thePagesAreWellFormed() throws {
    for name in pages.keys {
      let lint = Shell.run(["mandoc", "-T", "lint", "-W", "warning", "\(folder.path)/\(name)"])
      #expect(lint.status == 0, "\(lint.output)\(lint.error)")
    }
  }
}
