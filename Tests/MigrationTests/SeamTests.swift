import Foundation
import TestKit
import Testing

/// Faults are put between the program and its shim by the linker, in the tests' binary alone.
@Suite struct SeamTests {
  static let names = ["hc_faults_use", "__wrap_hc_statx", "__wrap_hc_ring_reap"]

  private static func present(in path: String) throws -> [String] {
    let binary = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    return names.filter { binary.range(of: Data($0.utf8)) != nil }
  }

  @Test func theProgramHasNoneOfTheSeamThatTheTestsHave() throws {
    #expect(try Self.present(in: HotColdBinary.path) == [])
    #expect(try Self.present(in: "/proc/self/exe") == Self.names)
  }
}
