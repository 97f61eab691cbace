import Testing

@testable import CaptureLayout
@testable import LayoutFiles

/// Each kind of mistake in a file, and where it is said to be.
@Suite struct MistakeTests {
  static let whole = """
    buckets: hour
    kinds:
      stills:
        match: "still_*.jpg"
        flat: .
        hot: stills
        limit: 10

    """

  @Test func theFileItStartsFromIsRight() { #expect(refusal(Self.whole) == nil) }

  @Test(
    arguments: [
      // Keys.
      (
        "colour: red\n" + whole,
        "1:1 unknown key 'colour'; the keys are buckets, time-zone, mounts, cold, kinds"
      ),
      (whole.replacing("buckets", with: "bucket"), "1:1 unknown key 'bucket'; did you mean 'buckets'?"),
      (whole.replacing("limit", with: "limits"), "7:5 unknown key 'limits'; did you mean 'limit'?"),
      (
        whole + "    colour: red\n",
        "8:5 unknown key 'colour'; the keys are match, except, flat, hot, cold, limit, retain, playlist, init"
      ),
      (whole + "    limit: 11\n", "8:5 'limit' is given twice, first on line 7"),
      (whole + "  stills: {}\n", "8:3 'stills' is given twice, first on line 3"),
      (whole + "buckets: hour\n", "8:1 'buckets' is given twice, first on line 1"),
      (whole.replacing("buckets: hour\n", with: ""), "1:1 the layout has no 'buckets'"),
      ("buckets: hour\n", "1:1 the layout has no 'kinds'"),
      (whole.replacing("    limit: 10\n", with: ""), "3:3 'stills' has no 'limit'"),
      (whole.replacing("    flat: .\n", with: ""), "3:3 'stills' has no 'flat'"),
      (whole.replacing("stills:\n", with: "[a, b]:\n"), "3:3 a key is one word"),
      // Types.
      ("- a\n", "1:1 a layout has keys and values, such as 'kinds:'"),
      ("hello\n", "1:1 a layout has keys and values, such as 'kinds:'"),
      (
        "buckets: hour\nkinds: [a]\n",
        "2:8 kinds: expected the kinds of files, each a name with its own keys"
      ),
      (
        "buckets: hour\nkinds:\n  a: 5\n",
        "3:6 expected the keys of this kind: match, except, flat, hot, cold, limit, retain, playlist, init"
      ),
      (whole.replacing(": hour", with: ": day"), "1:10 buckets: expected hour or date-hour"),
      (whole.replacing(": hour", with: ": [hour]"), "1:10 buckets: expected hour or date-hour"),
      (
        "time-zone: []\n" + whole, "1:12 time-zone: expected the name of a time zone, such as Europe/Zurich"
      ),
      (whole.replacing("10", with: ""), "7:11 limit: expected a whole number"),
      (
        whole.replacing("flat: .", with: "flat: [a]"),
        "5:11 flat: expected a folder; '.' is the capture itself"
      ),
      (
        whole.replacing("flat: .", with: "flat: ''"),
        "5:11 flat: expected a folder; '.' is the capture itself"
      ),
      (whole.replacing("stills:", with: "on:"), "3:3 YAML may not read 'on' as text; put it in quotes"),
      (
        whole.replacing("\"still_*.jpg\"", with: "{a: b}"),
        "4:12 match: expected a pattern or a list of patterns"
      ),
      (
        whole.replacing("\"still_*.jpg\"", with: "[a, [b]]"),
        "4:16 nested too deeply for a layout"
      ),
      (
        whole.replacing("\"still_*.jpg\"", with: "[a, 7]"),
        "4:16 YAML may not read '7' as text; put it in quotes"
      ),
      (whole + "    playlist: [a]\n", "8:15 playlist: expected a file name"),
      (whole + "    init: init.mp4\n", "8:11 'init' requires 'playlist'"),
      // What YAML has besides.
      (
        whole.replacing("\"still_*.jpg\"", with: "*.jpg"),
        "4:12 aliases are not allowed; put text that begins with '*' in quotes"
      ),
      (
        whole.replacing("\"still_*.jpg\"", with: "*still"),
        "4:12 aliases are not allowed; put text that begins with '*' in quotes"
      ),
      (
        whole.replacing("flat: .", with: "flat: &here ."),
        "5:11 anchors are not allowed; put text that begins with '&' in quotes"
      ),
      (
        whole.replacing("kinds:", with: "kinds: &all"),
        "2:8 anchors are not allowed; put text that begins with '&' in quotes"
      ),
      (
        whole.replacing("10", with: "!!int 10"),
        "7:12 tags are not allowed; put text that begins with '!' in quotes"
      ),
      (
        whole.replacing("\"still_*.jpg\"", with: "!glob [a]"),
        "4:12 tags are not allowed; put text that begins with '!' in quotes"
      ),
      (whole.replacing("limit: 10", with: "<<: {limit: 10}"), "7:5 merge keys are not allowed"),
      (whole + "---\n" + whole, "8:1 a second document; a file holds one layout"),
      ("%YAML 1.1\n---\n" + whole, "1:1 YAML directives are not allowed; remove this line"),
      ("%TAG ! tag:x,2000:\n---\n" + whole, "1:1 YAML directives are not allowed; remove this line"),
      // What is not YAML.
      (whole.replacing("    flat", with: "\tflat"), "5:1 a tab; indent with spaces"),
      (whole.replacing("flat: .", with: "flat: @home"), "5:11 text that begins like this needs quotes"),
      (whole.replacing(".jpg\"", with: ".jpg"), "4:12 an unclosed quote"),
      (whole.replacing("    flat", with: "   flat"), "5:4 not valid YAML: did not find expected key"),
      ("a: b: c\n", "1:5 not valid YAML: mapping values are not allowed in this context"),
      // What is not text.
      ("", "1:1 there is no layout in this file"),
      ("# nothing\n", "1:1 there is no layout in this file"),
      (whole.replacing("stills\n", with: "st\rills\n"), "6:12 a carriage return without a line feed"),
      (
        whole.replacing("  stills:", with: "  \"a\\eb\":"),
        "3:3 the character U+001B is not allowed in a name"
      ),
    ])
  func isRefusedWhereItIs(_ text: String, _ expected: String) { #expect(refusal(text) == expected) }

  /// Of the keys that say what is on another disk, and of what `Layout` finds wrong in them.
  @Test(arguments: [
    (
      "cold: /mnt/disk",
      "1:7 cold: expected where the buckets are if not in the capture: root, and optionally mount, type and uuid"
    ),
    ("cold: {mount: /mnt/disk}", "1:7 'cold' has no 'root'"),
    ("cold: {root: /mnt/disk, typ: ext4}", "1:25 unknown key 'typ'; did you mean 'type'?"),
    ("cold: {root: [a]}", "1:14 root: expected an absolute path, such as /mnt/disk/{capture}"),
    (
      "cold: {root: mnt/disk}",
      "1:7 'mnt/disk' is not an absolute path of a folder; write names with '/' before each and none at the end, without '.' and '..'"
    ),
    ("cold: {root: /mnt/../disk}", "1:7 '/mnt/../disk' is not an absolute path"),
    ("cold: {root: /mnt//disk}", "1:7 '/mnt//disk' is not an absolute path"),
    ("cold: {root: /}", "1:7 '/' is not an absolute path"),
    ("cold: {root: \"/mnt/{camera}\"}", "1:7 '/mnt/{camera}' has braces, but only {capture} is replaced"),
    (
      "cold: {root: \"/mnt/{{capture}}\"}",
      "1:7 '/mnt/{{capture}}' has braces, but only {capture} is replaced"
    ),
    ("cold: {root: /mnt/disk, mount: /mnt/disc}", "1:7 the root '/mnt/disk' is not in the mount '/mnt/disc'"),
    ("cold: {root: /mnt/disk, mount: /}", "1:7 '/' is not an absolute path"),
    ("cold: {root: /mnt/disk, type: ext4}", "1:7 'type' and 'uuid' require 'mount'"),
    ("cold: {root: /mnt/disk, mount: /mnt, uuid: ../x}", "1:7 '../x' is not the UUID of a file system"),
    (
      "cold: {root: /mnt/disk, mount: /mnt, uuid: 12345678}",
      "1:44 YAML may not read '12345678' as text; put it in quotes"
    ),
    (
      "cold: {root: /mnt/disk, mount: /mnt, type: tmpfs, uuid: 0a1b-2c3d}",
      "1:7 a tmpfs has a different UUID each time; remove 'uuid'"
    ),
    ("mounts: {hot: [tmpfs]}", "1:15 mounts: expected folders"),
    ("mounts: {stills: etx4}", "1:18 unknown file system type 'etx4'; did you mean 'ext4'?"),
    ("mounts: {stills: {typ: ext4}}", "1:19 unknown key 'typ'; did you mean 'type'?"),
    ("mounts: {stills: {type: ext4, uuid: hello}}", "1:9 'hello' is not the UUID of a file system"),
  ])
  func mistakesOfDisks(_ line: String, _ expected: String) throws {
    let text = line + "\n" + Self.whole
    var found = refusal(text)
    if found == nil {
      let file = try parse(text)
      do throws(LayoutMistake) { _ = try Layout(file.layout) } catch {
        let mistake = file.located(error)
        found = "\(mistake.position.line):\(mistake.position.column) \(mistake.reason)"
      }
    }
    #expect(found?.hasPrefix(expected) == true, "\(found ?? "no mistake")")
  }

  @Test(arguments: ["ten", "\"10\"", "010", "1_0", "1.5", "99999999999999999999"])
  func aLimitIsANumber(_ text: String) {
    #expect(refusal(Self.whole.replacing("10", with: text)) == "7:12 limit: expected a whole number")
  }

  @Test(arguments: ["24", "59s", "3651d", "9223372036854775807d", "-5m", "24ħ"])
  func retentionIsATimeWithItsUnit(_ text: String) {
    let message = refusal(Self.whole + "    retain: \(text)\n")
    #expect(message == "8:13 retain: expected a duration from 1m to 3650d, such as 24h")
  }

  @Test(arguments: ["2024", "0x1f", "Yes"])
  func aFolderIsAText(_ text: String) {
    let message = refusal(Self.whole.replacing("flat: .", with: "flat: \(text)"))
    #expect(message == "5:11 YAML may not read '\(text)' as text; put it in quotes")
  }

  @Test(arguments: [("\0ills", "0000"), ("\u{1b}[1m", "001B"), ("\u{9b}1m", "009B"), ("\u{2028}", "2028")])
  func aFileHoldsNoControlCharacters(_ text: String, _ number: String) {
    let message = refusal(Self.whole.replacing("stills\n", with: "st\(text)\n"))
    #expect(message == "6:12 the character U+\(number) is not allowed in a layout file")
  }

  @Test(arguments: [
    ("\"a\\0b\"", "0000"), ("\"a\\nb\"", "000A"), ("|\n      a\n", "000A"), ("a\u{202e}b", "202E"),
  ])
  func aNameHoldsNoControlCharacters(_ text: String, _ number: String) {
    let message = refusal(Self.whole.replacing("hot: stills", with: "hot: \(text)"))
    #expect(message == "6:10 the character U+\(number) is not allowed in a name")
  }

  @Test func theMessageNamesTheFile() {
    let mistake = #expect(throws: LayoutFileMistake.self) {
      try parse("a: 1\n", name: "/etc/hotcold/garden.yaml")
    }
    #expect(
      mistake?.description
        == "/etc/hotcold/garden.yaml, line 1, column 1: unknown key 'a'; the keys are buckets, time-zone, mounts, cold, kinds"
    )
  }

  @Test func bytesThatAreNotUTF8() {
    #expect(refusal(bytes: Array("a: b\nc: é".utf8) + [0xc3, 0x28]) == "2:5 not UTF-8")
    #expect(refusal(bytes: [0xff, 0xfe, 0x61, 0]) == "1:1 not UTF-8")
    // Of more than one byte, and of two UTF-16 units: a column is a character.
    #expect(refusal("é𝄞: b\u{7}") == "1:6 the character U+0007 is not allowed in a layout file")
    #expect(
      refusal("buckets: hour # é𝄞\nkinds: {é𝄞: *x}")
        == "2:13 aliases are not allowed; put text that begins with '*' in quotes")
  }

  /// What the rules of layouts refuse is shown in the file.
  @Test(arguments: [
    (1, "match", "7:12"), (1, "limit", "10:12"), (1, "name", "6:3"), (0, "name", "3:3"), (0, "except", "3:3"),
    (1, nil, "6:3"), (nil, nil, "3:3"), (nil, "buckets", "1:10"), (nil, "time-zone", "3:3"),
    (9, "match", "3:3"),
  ])
  func mistakesOfLayoutsHaveAPlace(_ kind: Int?, _ key: String?, _ expected: String) throws {
    let file = try parse(
      """
      buckets: hour
      kinds:
        a: {match: a*, flat: a, hot: a, limit: 1}

        # The second.
        b:
          match: ["b*",
            "bb*"]
          flat: .
          limit: 7
          hot: ../b
      """)
    let mistake = file.located(LayoutMistake("no", kind: kind, key: key))
    #expect("\(mistake.position.line):\(mistake.position.column)" == expected)
    #expect(
      mistake.description
        == "garden.yaml, line \(mistake.position.line), column \(mistake.position.column): no")
  }
}
