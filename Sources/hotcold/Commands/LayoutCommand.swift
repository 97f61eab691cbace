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
      Without a folder it prints the layout, as a start for one of your own. With --check and a folder it says how \
      many files each kind would get, and names what no kind matches.
      """)

  @OptionGroup var layout: LayoutOptions
  @Option(Settings.check) var check: String?
  @Argument(
    help: "Folders to look at; they need not be captures yet.", completion: .directory,
    transform: pathArgument)
  var folders: [FilePath] = []

  func run() throws {
    let layout = try chosenLayout()
    let console = Console(isQuiet: false)
    guard !folders.isEmpty else {
      let text = check == nil ? LayoutFile.render(layout.description) : "the layout is valid\n"
      return try Output.print(text, console)
    }
    var status = ExitStatus.done
    for folder in folders {
      let fit: LayoutFit
      do throws(MigrationError) { fit = try LayoutFit(of: folder, layout) } catch {
        console.log(Issue(.stopped(error), in: folder), command: "layout")
        if status == .done { status = ExitStatus(of: error) }
        continue
      }
      try Output.print(text(fit, folder, layout), console)
    }
    throw status.code
  }

  private func chosenLayout() throws(SettingsMistake) -> Layout {
    let settings = GivenSettings(flags: layout.flags + Settings.check.given(check))
    guard let checked = try settings.value(of: Settings.check) else {
      return try settings.tieredPlacement().layout
    }
    guard !checked.isFlat else { throw GivenSettings.flatHasNoTiers }
    return checked.layout
  }

  private func text(_ fit: LayoutFit, _ folder: FilePath, _ layout: Layout) -> String {
    var rows = [["", "flat", "hot", "cold"]]
    rows += layout.kinds.map { kind in
      let counts = fit.kinds[kind]
      return [layout.name(of: kind)] + [counts.flat, counts.hot, counts.cold].map(Format.count)
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = ["\(Explanation.text(folder)): the layout '\(layout.name)'"]
    lines += rows.map { row in
      row.indices.map { column in
        column == 0 ? Format.left(row[0], widths[0]) : Format.right(row[column], widths[column] + 2)
      }.joined()
    }
    for refusal in fit.refusals { lines.append("refused    \(printable(refusal.folder.utf8))") }
    if fit.unmatched.count > 0 {
      let names = fit.unmatched.named.map(printable).joined(separator: ", ")
      let more = fit.unmatched.count > fit.unmatched.named.count ? ", …" : ""
      lines.append("of no kind \(Format.count(fit.unmatched.count)): \(names)\(more)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
