import Foundation
import TestKit
import Testing

extension Trait where Self == ConditionTrait {
  /// Needs minutes and programs that a plain test run does without.
  static var endToEnd: Self {
    .enabled(if: ProcessInfo.processInfo.environment["HOTCOLD_E2E"] != nil, "runs with make test-e2e only")
  }
}

/// Every command of the migration guide, one after the other, as a reader would type them.
@Suite struct GuideTests {
  static let guide = try! String(
    contentsOfFile: #filePath.replacing(
      "Tests/EndToEndTests/GuideTests.swift", with: "docs/MIGRATION-GUIDE.md"),
    encoding: .utf8)

  static func blocks(_ language: String) -> [String] {
    guide.components(separatedBy: "```\(language)\n").dropFirst().map {
      $0.components(separatedBy: "\n```")[0]
    }
  }

  static let wanted: Bytes = "etc/systemd/system/multi-user.target.wants/hot_cold_archiver.service"

  /// There is no systemd in a test: `enable` is systemd's own, offline; `start` starts what the unit says.
  static let systemctl = """
    #!/bin/sh
    unit=$ROOT/lib/systemd/system/hot_cold_archiver.service
    case "$1" in
      disable | enable) exec /usr/bin/systemctl --root="$ROOT" "$1" "$2" ;;
      start) $(sed -n "s|^ExecStart=/usr/bin/hotcold|$HOTCOLD|p" "$unit") > "$ROOT/log" 2>&1 & echo $! > "$ROOT/pid" ;;
      status) sleep 2; kill -0 "$(cat "$ROOT/pid")" && cat "$ROOT/log" ;;
      stop)
        kill "$(cat "$ROOT/pid")"
        for _ in 1 2 3 4 5; do grep -q '^State:[^ZX]*[DRST]' "/proc/$(cat "$ROOT/pid")/status" || exit 0; sleep 1; done
        exit 1 ;;
    esac
    """

  /// Its recorder ended an hour ago.
  static func makeFlat(_ capture: String) throws {
    try Shell.must([HotColdBinary.path, "sample", capture, "--files", "3000"])
    try Shell.must(["touch", "-d", "1 hour ago", capture + "/output.m3u8"])
    try Shell.must(["chown", "-R", "www-data:www-data", capture])
  }

  @Test(.endToEnd, .requiresRoot, .requires("systemctl"), .requires("ffmpeg"))
  func everyCommandDoesWhatItSays() throws {
    let folder = try Folder(in: "/var/tmp")
    let stream = folder.path + "/stream"
    try Shell.must(["mkdir", "-p", stream])
    for name in ["capture1", "capture2"] { try Self.makeFlat("\(stream)/\(name)") }
    for (path, text) in [
      ("active.conf", "\(stream)/capture2\n"), ("etc/captures.conf", ""), ("bin/systemctl", Self.systemctl),
    ] {
      try folder.makeFile(Bytes(path), contents: Array(text.utf8))
    }
    try folder.makeFile(
      "etc/archive.conf",
      contents: Array("HOTCOLD_CAPTURES_FROM=\(folder.path)/etc/captures.conf\nHOTCOLD_INTERVAL=1s\n".utf8))
    try folder.makeFile(
      "bin/sudo",
      contents: Array(
        "#!/bin/sh\n[ \"$1\" = -u ] && { user=$2; shift 2; exec runuser -u \"$user\" -- \"$@\"; }; exec \"$@\"\n"
          .utf8))
    // The settings file is given by name: /etc is not the test's.
    try folder.makeFile(
      "bin/hotcold",
      contents: Array(
        "#!/bin/sh\n[ \"$1\" = archive ] && { shift; set -- archive --config \(folder.path)/etc/archive.conf \"$@\"; }; exec \(folder.path)/hotcold \"$@\"\n"
          .utf8))
    try Shell.must(["cp", HotColdBinary.path, folder.path + "/hotcold"])
    try folder.makeFolder("lib/systemd/system")
    try folder.makeFolder("etc/systemd/system")
    let unit = #filePath.replacing(
      "Tests/EndToEndTests/GuideTests.swift", with: "Packaging/hot_cold_archiver.service")
    try Shell.must(["cp", unit, folder.path + "/lib/systemd/system/"])
    try Shell.must(["sh", "-c", "chmod 755 \(folder.path)/bin/*"])

    let blocks = Self.blocks("sh")
    #expect(blocks.count >= 8)
    for block in blocks {
      // Both ways begin with a flat capture.
      if block.contains("--keep-live") {
        try Shell.must(["rm", "-r", stream + "/capture1"])
        try Self.makeFlat(stream + "/capture1")
      }
      let script =
        block
        .replacing("/var/www/html/stream", with: stream).replacing(
          "/tmp/active_captures.conf", with: folder.path + "/active.conf"
        )
        .replacing("/etc/hotcold", with: folder.path + "/etc").replacing("--execute --yes", with: "--execute")
        .replacing("--execute", with: "--execute --yes").replacing(
          "~/migration.log", with: folder.path + "/migration.log"
        )
        .replacing("-i INPUT", with: "-v error -f lavfi -i testsrc=size=160x90:rate=10 -t 5")
      let result = Shell.run(
        ["timeout", "120", "bash", "-euc", script],
        environment: [
          "PATH": "\(folder.path)/bin:/usr/sbin:/usr/bin:/sbin:/bin", "ROOT": folder.path,
          "HOTCOLD": folder.path + "/bin/hotcold", "TZ": "UTC",
        ])
      #expect(result.status == 0, "\(script)\n\(result.output)\n\(result.error)")
      if block.contains("systemctl enable") { #expect(folder.exists(Self.wanted)) }
    }
    // The last word of the guide is the way back.
    let capture1 = try Snapshot(stream + "/capture1")
    #expect(capture1.paths.allSatisfy { ["", "captures"].contains($0.folder) })
    #expect(!folder.exists(Self.wanted))
  }
}
