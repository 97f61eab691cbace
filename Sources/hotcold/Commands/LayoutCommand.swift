import Archiver
import ArgumentParser
import CaptureLayout
import KernelIO
import LayoutFiles
import Migration
import Reporting
import SystemPackage

struct LayoutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "layout",
    abstract: "Prints a layout as a file, or checks how it fits a folder. Reads only.",
    discussion: """
      Without a folder it prints the layout, as a start for one of your own. For each folder it says how many files each \
      kind has in its flat and hot places and in its buckets, and names what no kind matches.
      """)

  @OptionGroup var layout: LayoutOptions
  @Option(Settings.check) var check: String?
  @Option(Settings.capturesFrom) var capturesFrom: String?
  @OptionGroup var service: ServiceOptions
  @Option(help: "How folders are reported: \(OutputFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var format = OutputFormat.text
  @Argument(
    help: "Folders to look at; they need not be captures yet.", completion: .directory,
    transform: pathArgument)
  var folders: [FilePath] = []

  private var hasFolders: Bool { !folders.isEmpty || capturesFrom != nil || service.asService }

  func validate() throws {
    guard hasFolders || format == .text else {
      throw ValidationError("--format requires a folder: without one the layout is printed.")
    }
  }

  func run() throws {
    let settings = try service.settings(
      flags: layout.flags + Settings.check.given(check) + Settings.capturesFrom.given(capturesFrom))
    let checked = try settings.value(of: Settings.check)
    if let checked, checked.isFlat { throw GivenSettings.flatHasNoTiers }
    let placement = try settings.tieredPlacement()
    let console = Console(isQuiet: false)
    guard hasFolders else {
      let text = checked == nil ? LayoutFile.render(placement.layout.description) : "the layout is valid\n"
      return try Output.print(text, console)
    }
    let named = try settings.captures(folders, console)
    let placements = try settings.placements(of: named, beside: placement)
    let start = SystemClock.monotonicNanoseconds
    let lines = CaptureLines(format)
    var fits: [JSONReport.Fit] = []
    for folder in named.captures {
      let layout = checked?.layout ?? placements[folder]?.layout ?? placement.layout
      let result = Result { () throws(MigrationError) in try LayoutFit(of: folder, layout) }
      let fit = (folder, layout.name, result)
      fits.append(fit)
      switch result {
      case .success(let fit):
        if format == .text { try Output.print(text(fit, folder), console) }
        for refusal in fit.refusals { console.log(Issue(.refused(refusal), in: folder), command: "layout") }
      case .failure(let error): console.log(Issue(.stopped(error), in: folder), command: "layout")
      }
      lines.print(JSONReport.line(fit))
    }
    let status = fits.map { ExitStatus(of: $0.result) }.first { $0 != .done } ?? .done
    if let form = format.form {
      let elapsed = SystemClock.monotonicNanoseconds - start
      try lines.finish(
        with: JSONReport.run(fits, elapsedNanoseconds: elapsed, exitCode: status.rawValue, as: form), console)
    }
    throw status.code
  }

  private func text(_ fit: LayoutFit, _ folder: FilePath) -> String {
    let layout = fit.layout
    var rows = [["", "flat", "hot", "cold"]]
    rows += layout.kinds.map { kind in
      let counts = fit.kinds[kind]
      return [layout.name(of: kind)] + [counts.flat.files, counts.hot.files, counts.cold].map(Format.count)
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = ["\(Explanation.text(folder)): the layout '\(layout.name)'"]
    lines += rows.map { row in
      row.indices.map { column in
        column == 0 ? Format.left(row[0], widths[0]) : Format.right(row[column], widths[column] + 2)
      }.joined()
    }
    if fit.unmatched.count > 0 {
      let names = fit.unmatched.named.map(printable).joined(separator: ", ")
      let more = fit.unmatched.count > fit.unmatched.named.count ? ", …" : ""
      lines.append("of no kind \(Format.count(fit.unmatched.count)): \(names)\(more)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
