internal import FoundationEssentials
public import Reporting
public import SystemPackage

extension JSONReport {
  /// The JSON report of `bench`.
  public static func bench(
    _ results: BenchResults, _ comparison: BenchComparison?, folder: FilePath, exitCode: Int32,
    elapsedNanoseconds: Int64, as form: Form
  ) -> String {
    render(
      Whole(
        folder: Name(folder), exitCode: exitCode, elapsedSeconds: Double(elapsedNanoseconds) / 1e9,
        results: results,
        comparison: comparison), as: form)
  }

  private struct Whole: Encodable {
    let type = "bench"
    let command = "bench"
    let version = Version.number
    let folder: Name
    let exitCode: Int32
    let elapsedSeconds: Double
    let results: BenchResults
    let comparison: BenchComparison?
  }
}
