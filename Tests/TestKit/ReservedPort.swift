import CTestKit
import Glibc

/// A TCP port of 127.0.0.1 for one server of a test, which runs beside others. Nobody else is given it while this lives.
public final class ReservedPort: Sendable {
  public let number: Int
  private let descriptor: Int32

  public init() throws {
    var number: Int32 = 0
    descriptor = ctk_reserve_port(&number)
    guard descriptor >= 0 else { throw PreparationError("reserve a port") }
    self.number = Int(number)
  }

  deinit { close(descriptor) }
}
