import Archiver
import CaptureLayout
import KernelIO
import Reporting
import SystemPackage

/// The settings of one run. A flag takes precedence over an environment variable, that over the settings file, and that over the
/// default.
struct GivenSettings {
  enum Source: String {
    case flag, environment, file
    case builtIn = "default"
  }

  /// The texts by variable; the first layer that has one counts.
  private let layers: [(source: Source, texts: [String: String])]
  /// Whether they are those of the service.
  let areOfService: Bool

  private init(layers: [(source: Source, texts: [String: String])], areOfService: Bool) {
    (self.layers, self.areOfService) = (layers, areOfService)
  }

  /// For a command: no settings file, and from the environment only the settings of every command.
  init(flags: [GivenFlag]) {
    layers = Self.layers(flags, Settings.all.filter(\.isOfEveryCommand))
    areOfService = false
  }

  /// For the service, and for a command that does as the service does.
  ///
  /// - Parameter file: the settings file; nil for the usual one, which need not exist.
  init(flags: [GivenFlag], file: FilePath?) throws(SettingsMistake) {
    layers = Self.layers(flags, Settings.all) + [(.file, try SettingsFile.texts(of: file))]
    areOfService = true
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

  /// The error names the setting as the user wrote it (the flag, or the variable and its source), and what is expected.
  ///
  /// - Parameter grammar: the grammar to use where that of the setting depends on other settings.
  func value<Value>(
    of setting: Setting<Value>, by grammar: Grammar<Value>? = nil
  ) throws(SettingsMistake) -> Value {
    let grammar = grammar ?? setting.grammar
    let (text, source) = given(setting)
    do throws(WrongText) {
      // An empty text comes from a shell variable that was not set: it must not silently mean the default.
      if source != .builtIn, text.isEmpty { throw WrongText() }
      return try grammar.parse(text)
    } catch {
      let name = source == .flag ? "--\(setting.flagName)" : "\(setting.variable) (\(source.rawValue))"
      throw error.mistake(
        "value '\(printable((error.part ?? text).utf8))' for \(name)", expected: grammar.expected)
    }
  }

  func source(of setting: any AnySetting) -> Source { given(setting).source }

  /// Whether the command line says which captures: it names some, or a list.
  func choosesCaptures(_ named: [FilePath]) -> Bool {
    !named.isEmpty || source(of: Settings.capturesFrom) == .flag
  }

  /// The list of the service, which names layouts for captures that the command line chooses; nil if a flag names their layout, or
  /// if there is none.
  func listOfLayouts() throws(SettingsMistake) -> FilePath? {
    guard source(of: Settings.layout) != .flag else { return nil }
    return try GivenSettings(layers: layers.filter { $0.source != .flag }, areOfService: areOfService).value(
      of: Settings.capturesFrom)
  }

  /// Whether the layout says how long files are kept.
  var retainsByLayout: Bool {
    let (text, source) = given(Settings.retain)
    return source != .builtIn && text.split(separator: ",").contains { $0 == "layout" || $0 == "guide" }
  }

  /// The flags that repeat what flags and environment say of these settings, for a command that must mean the same in
  /// another shell.
  func repeated(_ settings: [any AnySetting]) -> [GivenFlag] {
    settings.flatMap { setting -> [GivenFlag] in
      let (text, source) = given(setting)
      let isGiven = [.flag, .environment].contains(source) && text == setting.flagText ?? text
      return setting.given(isGiven ? text : nil)
    }
  }

  /// Every setting with its source, as lines of a settings file.
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

  /// One warning for each environment variable that is named like a setting but is none.
  static var unknownVariables: [String] {
    let known = Settings.all.map(\.variable)
    return CurrentProcess.environmentNames(beginningWith: "HOTCOLD_").filter { !known.contains($0) }.sorted()
      .map {
        let likely = nearest(to: $0, among: known, differencesMax: 3).map { " Did you mean \($0)?" } ?? ""
        return "unknown setting '\(printable($0.utf8))' in the environment, ignored.\(likely)"
      }
  }

  // MARK: the time zone

  /// As it was before a zone was chosen for the process.
  static let machineZone = LocalZone.name

  /// The time zone of the buckets; nil for that of the machine.
  ///
  /// - Throws: for an unknown zone, in the settings or (if they name none) in `TZ`: libc would take it for UTC.
  func timeZone(of layout: Layout) throws(SettingsMistake) -> String? {
    if let zone = try value(of: Settings.timeZone) ?? layout.timeZoneOfBuckets { return zone }
    if let zone = LocalZone.mistakenVariable {
      throw SettingsMistake(
        message: Explanation.unknownZone(zone),
        remedy: "Use a name from /usr/share/zoneinfo, such as Europe/Zurich, or unset it.")
    }
    return nil
  }

  /// Makes that zone the time zone of the process. Call once, before anything asks for the time.
  @discardableResult func useTimeZone(of layout: Layout = .guide) throws(SettingsMistake) -> String? {
    let zone = try timeZone(of: layout)
    if zone != nil { _ = Self.machineZone }
    if zone == "UTC" { LocalZone.useUTC() } else if let zone { _ = LocalZone.use(zone) }
    return zone
  }
}
