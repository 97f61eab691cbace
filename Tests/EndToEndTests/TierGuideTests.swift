import Foundation
import TestKit
import Testing

/// Every command of docs/TIERS.md, one after the other, as a reader would type them, beside an encoder that goes on and a player.
@Suite(.serialized) struct TierGuideTests {
  private static let guide = try! String(
    contentsOfFile: #filePath.replacing(
      "Tests/EndToEndTests/TierGuideTests.swift", with: "docs/TIERS.md"), encoding: .utf8)

  struct Block {
    let language: String
    let text: String
  }

  /// The code blocks of the chapter, in their order.
  static let blocks = guide.components(separatedBy: "\n```").enumerated().compactMap { index, part in
    index % 2 == 0
      ? nil
      : Block(
        language: String(part.prefix { $0 != "\n" }), text: String(part.drop { $0 != "\n" }.dropFirst()))
  }

  /// Where the encoder writes before: the flat places, or the hot ones of the guide.
  enum Start: String, CaseIterable { case flat, guide }

  @Test(
    .endToEnd, .requiresRoot, .requires("ffmpeg"), .requires("nginx"), .requires("curl"),
    .requires("systemctl"), .requires("setpriv"), arguments: Start.allCases)
  func everyCommandDoesWhatItSays(start: Start) throws {
    let machine = try Machine()
    try machine.record(start)
    let urls = try machine.servedURLs()
    #expect(urls.count > 50)
    let player = try machine.play()
    var said = ""
    for block in Self.blocks {
      switch block.language {
      case "nginx": try machine.folder.replaceFile("locations.conf", with: block.text)
      case "sh":
        let result = machine.run(block.text)
        said += result.output
        #expect(result.status == 0, "\(block.text)\n\(result.output)\n\(result.error)")
        // Before the encoder ends: it is not one of the guide's that the player can go on with.
        if block.text.contains("--print-config") {
          try machine.checkService()
          try machine.stop(player)
        }
        #expect(machine.missing(of: urls) == [], "\(block.text)")
      default: break
      }
    }
    #expect(said.contains("# file\nHOTCOLD_LAYOUT=guide-ram\n"))
    // The last word of the chapter is the way back.
    #expect(try machine.pathsOnDisk().contains("segments/output.m3u8"))
    #expect(!machine.folder.exists("stream/capture1/hot"))
  }

  /// The table is what the command above it says.
  @Test func theTableOfSizesIsRight() throws {
    let script = try #require(Self.blocks.first { $0.text.hasPrefix("mbit=") }).text
    let rows = Self.guide.matches(
      of: #/\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| `(size=\d+m,nr_inodes=\d+)` \|/#)
    #expect(rows.count > 5)
    for row in rows {
      let (_, mbit, age, interval, outage, options) = row.output
      let lines = script.split(separator: "\n", omittingEmptySubsequences: false).dropFirst()
      let given =
        "mbit=\(mbit) age=\(age) interval=\(interval) outage=\(outage)\n" + lines.joined(separator: "\n")
      #expect(Shell.run(["sh", "-euc", given]).output == options + "\n")
    }
  }

  /// What a block writes to a file.
  static func written(to file: String) throws -> String {
    let parts = blocks.flatMap { $0.text.components(separatedBy: "\(file) <<'END'\n").dropFirst() }
    return try #require(parts.first).components(separatedBy: "\nEND")[0] + "\n"
  }

  /// Both of its tmpfs are mounted before the service starts and unmounted after it has stopped, and the encoder's unit is one.
  @Test(.requires("systemd-analyze")) func systemdReadsWhatItSays() throws {
    let folder = try Folder()
    let generator = "/usr/lib/systemd/system-generators/systemd-fstab-generator"
    let bound = try #require(Self.blocks.first { $0.language == "fstab" }).text + "\n"
    for (name, text) in [("own", try Self.written(to: "/etc/fstab")), ("bound", bound)] {
      try folder.makeFile(Bytes("\(name).fstab"), contents: Array(text.utf8))
      try folder.makeFolder(Bytes(name))
      let path = "\(folder.path)/\(name)"
      let result = Shell.run([generator, path, path, path], environment: ["SYSTEMD_FSTAB": path + ".fstab"])
      #expect(result.status == 0, "\(result.error)")
      let mount = ServiceTests.contents(path + "/var-www-html-stream-capture1-hot.mount")
      #expect(mount.contains("\nBefore=") && mount.contains("hot_cold_archiver.service"), "\(mount)")
    }
    let unit = try Self.written(to: "record@.service").replacing(
      "/usr/local/bin/record-to-ram", with: "/bin/true")
    let path = folder.path + "/record@capture1.service"
    try Folder.writeFile(path, unit)
    let verify = Shell.run(["systemd-analyze", "verify", "--man=no", path])
    #expect(verify.status == 0 && verify.error.isEmpty, "\(verify.error)")
  }
}

extension Folder {
  fileprivate func replaceFile(_ name: String, with text: String) throws {
    try Folder.writeFile("\(path)/\(name)", text)
  }
}

/// What the chapter is read on: a capture with an encoder, nginx with the locations of the migration guide, and a systemd.
private final class Machine {
  let folder: Folder
  private let environment: [String: String]
  private var server: WebServer?
  private var base: String { server?.base ?? "" }
  private var stream: String { folder.path + "/stream" }

  /// There is no systemd in a test: `enable` is systemd's own, offline; `start` starts what the unit says as its user.
  private static let systemctl = """
    #!/bin/sh
    verb=$1; shift; [ "$1" = --now ] && { shift; now=yes; }; unit=$1
    case "$unit" in
      record@*) file=$ROOT/etc/systemd/system/record@.service ;;
      *) file=$ROOT/lib/systemd/system/$unit.service ;;
    esac
    stop() {
      pid=$(cat "$ROOT/$unit.pid") || return 0
      kill "$pid"
      for _ in $(seq 100); do grep -q '^State:[^ZX]*[DRST]' "/proc/$pid/status" || return 0; sleep 0.1; done
      return 1
    }
    start() {
      command=$(sed -n "s|^ExecStart=/usr/bin/hotcold|ExecStart=$ROOT/bin/hotcold|; s|%i|${unit#*@}|g; s|^ExecStart=||p" "$file")
      setpriv --reuid=33 --regid=33 --clear-groups $command > "$ROOT/$unit.log" 2>&1 &
      echo $! > "$ROOT/$unit.pid"
    }
    case "$verb $unit" in
      "daemon-reload ") ;;
      "reload nginx") kill -HUP "$(cat "$ROOT/nginx.pid")"; sleep 1 ;;
      enable*) /usr/bin/systemctl --root="$ROOT" enable "$unit" && { [ -z "$now" ] || start; } ;;
      disable*) { [ "$unit" = virtualhost_ffmpeg ] || /usr/bin/systemctl --root="$ROOT" disable "$unit"; } && stop ;;
      start*) start ;;
      stop*) stop ;;
      status*) sleep 2; kill -0 "$(cat "$ROOT/$unit.pid")" && cat "$ROOT/$unit.log" ;;
      *) echo "unknown: $verb $unit" >&2; exit 1 ;;
    esac
    """

  private static let sudo = """
    #!/bin/sh
    [ "$1" = -u ] && { shift 2; exec setpriv --reuid=33 --regid=33 --clear-groups "$@"; }; exec "$@"
    """

  private static let input = "-v error -re -f lavfi -i testsrc=size=160x90:rate=10"

  init() throws {
    folder = try Folder(in: "/var/tmp")
    let root = folder.path
    environment = [
      "PATH": "\(root)/bin:/usr/sbin:/usr/bin:/sbin:/bin", "ROOT": root, "TZ": "UTC", "LC_ALL": "C",
    ]
    for path: Bytes in ["lib/systemd/system", "etc/systemd/system", "etc/hotcold", "local/bin"] {
      try folder.makeFolder(path)
    }
    // The settings file is given by name: /etc is not the test's.
    let hotcold = """
      #!/bin/sh
      [ "$1" = archive ] && { shift; set -- archive --config \(root)/etc/hotcold/archive.conf "$@"; }; exec \(root)/hotcold "$@"
      """
    for (name, text) in [
      ("bin/systemctl", Self.systemctl), ("bin/sudo", Self.sudo), ("bin/hotcold", hotcold),
      ("bin/mount", "#!/bin/sh\nexec /bin/mount -T \(root)/etc/fstab \"$@\"\n"),
      ("bin/nginx", "#!/bin/sh\nexec /usr/sbin/nginx \"$@\" -c \(root)/nginx.conf\n"),
      ("etc/fstab", "# of the disk\n"), ("etc/hotcold/captures.conf", "\(root)/stream/capture1\n"),
      (
        "etc/hotcold/archive.conf",
        "HOTCOLD_CAPTURES_FROM=\(root)/etc/hotcold/captures.conf\n"
      ),
      ("lib/systemd/system/virtualhost_ffmpeg.service", "ExecStart=\(root)/local/bin/record\n"),
    ] { try folder.makeFile(Bytes(name), contents: Array(text.utf8)) }
    try Shell.must(["sh", "-c", "chmod 755 \(root)/bin/*"])
    try Shell.must(["cp", HotColdBinary.path, root + "/hotcold"])
    try Shell.must([
      "cp", PackageTests.packaging + "/hot_cold_archiver.service", root + "/lib/systemd/system/",
    ])
  }

  deinit {
    server?.stop()
    for unit in ["record@capture1", "virtualhost_ffmpeg", "hot_cold_archiver"] {
      _ = run("systemctl stop \(unit)")
    }
    Shell.run(["umount", "-l", stream + "/capture1/hot"])
  }

  /// A block of the chapter, with this machine's paths.
  func run(_ script: String) -> Shell.Result {
    var script = script
    for (path, own) in [
      ("/var/www/html/stream", "stream"), ("/etc/hotcold", "etc/hotcold"), ("/etc/fstab", "etc/fstab"),
      ("/etc/systemd/system", "etc/systemd/system"), ("/usr/local/bin", "local/bin"),
    ] { script = script.replacing(path, with: "\(folder.path)/\(own)") }
    script = script.replacing("--execute", with: "--execute --yes").replacing("-i INPUT", with: Self.input)
    return Shell.run(["timeout", "120", "bash", "-euc", script], environment: environment)
  }

  // MARK: before the chapter

  /// The encoder of the migration guide, its capture in use for a while, and nginx as that guide has it.
  func record(_ start: TierGuideTests.Start) throws {
    let capture = stream + "/capture1"
    let (segments, thumbnails) = start == .flat ? ("", "captures/") : ("segments/", "thumbnails/")
    try Shell.must(["mkdir", "-p", capture])
    for name in ["segments", "captures", "thumbnails", "metadata"] where start == .guide || name == "captures"
    {
      try Shell.must(["mkdir", "-p", "\(capture)/\(name)"])
    }
    try Shell.must(["chown", "-R", "www-data:www-data", stream])
    let encoder = """
      #!/bin/sh
      exec ffmpeg -nostdin \(Self.input) \
        -filter_complex '[0:v]split=3[v][c][t];[c]fps=5[captures];[t]fps=5,scale=80:-2[thumbnails]' \
        -map '[v]' -c:v libx264 -force_key_frames 'expr:gte(t,n_forced)' \
        -f hls -hls_time 1 -hls_list_size 6 -hls_flags omit_endlist+discont_start -start_number 1 \
        -hls_segment_filename \(capture)/\(segments)segment_%09d.ts \(capture)/\(segments)output.m3u8 \
        -map '[captures]' -f image2 -atomic_writing 1 \(capture)/captures/capture_%09d.jpg \
        -map '[thumbnails]' -f image2 -atomic_writing 1 \(capture)/\(thumbnails)capture_%09d_thumbnail.jpg
      """
    try folder.makeFile("local/bin/record", contents: Array(encoder.utf8))
    try Shell.must(["chmod", "755", folder.path + "/local/bin/record"])
    try folder.replaceFile("locations.conf", with: WebServer.guideLocations)
    server = try WebServer(folder, locations: "include \(folder.path)/locations.conf;", reloads: true)
    // Nobody runs the service for a flat capture.
    let begun = run(
      "systemctl start virtualhost_ffmpeg\(start == .flat ? "" : "; systemctl start hot_cold_archiver")")
    #expect(begun.status == 0, "\(begun)")
    #expect(
      ArchiverTests.waitUntil(seconds: 60) {
        Snapshot.entryCount("\(capture)/\(segments.isEmpty ? "." : segments)") > 15
      }, "\(ServiceTests.contents(folder.path + "/virtualhost_ffmpeg.log"))")
    // Metadata is no matter of ffmpeg's.
    let describe =
      "cd \(capture)/captures; for file in capture_*[0-9].jpg; do echo {} > ../$0/${file%.jpg}.json; done"
    try Shell.must(["bash", "-c", describe, start == .flat ? "captures" : "metadata"])
    try Shell.must(["sh", "-c", "chown www-data: \(capture)/*/*.json"])
  }

  // MARK: what is served

  /// With the size of each answer: everything that is complete, and the live playlist at the URL that its players have.
  func servedURLs() throws -> [String: Int] {
    let newest = time(nil) - 2
    var urls: [String: Int] = [:]
    for (path, entry) in try Snapshot(stream).files
    where entry.modifiedSeconds < newest && !"\(path)".hasSuffix(".m3u8") && !"\(path)".hasSuffix(".tmp") {
      urls["/stream/\(path)"] = entry.size
    }
    #expect(missing(of: urls) == [], "before anything was done")
    return urls
  }

  /// Those that are not served any more, or not as they were.
  func missing(of urls: [String: Int]) -> [String] {
    let list = urls.keys.map { "url = \"\(base)\($0)\"\noutput = /dev/null\n" }.joined()
    try? folder.replaceFile("urls", with: list)
    let result = Shell.run([
      "curl", "-s", "-K", folder.path + "/urls", "-w", "%{http_code} %{size_download} %{url}\\n",
    ])
    let answers = result.output.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(answers.count == urls.count)
    return answers.filter { answer in
      let path = String(answer[2].drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" })
      return answer[0] != "200" || Int(answer[1]) != urls[path]
    }.map { $0.joined(separator: " ") }
  }

  func play() throws -> Running {
    let path = ServiceTests.contents(stream + "/capture1/output.m3u8").isEmpty ? "/segments" : ""
    return try Running([
      "sh", "-c", CutOverTests.player, "player", folder.path,
      "\(base)/stream/capture1\(path)",
    ])
  }

  /// It found every playlist and segment that it asked for.
  func stop(_ player: Running) throws {
    try folder.makeFile("stop")
    _ = player.wait()
    let log = ServiceTests.contents(folder.path + "/log").split(separator: "\n")
    #expect(log.allSatisfy { $0.hasPrefix("200 ") }, "\(log.filter { !$0.hasPrefix("200 ") })")
    let segments = Set(log.filter { $0.contains("segment_") })
    #expect(
      segments.count > 25 && segments.contains { $0.contains("segment_000001") }, "\(segments.sorted())")
  }

  // MARK: the service

  /// It takes to the disk what the encoder writes to RAM.
  func checkService() throws {
    let isMoved = {
      try self.pathsOnDisk().contains { "\($0)".hasPrefix("segments/") && "\($0)".contains("segment_000001") }
    }
    #expect(
      try ArchiverTests.waitUntil(seconds: 60, isMoved),
      "\(ServiceTests.contents(folder.path + "/hot_cold_archiver.log"))")
    let log = ServiceTests.contents(folder.path + "/hot_cold_archiver.log")
    #expect(!log.contains("ERROR"), "\(log)")
    let hot = try Snapshot(stream + "/capture1/hot").paths
    #expect(hot.contains("segments/output.m3u8") && hot.count < 500)
  }

  func pathsOnDisk() throws -> Set<Bytes> {
    try Snapshot(stream + "/capture1").paths.filter { !"\($0)".hasPrefix("hot/") }
  }
}
