internal import KernelIO
package import Migration
package import SystemPackage

/// The report of `layout` for folders.
extension JSONReport {
  /// A folder, how its layout fits it, or why that cannot be said.
  package typealias Fit = (folder: FilePath, layout: String, result: Result<LayoutFit, MigrationError>)

  /// The whole run, or its last line.
  package static func run(
    _ fits: [Fit], elapsedNanoseconds: Int64, exitCode: Int32, as form: Form
  ) -> String {
    let fitted = fits.map(FittedCapture.init)
    let summary = Summary(
      captures: fits.count, errors: fitted.reduce(0) { $0 + $1.errors.count },
      files: fitted.reduce(0) { $0 + $1.files },
      elapsedNanoseconds: elapsedNanoseconds, exitCode: exitCode)
    return render(
      Whole(head: Run(command: "layout", exitCode: exitCode), captures: fitted, summary: summary, form: form),
      as: form)
  }

  /// The line of one folder.
  package static func line(_ fit: Fit) -> String { render(FittedCapture(fit), as: .lines) }

  private struct FittedCapture: Encodable {
    let type = "capture"
    let capture: Name
    let layout: String
    let exitCode: Int32
    /// Absent if the folder cannot be read.
    let kinds: [String: Folders]?
    /// Folders that may not be used.
    let refused: [Name]?
    let unrecognised: Names?
    let errors: [Message]

    var files: Int { kinds?.values.reduce(0) { $0 + $1.files } ?? 0 }

    init(_ fit: Fit) {
      let folder = fit.folder
      capture = Name(fit.folder)
      layout = printable(fit.layout.utf8)
      exitCode = ExitStatus(of: fit.result).rawValue
      switch fit.result {
      case .success(let fit):
        kinds = byKind(fit.kinds, of: fit.layout, Folders.init)
        refused = fit.refusals.map { Name(Array($0.folder.utf8)) }
        unrecognised = Names(fit.unmatched)
        errors = fit.refusals.map { Message(Issue(.refused($0), in: folder), "layout") }
      case .failure(let error):
        (kinds, refused, unrecognised) = (nil, nil, nil)
        errors = [Message(Issue(.stopped(error), in: fit.folder), "layout")]
      }
    }
  }

  private struct Folders: Encodable {
    struct Folder: Encodable {
      let folder: String
      let files: Int

      init(_ folder: LayoutFit.Folder) { (self.folder, files) = (folder.path, folder.files) }
    }

    let flat, hot: Folder
    let buckets: [String: Folder]

    var files: Int { flat.files + hot.files + buckets.values.reduce(0) { $0 + $1.files } }

    init(_ folders: LayoutFit.Folders) {
      flat = Folder(folders.flat)
      hot = Folder(folders.hot)
      buckets = Dictionary(folders.buckets.map { ($0.bucket, Folder($0.folder)) }) { first, _ in first }
    }
  }
}
