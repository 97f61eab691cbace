import CaptureLayout
import TestKit
import Testing

@Suite struct DifferenceDigestTests {
  static func file(_ number: Int, inode: UInt64? = nil) -> FileIdentity {
    let kind = Kind.allCases[number % 4]
    return FileIdentity(
      name: Array("name_\(number)".utf8).span, kind: kind, inode: inode ?? UInt64(number) * 31)
  }

  @Test func equalSetsLeaveNothing() throws {
    var digest = DifferenceDigest()
    for number in 0..<50_000 { digest.insert(Self.file(number)) }
    for number in (0..<50_000).reversed() { digest.remove(Self.file(number)) }
    let difference = try #require(digest.decode())
    #expect(difference.onlyBefore.isEmpty && difference.onlyAfter.isEmpty)
  }

  @Test(arguments: SeededRandom.seeds(40)) func differencesAreNamed(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let common = 20_000
    let lost = Set((0..<Int.random(in: 0...1500, using: &random)).map { common + $0 })
    let arrived = Set((0..<Int.random(in: 0...1500, using: &random)).map { 2 * common + $0 })
    var digest = DifferenceDigest()
    for number in 0..<common {
      digest.insert(Self.file(number))
      digest.remove(Self.file(number))
    }
    for number in lost { digest.insert(Self.file(number)) }
    for number in arrived { digest.remove(Self.file(number)) }
    let difference = try #require(digest.decode(), "HOTCOLD_SEED=\(seed)")
    #expect(Set(difference.onlyBefore) == Set(lost.map { Self.file($0) }))
    #expect(Set(difference.onlyAfter) == Set(arrived.map { Self.file($0) }))
  }

  @Test func anotherInodeIsAnotherFile() throws {
    var digest = DifferenceDigest()
    digest.insert(Self.file(1, inode: 7))
    digest.remove(Self.file(1, inode: 8))
    let difference = try #require(digest.decode())
    #expect(difference.onlyBefore.map(\.inode) == [7])
    #expect(difference.onlyAfter.map(\.inode) == [8])
  }

  @Test func tooManyDifferencesAreSaidToBeTooMany() {
    var digest = DifferenceDigest()
    for number in 0..<20_000 { digest.insert(Self.file(number)) }
    #expect(digest.decode() == nil)
  }
}
