internal import CaptureLayout
internal import FoundationEssentials
internal import KernelIO
internal import Migration
package import SystemPackage

/// The report for programs (docs/schema, docs/JSON.md): one object, or one line for each capture and one for the run.
/// Names are given twice: escaped for reading, and losslessly in base64.
public enum JSONReport {
  public enum Form: Sendable {
    /// The whole run as one object, over several lines.
    case object
    /// A line for each capture when it is finished, and a last one for the run.
    case lines
  }

  package static func render(_ value: some Encodable, as form: Form) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if form == .object { encoder.outputFormatting.insert(.prettyPrinted) }
    // Encoding these types cannot fail.
    let data = (try? encoder.encode(value)) ?? Data()
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  package struct Name: Encodable {
    let text: String
    let base64: String

    init(_ bytes: [UInt8]) {
      text = printable(bytes)
      base64 = Data(bytes).base64EncodedString()
    }

    package init(_ path: FilePath) { self.init(path.bytes) }
  }

  /// An issue as text, with path, errno and operation in separate fields.
  struct Message: Encodable {
    struct ErrorNumber: Encodable {
      let number: Int32
      let name: String
    }

    let code: String
    let message: String
    let remedy: String
    let path: Name?
    let errno: ErrorNumber?
    let operation: String?

    init(_ issue: Issue, _ command: String) {
      let explanation = issue.explanation(for: command)
      code = issue.code.rawValue
      message = explanation.message
      remedy = explanation.remedy
      path = issue.path.map(Name.init)
      errno = issue.errno.map { ErrorNumber(number: $0.rawValue, name: $0.name) }
      operation = issue.operation?.rawValue
    }
  }

  /// The time zone of the hour folders.
  struct Zone: Encodable {
    let name: String
    let utcOffsetSeconds: Int64

    /// The time zone of the process.
    init() {
      name = printable(LocalZone.name.utf8)
      utcOffsetSeconds = LocalZone.offset(at: SystemClock.realtimeNanoseconds / 1_000_000_000)
    }

    /// The time zone of a capture with one of its own, which can only be UTC.
    init(_ name: String) {
      self.name = name
      utcOffsetSeconds = 0
    }
  }

  /// The report of a command that could not start or could not continue.
  public static func failure(_ issue: Issue, command: String, exitCode: Int32, as form: Form) -> String {
    render(Failure(exitCode: exitCode, errors: [Message(issue, command)]), as: form)
  }

  private struct Failure: Encodable {
    let type = "error"
    let exitCode: Int32
    let errors: [Message]
  }

  /// A whole run as one object, or its last line: fields of the run, its captures, and a summary.
  struct Whole<Head: Encodable, Capture: Encodable, Summary: Encodable>: Encodable {
    private enum Key: String, CodingKey { case type, captures, summary }

    let head: Head
    let captures: [Capture]
    let summary: Summary
    let form: Form

    func encode(to encoder: any Encoder) throws {
      try head.encode(to: encoder)
      var container = encoder.container(keyedBy: Key.self)
      switch form {
      case .object:
        try container.encode("run", forKey: .type)
        try container.encode(captures, forKey: .captures)
        try container.encode(summary, forKey: .summary)
      case .lines:
        try container.encode("summary", forKey: .type)
        try summary.encode(to: encoder)
      }
    }
  }

  /// The fields that every run has.
  struct Run: Encodable {
    let command: String
    let version = Version.number
    let exitCode: Int32
    let timeZone = Zone()
  }

  /// The summary that every run has.
  struct Summary: Encodable {
    let captures, errors: Int
    let elapsedSeconds, filesPerSecond: Double
    let exitCode: Int32

    init(captures: Int, errors: Int, files: Int, elapsedNanoseconds: Int64, exitCode: Int32) {
      self.captures = captures
      self.errors = errors
      elapsedSeconds = Double(elapsedNanoseconds) / 1e9
      filesPerSecond =
        elapsedNanoseconds > 0 ? (Double(files) * 1e9 / Double(elapsedNanoseconds)).rounded() : 0
      self.exitCode = exitCode
    }
  }

  /// The fields of both values in one object.
  struct Joined<First: Encodable, Second: Encodable>: Encodable {
    let first: First
    let second: Second

    func encode(to encoder: any Encoder) throws {
      try first.encode(to: encoder)
      try second.encode(to: encoder)
    }
  }

  /// A figure of each kind, by the names of the layout's kinds.
  static func byKind<Value, Figure>(
    _ values: PerKind<Value>, of layout: Layout, _ figure: (Value) -> Figure
  ) -> [String: Figure] {
    Dictionary(uniqueKeysWithValues: layout.kinds.map { (layout.name(of: $0), figure(values[$0])) })
  }
}
