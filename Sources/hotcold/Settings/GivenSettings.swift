import Archiver
import CaptureLayout
import KernelIO
import Reporting
import SystemPackage

/// The settings of one run: a flag before an environment variable before the settings file before the default.
struct GivenSettings {
  enum Source: String {
    case flag, environment, file
    case builtIn = "default"
  }

  /// The texts by their variables; the first layer that has one counts.
  private let layers: [(source: Source, texts: [String: String])]

  /// Of a command: no file, and of the environment only what is of every command.
  init(flags: [GivenFlag]) {
    layers = Self.layers(flags, Settings.all.filter(\.isOfEveryCommand))
  }

  /// Of the service. `file`: nil for the usual one, which need not be there.
  init(flags: [GivenFlag], file: FilePath?) throws(SettingsMistake) {
    layers = Self.layers(flags, Settings.all) + [(.file, try SettingsFile.texts(of: file))]
  }

  private static func layers(
    _ flags: [GivenFlag], _ variables: [any AnySetting]
  ) -> [(Source, [String: String])] {
    let environment = variables.map(\.variable).compactMap { variable in
      CurrentProcess.environment(variable).map { (variable, $0) }
    }
    return [
      (.flag, Dictionary(flags.map { ($0.variable, $0.text) }) { $1 }),
      (.environment, Dictionary(environment) { $1 }),
    ]
  }

  /// The error names the setting as the user wrote it (the flag, or the variable and its source), and what would be right.
  /// `grammar`: where that of the setting depends on others.
  func value<Value>(
    of setting: Setting<Value>, by grammar: Grammar<Value>? = nil
  ) throws(SettingsMistake) -> Value {
    let grammar = grammar ?? setting.grammar
    let (text, source) = given(setting)
    do throws(WrongText) {
      // A shell variable that was not set, wherever it is given: it must not mean the default in silence.
      if source != .builtIn, text.isEmpty { throw WrongText() }
      return try grammar.parse(text)
    } catch {
      let name = source == .flag ? "--\(setting.flagName)" : "\(setting.variable) (\(source.rawValue))"
      throw error.mistake(
        "value '\(printable((error.part ?? text).utf8))' for \(name)", expected: grammar.expected)
    }
  }

  func source(of setting: any AnySetting) -> Source { given(setting).source }

  /// What flags and environment give of these settings, as flags: for a command that is to mean the same in another shell.
  func repeated(_ settings: [any AnySetting]) -> [GivenFlag] {
    settings.flatMap { setting -> [GivenFlag] in
      let (text, source) = given(setting)
      let isGiven = [.flag, .environment].contains(source) && text == setting.flagText ?? text
      return setting.given(isGiven ? text : nil)
    }
  }

  /// Every setting with its source, as lines that a settings file may hold.
  var text: String {
    Settings.all.map { setting in
      let (text, source) = given(setting)
      let mark = text.isEmpty ? "#" : ""
      return "# \(source.rawValue)\n\(mark)\(setting.variable)=\(printable(text.utf8))\n"
    }.joined()
  }

  private func given(_ setting: any AnySetting) -> (text: String, source: Source) {
    for layer in layers {
      if let text = layer.texts[setting.variable] { return (text, layer.source) }
    }
    return (setting.defaultText, .builtIn)
  }

  /// One warning for each variable of the environment that is named like a setting and is none.
  static var unknownVariables: [String] {
    let known = Settings.all.map(\.variable)
    return CurrentProcess.environmentNames(beginningWith: "HOTCOLD_").filter { !known.contains($0) }.sorted()
      .map {
        let likely = nearest(to: $0, among: known, differencesMax: 3).map { " Did you mean \($0)?" } ?? ""
        return "unknown setting '\(printable($0.utf8))' in the environment, ignored.\(likely)"
      }
  }

  // MARK: the time zone

  /// Nil for that of the machine. An unknown one, in the settings or in `TZ` where they have none, would mean UTC.
  func timeZone(of layout: Layout) throws(SettingsMistake) -> String? {
    if let zone = try value(of: Settings.timeZone) ?? layout.timeZoneOfBuckets { return zone }
    if let zone = LocalZone.mistakenVariable {
      throw SettingsMistake(
        message: Explanation.unknownZone(zone),
        remedy: "Take a name from /usr/share/zoneinfo, such as Europe/Zurich, or unset it.")
    }
    return nil
  }

  /// Makes the zone that of the process. Call once, before anything asks for the time.
  @discardableResult func useTimeZone(of layout: Layout = .guide) throws(SettingsMistake) -> String? {
    let zone = try timeZone(of: layout)
    if zone == "UTC" { LocalZone.useUTC() } else if let zone { _ = LocalZone.use(zone) }
    return zone
  }
}
