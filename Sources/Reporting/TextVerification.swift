package import Migration

/// The success criteria for people: each with its figures, met or not met.
package struct TextVerification {
  let isQuiet: Bool

  package init(isQuiet: Bool) { self.isQuiet = isQuiet }

  package func render(_ report: VerificationReport) -> String {
    var lines: [String] = []
    lines += report.issues.map { "ERROR: \($0.explanation(for: "verify"))" }
    if lines.isEmpty {
      lines.append(
        "\(Explanation.text(report.capture)): \(report.isMet ? "all criteria met" : "not all criteria met")")
    }
    for criterion in report.criteria where !isQuiet || !criterion.isMet {
      let figures = criterion.figures.map { "\($0.name) \(Format.count($0.value))" }
      lines.append(
        "  \(criterion.isMet ? "met    " : "NOT MET") \(title(criterion.identifier)): "
          + figures.joined(separator: ", "))
      if !criterion.isMet { lines += criterion.examples.map { "            \(printable($0))" } }
    }
    let livePlaylist = report.criteria.first { $0.identifier == .livePlaylist }
    let listed = livePlaylist?.figures.first { $0.name == "listed" }?.value ?? 0
    if !isQuiet, listed > Explanation.listedSegmentsMax {
      lines.append("NOTE: \(Explanation.longPlaylist(listed))")
    }
    if !isQuiet {
      if report.unrecognised.count > 0 {
        lines.append("  unrecognised, \(TextReport.describe(report.unrecognised, "not checked"))")
      }
      lines += report.warnings.map { "NOTE: \($0.explanation(for: "verify"))" }
    }
    return isQuiet && report.isMet ? "" : lines.joined(separator: "\n") + "\n"
  }

  private func title(_ criterion: Criterion.Identifier) -> String {
    switch criterion {
    case .folders: "all folders of the layout exist"
    case .flatPlaces: "nothing is left in a flat place"
    case .hotLimits: "hot files are within their limits"
    case .hours: "every cold file is in the hour folder of its kind and time"
    case .names: "no name occurs twice"
    case .livePlaylist: "the live playlist's segments are beside it"
    case .archives: "every archive.m3u8 is complete and lists the segments of its hour"
    }
  }
}
