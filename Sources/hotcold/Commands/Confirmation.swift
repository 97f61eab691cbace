import ArgumentParser
import KernelIO
import Reporting
import SystemPackage

/// The guide's question before anything is moved.
enum Confirmation {
  /// Asks on standard error, so that `| tee migration.log` does not hide the question. Returns only if the answer is yes.
  ///
  /// - Parameter layout: the layout to which files are moved, as a word of the question ("new").
  static func ask(about paths: [FilePath], layout: String, _ console: Console) throws {
    guard StandardStream.input.isTerminal else {
      throw Issue(
        .usage(
          "--execute asks before it moves files, and there is no terminal to ask on",
          remedy: "Add --yes to answer now."))
    }
    let captures = paths.map { "  \(Explanation.text($0))\n" }.joined()
    try? StandardStream.error.write(
      """
      \(captures)
      ⚠  WARNING: This will move files to \(layout) structure!
      Are you sure you want to proceed? (yes/no): 
      """)
    let answer = try? StandardStream.input.readLine()
    if let signal = StopSignal.pending { throw ExitStatus.interrupted(by: signal).code }
    guard let answer, ["yes", "y"].contains(String(decoding: answer, as: UTF8.self).lowercased())
    else {
      try? StandardStream.error.write("Nothing was moved.\n")
      throw ExitStatus.incomplete.code
    }
  }
}
