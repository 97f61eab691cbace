import CaptureLayout
import KernelIO
import Migration
import Reporting
import SystemPackage

/// Shows the progress of a run: a bar on a terminal, a line every few seconds elsewhere, nothing with `--quiet`.
final class ProgressDisplay: MigrationObserver {
  private static let barRedrawNanoseconds: Int64 = 100_000_000
  private static let lineEveryNanoseconds: Int64 = 5_000_000_000
  private static let moveLinesBytes = 32 << 10

  let wantsMoves: Bool
  private let isQuiet: Bool
  /// A bar needs the terminal for itself.
  private let showsBar: Bool
  private let isColoured: Bool
  private let console: Console
  private var estimate = ProgressEstimate()
  private var lastShown: Int64 = 0
  private var barIsShown = false
  private var moveLines = ""

  /// - Parameter isAlone: whether no other display writes to the terminal.
  init(isQuiet: Bool, wantsMoves: Bool = false, isAlone: Bool = true, console: Console) {
    self.isQuiet = isQuiet
    self.wantsMoves = wantsMoves
    self.console = console
    showsBar = isAlone && StandardStream.error.isTerminal
    isColoured = !CurrentProcess.environmentHas("NO_COLOR")
  }

  func progressed(_ progress: MigrationProgress) {
    guard !isQuiet else { return }
    estimate.add(progress)
    let now = SystemClock.monotonicNanoseconds
    let interval = showsBar ? Self.barRedrawNanoseconds : Self.lineEveryNanoseconds
    if lastShown == 0, !showsBar { lastShown = now }
    guard now - lastShown >= interval else { return }
    lastShown = now
    if showsBar {
      show(bar(progress))
    } else {
      console.info("\(Explanation.text(progress.capture)): \(figures(progress))")
    }
  }

  func moved(_ name: Span<UInt8>, from: String, to: String, as newName: Span<UInt8>) {
    moveLines +=
      "\(from)\(printable(Array(copying: name))) -> \(to)\(printable(Array(copying: newName)))\n"
    if moveLines.utf8.count >= Self.moveLinesBytes { flushMoves() }
  }

  /// Removes the bar from the terminal. Call when a capture is done.
  func finish() {
    flushMoves()
    if barIsShown { try? StandardStream.error.write("\r\u{1b}[K") }
    barIsShown = false
    lastShown = 0
    estimate = ProgressEstimate()
  }

  private func flushMoves() {
    guard !moveLines.isEmpty else { return }
    try? StandardStream.error.write(moveLines)
    moveLines = ""
  }

  private func show(_ line: String) {
    barIsShown = true
    try? StandardStream.error.write("\r\(line)\u{1b}[K")
  }

  private func bar(_ progress: MigrationProgress) -> String {
    let text = figures(progress)
    let name = Explanation.text(FilePath(progress.capture.lastComponent?.string ?? "capture"))
    let width = (StandardStream.error.columns ?? 80) - name.count - text.count - 6
    guard width >= 10, let fraction = estimate.fraction else { return "\(name) \(text)" }
    let filled = Int(Double(width) * fraction)
    let done = String(repeating: "█", count: filled)
    let open = String(repeating: "░", count: width - filled)
    return "\(name) \(isColoured ? "\u{1b}[36m" : "")\(done)\(open)\(isColoured ? "\u{1b}[0m" : "") \(text)"
  }

  private func figures(_ progress: MigrationProgress) -> String {
    var text = "\(Format.count(progress.entries)) files"
    if let rate = estimate.rate { text += ", \(Format.count(Int(rate)))/s" }
    if progress.copiedBytes > 0 { text += ", \(Format.bytes(progress.copiedBytes)) copied" }
    if let seconds = estimate.secondsLeft { text += ", about \(Format.count(seconds)) s left" }
    return text
  }
}
