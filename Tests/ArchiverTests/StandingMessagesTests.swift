import SystemPackage
import Testing

@testable import Archiver

/// What is said when, with the time given.
@Suite struct StandingMessagesTests {
  typealias Kind = StandingMessages.Kind

  /// The value, where an expectation may change it.
  final class Messages {
    private var value = StandingMessages()

    func note(_ kinds: [Kind], of capture: FilePath?, at now: Int64) -> Bool {
      value.note(kinds, of: capture, at: now)
    }
    func finish(_ stage: StandingMessages.Stage, of capture: FilePath?) -> [String] {
      value.finish(stage, of: capture)
    }
    func keep(_ captures: Set<FilePath>) { _ = value.keep(captures) }
  }

  static let room = Kind(stage: .maintenance, name: "little free space")
  static let busy = Kind(stage: .settling, name: "another run holds the capture")
  static let minute: Int64 = 60_000_000_000

  @Test func aMessageIsSaidAtItsBeginningOnceAnHourAndWhenItIsOver() {
    let messages = Messages()
    var said: [Int64] = []
    for round in 0..<150 {
      if messages.note([Self.room], of: "/a", at: Int64(round) * Self.minute) { said.append(Int64(round)) }
      #expect(messages.finish(.maintenance, of: "/a") == [])
    }
    #expect(said == [0, 60, 120])
    #expect(messages.finish(.maintenance, of: "/a") == ["little free space"])
    #expect(messages.finish(.maintenance, of: "/a") == [], "said once")
    #expect(messages.note([Self.room], of: "/a", at: 150 * Self.minute), "a new beginning")
  }

  @Test func eachCaptureAndEachKindHasItsOwn() {
    let messages = Messages()
    #expect(messages.note([Self.room], of: "/a", at: 0))
    #expect(messages.note([Self.room], of: "/b", at: 0))
    #expect(messages.note([Self.busy], of: "/a", at: 0))
    #expect(!messages.note([Self.room], of: "/a", at: Self.minute))
    #expect(messages.finish(.maintenance, of: "/a") == [])
    #expect(messages.finish(.settling, of: "/b") == [])
  }

  @Test func whatAStageThatWasNotComeToHasSaidIsNotOver() {
    let messages = Messages()
    #expect(messages.note([Self.room], of: "/a", at: 0))
    #expect(messages.finish(.maintenance, of: "/a") == [])
    // A round in which the settling fails does not come to the maintenance.
    #expect(messages.note([Self.busy], of: "/a", at: Self.minute))
    #expect(messages.finish(.settling, of: "/a") == [])
    #expect(!messages.note([Self.room], of: "/a", at: 2 * Self.minute), "it was so all the time")
    #expect(messages.finish(.maintenance, of: "/a") == [])
  }

  @Test func matterThatIsNewSaysWhatBelongsToItAgain() {
    let messages = Messages()
    let taken = Kind(stage: .settling, name: "names that are taken")
    #expect(messages.note([taken], of: "/a", at: 0))
    #expect(messages.note([taken, Self.busy], of: "/a", at: Self.minute))
    #expect(!messages.note([taken, Self.busy], of: "/a", at: 2 * Self.minute))
    #expect(messages.finish(.settling, of: "/a") == [])
    #expect(!messages.note([taken], of: "/a", at: 3 * Self.minute))
    #expect(messages.finish(.settling, of: "/a") == ["another run holds the capture"])
  }

  @Test func aCaptureThatIsNotLookedAfterAnyMoreIsForgotten() {
    let messages = Messages()
    #expect(messages.note([Self.room], of: "/a", at: 0))
    #expect(messages.note([Kind(stage: .round, name: "no captures")], of: nil, at: 0))
    messages.keep([])
    #expect(messages.note([Self.room], of: "/a", at: 1))
    #expect(!messages.note([Kind(stage: .round, name: "no captures")], of: nil, at: 1))
  }
}
