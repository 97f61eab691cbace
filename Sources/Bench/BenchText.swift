internal import Reporting
public import SystemPackage

/// The results of a benchmark as text.
public enum BenchText {
  /// A table for each size, with the guide's estimates.
  public static func table(_ results: BenchResults, in folder: FilePath) -> String {
    let machine = results.machine
    var lines = [
      "\(Explanation.text(folder)): \(machine.fileSystem), Linux \(machine.kernel), \(Format.count(machine.processors, "processor")), hotcold \(results.hotcold)"
    ]
    for size in results.sizes { lines += [""] + table(size) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func table(_ size: BenchResults.SizeResults) -> [String] {
    let estimate = GuideEstimate.all.first { $0.files == size.files }
    var rows = [
      [
        Format.count(size.files, "file"), "guide's estimate", "measured", "files/s", "x floor", "spread",
        "peak memory",
      ]
    ]
    for loop in size.loops where !loop.seconds.isEmpty {
      let seconds = Estimate(loop.seconds)
      rows.append([
        "bare \(loop.loop.rawValue)", "", self.seconds(seconds.value), rate(size.files, seconds.value),
        "1.00",
        percent(seconds.spread), "",
      ])
    }
    for command in size.commands where !command.seconds.isEmpty {
      let seconds = Estimate(command.seconds)
      let ratio = Estimate(command.seconds, over: size.floors(of: command))
      let guide: Int? =
        command.name == "dry run"
        ? estimate?.dryRunSeconds : command.name == "execute, auto" ? estimate?.executeSeconds : nil
      let peak = command.peakResidentBytes.isEmpty ? nil : Estimate(command.peakResidentBytes).value
      let name = command.name == "execute, auto" ? "\(command.name) (\(command.engine ?? ""))" : command.name
      rows.append([
        name, guide.map { "\($0) s" } ?? "", self.seconds(seconds.value), rate(size.files, seconds.value),
        decimal(ratio.value, places: 2), percent(ratio.spread), peak.map { Format.bytes(UInt64($0)) } ?? "",
      ])
    }
    return aligned(rows)
  }

  /// Each figure next to the baseline's, and the verdict.
  public static func comparison(_ comparison: BenchComparison, with baseline: FilePath) -> String {
    var lines = [
      "against \(Explanation.text(baseline)), made by hotcold \(printable(comparison.version.utf8))"
    ]
    if !comparison.differences.isEmpty {
      let differences = printable(comparison.differences.joined(separator: "; ").utf8)
      lines.append("NOTE: different from the baseline: \(differences)")
    }
    var rows = [["", "baseline", "now", "change", ""]]
    for entry in comparison.entries {
      rows.append([
        "\(Format.count(entry.files)), \(name(of: entry))", text(entry.before, entry.figure),
        text(entry.now, entry.figure),
        signed(entry.change), entry.verdict.rawValue,
      ])
    }
    lines += [""] + aligned(rows) + ["", "result: \(result(comparison))"]
    return lines.joined(separator: "\n") + "\n"
  }

  private static func result(_ comparison: BenchComparison) -> String {
    let verdict = comparison.verdict
    if comparison.disturbed {
      return
        "\(verdict.rawValue): other programs or virtual machines used the processors; run again when the machine is quiet"
    }
    if comparison.baselineDisturbed {
      return
        "\(verdict.rawValue): other programs or virtual machines used the processors when the baseline was made; make a new one when the machine is quiet (--save)"
    }
    let entries = comparison.entries.filter { $0.verdict == verdict }
    switch verdict {
    case .same: return verdict.rawValue
    case .noisy: return "\(verdict.rawValue): \(named(entries)); run again, or with more --runs"
    case .better: return "\(verdict.rawValue): \(named(entries))"
    case .worse:
      let isOfProgram = entries.contains { $0.figure != .floor }
      let isOfFloor = entries.contains { $0.figure == .floor }
      let whose = [isOfProgram ? "hotcold" : nil, isOfFloor ? "the kernel, the disk or the container" : nil]
      return
        "\(verdict.rawValue): \(named(entries)) (\(whose.compactMap(\.self).joined(separator: ", and ")))"
    }
  }

  private static func named(_ entries: [BenchComparison.Entry]) -> String {
    entries.map { "\(name(of: $0)) of \(Format.count($0.files)) files \(signed($0.change))" }.joined(
      separator: ", ")
  }

  private static func name(of entry: BenchComparison.Entry) -> String {
    switch entry.figure {
    case .floor: "bare \(entry.name)"
    case .floorRatio: "\(entry.name), x floor"
    case .ringBatch: "\(entry.name), renames a batch"
    case .peakMemory: "\(entry.name), peak memory"
    }
  }

  // MARK: figures

  private static func text(_ value: Double, _ figure: BenchComparison.Figure) -> String {
    switch figure {
    case .floor: seconds(value)
    case .floorRatio: decimal(value, places: 2)
    case .ringBatch: Format.oneDecimal(value)
    case .peakMemory: Format.bytes(UInt64(max(0, value)))
    }
  }

  private static func seconds(_ value: Double) -> String { "\(decimal(value, places: 3)) s" }

  private static func rate(_ files: Int, _ seconds: Double) -> String {
    seconds > 0 ? Format.count(Int(Double(files) / seconds)) : ""
  }

  private static func percent(_ part: Double) -> String { "\(Int((part * 100).rounded())) %" }

  private static func signed(_ part: Double) -> String { (part < 0 ? "" : "+") + percent(part) }

  private static func decimal(_ value: Double, places: Int) -> String {
    let factor = places == 3 ? 1000.0 : 100
    let scaled = Int((value * factor).rounded())
    let fraction = String(abs(scaled) % Int(factor))
    return "\(scaled / Int(factor)).\(String(repeating: "0", count: places - fraction.count))\(fraction)"
  }

  /// Aligns the first column to the left, all others to the right.
  private static func aligned(_ rows: [[String]]) -> [String] {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.indices.map { column in
        column == 0 ? Format.left(row[0], widths[0]) : Format.right(row[column], widths[column] + 2)
      }
      return String(cells.joined().reversed().drop { $0 == " " }.reversed())
    }
  }
}
