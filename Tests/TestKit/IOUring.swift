import CTestKit

/// What this machine grants to the engine `io_uring`.
public enum IOUring {
  public static let isGranted = ctk_grants_io_uring()
}
