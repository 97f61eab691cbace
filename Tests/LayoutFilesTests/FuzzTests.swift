import Foundation
import TestKit
import Testing

@testable import LayoutFiles

/// Random bytes and damaged files: never a crash; always a layout, or a mistake at a place that the file has.
@Suite struct FuzzTests {
  /// Seconds in every run of the tests, minutes by hand: HOTCOLD_FUZZ=2000000 swift test --filter FuzzTests
  static let inputs = Int(ProcessInfo.processInfo.environment["HOTCOLD_FUZZ"] ?? "") ?? 3000

  @Test func randomBytes() {
    var random = SeededRandom(SeededRandom.seeds(1)[0])
    let likely = Array("abk:: \n\n  -[]{},\"'*&!#|>%?\t.<\u{feff}".utf8)
    for number in 0..<Self.inputs {
      let count = Int.random(in: 0...200, using: &random)
      check(
        (0..<count).map { _ in
          number.isMultiple(of: 4)
            ? UInt8.random(in: 0...255, using: &random) : likely.randomElement(using: &random)!
        })
    }
  }

  @Test func truncatedExamples() throws {
    for name in Examples.names {
      let bytes = try Examples.contents(name)
      for count in stride(from: 0, through: bytes.count, by: 7) { check(Array(bytes.prefix(count))) }
    }
  }

  @Test func damagedExamples() throws {
    var random = SeededRandom(SeededRandom.seeds(1)[0])
    let examples = try Examples.names.map { try Examples.contents($0) }
    for number in 0..<Self.inputs { check(Self.damage(examples[number % examples.count], &random)) }
  }

  /// Bytes replaced, removed, doubled, taken from another place, or such as mean something to YAML.
  static func damage(_ input: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var bytes = input
    for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
      let index = Int.random(in: 0..<bytes.count, using: &random)
      let other = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.remove(at: index)
      case 2: bytes.insert(contentsOf: bytes[other...].prefix(60), at: index)
      case 3: bytes.removeLast(min(bytes.count, Int.random(in: 0...20, using: &random)))
      case 4: bytes.removeSubrange(index..<min(bytes.count, index + 40))
      default: bytes.insert(Array("\n :-*&!#[]{}\"'|>\r".utf8).randomElement(using: &random)!, at: index)
      }
    }
    return bytes
  }

  private func check(_ bytes: [UInt8]) {
    let text = String(decoding: bytes, as: UTF8.self)
    do throws(LayoutFileMistake) {
      let file = try parse(bytes: bytes)
      // What is taken can be written and is read again as the same.
      let again = try? parse(LayoutFile.render(file.layout))
      #expect(again?.layout == file.layout, "\(text)")
    } catch {
      let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      let isInside =
        (1...lines.count + 1).contains(error.position.line)
        && (error.position.line > lines.count
          || (1...lines[error.position.line - 1].count + 1).contains(error.position.column))
      #expect(isInside, "\(error) of\n\(text)")
      #expect(!error.reason.unicodeScalars.contains { $0.properties.generalCategory == .control }, "\(text)")
    }
  }
}
