import TestKit
import Testing

@testable import LayoutFiles

/// Files that were made to break a parser. None takes long, and none gets far.
@Suite(.timeLimit(.minutes(30))) struct HostileFileTests {
  @Test func aMebibyte() {
    let line = "# comment\n"
    let text = String(repeating: line, count: 1 << 20 / line.utf8.count) + MistakeTests.whole
    #expect(refusal(text) == "1:1 a layout file may not be larger than 64 KiB")
  }

  @Test func sixtyFourKibibytesAreTaken() {
    let rest = LayoutFile.bytesMax - MistakeTests.whole.utf8.count
    let text = String(repeating: "#", count: rest - 1) + "\n" + MistakeTests.whole
    #expect(refusal(text) == nil)
    #expect(refusal("#" + text) == "1:1 a layout file may not be larger than 64 KiB")
  }

  @Test func anchorsThatExplode() {
    let lines = (1...9).map { level in
      "a\(level): &a\(level) [\((0..<9).map { _ in "*a\(level - 1)" }.joined(separator: ","))]"
    }
    let text = "a0: &a0 [lol, lol]\n" + lines.joined(separator: "\n")
    #expect(refusal(text) == "1:5 anchors are not allowed; put text that begins with '&' in quotes")
  }

  @Test(arguments: [
    "[", "{", "- ", "? ", "[\n", "{a: ", "[{", "[[]", "\"", "'", "|\n", "a: ", "!", "%", "\t", "-\n",
  ])
  func sixtyFourKibibytesOf(_ part: String) {
    let text = String(repeating: part, count: LayoutFile.bytesMax / part.utf8.count)
    #expect(refusal(text) != nil)
    #expect(refusal("buckets: hour\nkinds: " + text.dropLast(100)) != nil)
  }

  @Test func manyKindsAndManyKeys() throws {
    let kinds = (0..<900).map { "  k\($0): {match: k\($0), flat: a, hot: a, limit: 1}\n" }.joined()
    let file = try parse("buckets: hour\nkinds:\n" + kinds)
    #expect(file.layout.kinds.count == 900)
    #expect(refusal((0..<7000).map { "k\($0): 1\n" }.joined())?.hasPrefix("1:1 unknown key 'k0'") == true)
  }

  @Test func aLongKeyIsNotRepeatedWhole() {
    let key = String(repeating: "k", count: 500)
    #expect(
      refusal("\(key): 1")
        == "1:1 unknown key '\(key.prefix(60))…'; the keys are buckets, time-zone, mounts, cold, kinds")
    #expect((refusal("buckets: hour\nkinds: {\(key): {}}") ?? "").utf8.count < 100)
  }
}
