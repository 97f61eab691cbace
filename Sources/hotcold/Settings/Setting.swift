import ArgumentParser
import Reporting

/// A setting: everything about it, whether it is given as a flag, in the environment or in the settings file.
struct Setting<Value: Sendable>: AnySetting {
  let name: String
  let variable: String
  let defaultText: String
  let flagText: String?
  let isOfEveryCommand: Bool
  let grammar: Grammar<Value>
  let help: ArgumentHelp
  let completion: CompletionKind?

  /// - Parameter defaultText: empty if there is no default.
  init(
    _ name: String, default defaultText: String = "", flagText: String? = nil, isOfEveryCommand: Bool = false,
    _ grammar: Grammar<Value>, help: ArgumentHelp, completion: CompletionKind? = nil
  ) {
    self.name = name
    self.variable = "HOTCOLD_" + name.map { $0 == "-" ? "_" : $0.uppercased() }.joined()
    self.defaultText = defaultText
    self.flagText = flagText
    self.isOfEveryCommand = isOfEveryCommand
    self.grammar = grammar
    self.help = help
    self.completion = completion
  }
}

extension Setting where Value == Bool {
  /// A setting whose flag takes no value: the flag is the opposite of the default.
  init(_ name: String, isOn: Bool, help: ArgumentHelp) {
    self.init(name, default: isOn ? "yes" : "no", flagText: isOn ? "no" : "yes", .yesOrNo, help: help)
  }
}

/// A setting of any type.
protocol AnySetting: Sendable {
  /// For example "min-age", of --min-age.
  var name: String { get }
  /// For example "HOTCOLD_MIN_AGE".
  var variable: String { get }
  var defaultText: String { get }
  var help: ArgumentHelp { get }
  var completion: CompletionKind? { get }
  /// Whether its variable applies to every command that has the setting; other variables apply only to the service.
  var isOfEveryCommand: Bool { get }
  /// The value that its flag stands for; nil if the flag takes a value.
  var flagText: String? { get }
}

extension AnySetting {
  var flagName: String { flagText == "no" ? "no-\(name)" : name }

  /// What the command line gives; nothing if the flag is missing.
  func given(_ text: String?) -> [GivenFlag] { text.map { [GivenFlag(setting: self, text: $0)] } ?? [] }

  /// One or several values. An empty one among them is kept, so that it is refused.
  func given(_ texts: [String]) -> [GivenFlag] {
    given(texts.isEmpty ? nil : texts.contains("") ? "" : texts.joined(separator: ","))
  }

  func given(_ isThere: Bool) -> [GivenFlag] { given(isThere ? flagText : nil) }

  fileprivate var optionHelp: ArgumentHelp {
    var help = help
    if flagText == nil, !defaultText.isEmpty { help.abstract += " (default: \(defaultText))" }
    return help
  }
}

/// A setting on the command line.
struct GivenFlag {
  let setting: any AnySetting
  let text: String

  var variable: String { setting.variable }
  /// The flag as shell words, to repeat it.
  var words: String {
    "--\(setting.flagName)" + (setting.flagText == nil ? " \(shellWord(text.utf8))" : "")
  }
}

// MARK: command-line options

extension Option where Value == String? {
  init(_ setting: some AnySetting) {
    self.init(name: .customLong(setting.flagName), help: setting.optionHelp, completion: setting.completion)
  }
}

extension Option where Value == [String] {
  init(wrappedValue: [String], _ setting: some AnySetting) {
    self.init(
      wrappedValue: wrappedValue, name: .customLong(setting.flagName), help: setting.optionHelp,
      completion: setting.completion)
  }
}

extension Flag where Value == Bool {
  init(wrappedValue: Bool, _ setting: Setting<Bool>) {
    self.init(wrappedValue: wrappedValue, name: .customLong(setting.flagName), help: setting.optionHelp)
  }
}
