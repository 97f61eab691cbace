import Foundation

/// The real program: the one that HOTCOLD_BINARY names, or else the one built with the tests.
public enum HotColdBinary {
  public static let path: String = {
    if let path = ProcessInfo.processInfo.environment["HOTCOLD_BINARY"] { return path }
    return Bundle.main.bundleURL.appendingPathComponent("hotcold").path
  }()

  public static func run(_ arguments: [String], environment: [String: String] = ["TZ": "UTC"]) -> Shell.Result
  {
    Shell.run([path] + arguments, environment: environment)
  }

  public static func start(_ arguments: [String]) throws -> Running {
    try Running([path] + arguments, environment: ["TZ": "UTC"])
  }

  /// Runs `migrate`, by default with `--execute --yes`, and parses its JSON report.
  public static func migrate(
    _ capture: String, _ options: [String] = [], execute: Bool = true
  ) throws -> (status: Int32, report: JSON) {
    let result = run(
      ["migrate", capture, "--format", "json"] + (execute ? ["--execute", "--yes"] : []) + options)
    return (result.status, try JSON(parsing: result.output))
  }
}

/// Reads a JSON object by keys: `report["captures", 0, "total", "moved"]`.
public struct JSON: @unchecked Sendable {
  private let value: Any?

  public init(parsing text: String) throws {
    value = try JSONSerialization.jsonObject(with: Data(text.utf8))
  }

  private init(value: Any?) { self.value = value }

  public subscript(path: Any...) -> JSON {
    JSON(
      value: path.reduce(value) { value, key in
        if let index = key as? Int { return (value as? [Any]).flatMap { index < $0.count ? $0[index] : nil } }
        return (value as? [String: Any])?["\(key)"]
      })
  }

  public var int: Int? { (value as? NSNumber)?.intValue }
  public var double: Double? { (value as? NSNumber)?.doubleValue }
  public var bool: Bool? { (value as? NSNumber)?.boolValue }
  public var string: String? { value as? String }
  public var array: [JSON] { (value as? [Any] ?? []).map { JSON(value: $0) } }
  /// The `errors` of a capture in a report, as text: message and remedy.
  public var errors: [String] {
    self["errors"].array.map { [$0["message"], $0["remedy"]].compactMap(\.string).joined(separator: ". ") }
  }
  public var keys: Set<String> { Set((value as? [String: Any] ?? [:]).keys) }
}
