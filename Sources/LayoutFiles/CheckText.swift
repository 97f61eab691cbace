/// Refuses what is not plain text: bytes that are not UTF-8, and characters that move the cursor, or that end a line for
/// some programs only.
///
/// - Throws: the first flaw, with its position.
func checkText(_ bytes: [UInt8]) throws(Flaw) {
  var line = 1
  var column = 1
  var afterReturn = false
  var parser = Unicode.UTF8.ForwardParser()
  var iterator = bytes.makeIterator()
  while true {
    let position = FilePosition(line: line, column: column)
    let scalar: Unicode.Scalar
    switch parser.parseScalar(from: &iterator) {
    case .valid(let encoded): scalar = Unicode.UTF8.decode(encoded)
    case .emptyInput: return
    case .error: throw Flaw(position, "not UTF-8")
    }
    if afterReturn, scalar != "\n" {
      throw Flaw(FilePosition(line: line, column: column - 1), "a carriage return without a line feed")
    }
    afterReturn = scalar == "\r"
    guard scalar == "\n" || scalar == "\r" || scalar == "\t" || isAllowed(scalar) else {
      throw Flaw(position, "\(codePoint(scalar)) is not allowed in a layout file")
    }
    column += 1
    if scalar == "\n" {
      line += 1
      column = 1
    }
  }
}

/// Names the first invisible character of a name or a path, such as a line break that was written as `\n`; nil if there is
/// none.
func firstInvisible(_ text: String) -> String? {
  text.unicodeScalars.first { !isAllowed($0) || $0.properties.generalCategory == .format }.map(codePoint)
}

private func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .lineSeparator, .paragraphSeparator: false
  // A byte order mark in the middle, and two code points that are not characters: libyaml accepts none of them.
  default: ![0xfeff, 0xfffe, 0xffff].contains(scalar.value)
  }
}

private func codePoint(_ scalar: Unicode.Scalar) -> String {
  let digits = String(scalar.value, radix: 16, uppercase: true)
  return "the character U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
}
