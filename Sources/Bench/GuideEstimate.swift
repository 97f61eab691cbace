/// The times that the migration guide tells its users to expect for captures of these sizes.
public struct GuideEstimate: Sendable {
  public let files: Int
  public let dryRunSeconds: Int
  public let executeSeconds: Int

  public static let all = [
    GuideEstimate(files: 100_000, dryRunSeconds: 10, executeSeconds: 30),
    GuideEstimate(files: 300_000, dryRunSeconds: 30, executeSeconds: 120),
    GuideEstimate(files: 700_000, dryRunSeconds: 60, executeSeconds: 300),
    GuideEstimate(files: 1_400_000, dryRunSeconds: 120, executeSeconds: 600),
  ]
}
