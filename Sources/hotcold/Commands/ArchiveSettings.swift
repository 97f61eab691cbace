import Archiver
import CaptureLayout
import Configuration
import KernelIO
import Migration
import Reporting
import SystemPackage

/// The settings of `hotcold archive`: a flag before an environment variable before the settings file before the default.
struct ArchiveSettings {
  /// Every setting there is. In the environment and in the file its name has HOTCOLD_ before it, in capitals.
  enum Key: String, CaseIterable {
    case capturesFrom, interval, minAge, retain, maxDelete, metricsFile, warnFree, timeZone, hot, keepLive
    case manifests, engine, linkFallback, onConflict

    var variable: String {
      "HOTCOLD_"
        + rawValue.reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() }
    }

    var flag: String {
      let name = self == .manifests ? "noManifests" : rawValue
      return "--" + name.reduce(into: "") { $0 += $1.isUppercase ? "-\($1.lowercased())" : String($1) }
    }

    var defaultText: String {
      switch self {
      case .capturesFrom, .retain, .metricsFile, .timeZone, .hot: ""
      case .interval, .minAge: "60s"
      case .maxDelete: "\(RetentionRule.deletionsMaxDefault)"
      case .warnFree: "10%"
      case .keepLive, .linkFallback: "no"
      case .manifests: "yes"
      case .engine: "auto"
      case .onConflict: ConflictRule.keep.rawValue
      }
    }
  }

  typealias Failure = SettingsMistake

  enum Source: String {
    case flag, environment, file
    case builtIn = "default"
  }

  static let fileDefault: FilePath = "/etc/hotcold/archive.conf"
  private static let fileBytesMax = 1 << 20

  private let layers: [(source: Source, reader: ConfigReader)]
  private let reader: ConfigReader

  /// `flags`: what the command line says. `file`: nil for the usual one, which need not be there.
  init(flags: [Key: String], file: FilePath?) throws(Failure) {
    let given = flags.map {
      (AbsoluteConfigKey(["hotcold", $0.key.rawValue]), ConfigValue(stringLiteral: $0.value))
    }
    let flagProvider = InMemoryProvider(name: "flags", values: Dictionary(uniqueKeysWithValues: given))
    let environmentProvider = EnvironmentVariablesProvider(environmentVariables: Self.environment)
    let fileProvider = EnvironmentVariablesProvider(environmentVariables: try Self.variables(of: file))
    layers = [
      (.flag, ConfigReader(provider: flagProvider)),
      (.environment, ConfigReader(provider: environmentProvider)),
      (.file, ConfigReader(provider: fileProvider)),
    ]
    reader = ConfigReader(providers: [flagProvider, environmentProvider, fileProvider])
  }

  private static var environment: [String: String] {
    Dictionary(
      uniqueKeysWithValues: Key.allCases.compactMap { key in
        CurrentProcess.environment(key.variable).map { (key.variable, $0) }
      })
  }

  /// One for each variable of the environment that is named like a setting and is none.
  static var warnings: [String] {
    let known = Key.allCases.map(\.variable)
    return CurrentProcess.environmentNames(beginningWith: "HOTCOLD_").filter { !known.contains($0) }.sorted()
      .map {
        let likely = nearest(to: $0, among: known, differencesMax: 3).map { " Did you mean \($0)?" } ?? ""
        return "unknown setting '\(printable($0.utf8))' in the environment, ignored.\(likely)"
      }
  }

  func text(_ key: Key) -> String {
    reader.string(forKey: ConfigKey(["hotcold", key.rawValue]), default: key.defaultText)
  }

  func source(_ key: Key) -> Source {
    layers.first { $0.reader.string(forKey: ConfigKey(["hotcold", key.rawValue])) != nil }?.source ?? .builtIn
  }

  // MARK: the file

  /// Lines `HOTCOLD_NAME=value`; blank lines and lines that begin with '#' are left out. systemd reads the same as an
  /// EnvironmentFile=.
  private static func variables(of file: FilePath?) throws(Failure) -> [String: String] {
    let path = file ?? fileDefault
    let contents: [UInt8]
    do throws(KernelError) { contents = try readFile(at: path, limit: fileBytesMax) } catch {
      if file == nil, error.errno == .noSuchFileOrDirectory { return [:] }
      throw Failure(message: "\(Explanation.unreadable(error)). Check the path given to --config.")
    }
    if let line = TextLines.lineWithControlCharacter(contents) {
      throw Failure(
        message:
          "\(Explanation.text(path)), line \(line): a control character. Give plain text, one setting a line."
      )
    }
    let known = Set(Key.allCases.map(\.variable))
    var variables: [String: String] = [:]
    // By bytes: to a String, CR and LF together are one character.
    let lines = contents.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (number, line) in lines.enumerated() {
      let text = String(decoding: line, as: UTF8.self).trimmingSpace
      guard !text.isEmpty, text.first != "#" else { continue }
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map {
        $0.trimmingSpace
      }
      let place = "\(Explanation.text(path)), line \(number + 1)"
      guard parts.count == 2 else {
        throw Failure(message: "\(place): not a line of the form HOTCOLD_NAME=value.")
      }
      guard known.contains(parts[0]) else {
        throw Failure(
          message: "\(place): unknown setting '\(printable(parts[0].utf8))'. Known are: "
            + Key.allCases.map(\.variable).joined(separator: ", ") + ".")
      }
      variables[parts[0]] = parts[1].withoutQuotes
    }
    return variables
  }
}

extension StringProtocol {
  fileprivate var trimmingSpace: String {
    var text = Substring(self)
    while let first = text.first, first.isWhitespace { text.removeFirst() }
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}

extension String {
  /// As systemd and shells would read it.
  fileprivate var withoutQuotes: String {
    for quote in ["\"", "'"] where count >= 2 && hasPrefix(quote) && hasSuffix(quote) {
      return String(dropFirst().dropLast())
    }
    return self
  }
}
