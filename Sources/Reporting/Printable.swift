/// Bytes as text that is safe on a terminal and in a log: control characters, invalid UTF-8, invisible and
/// direction-changing characters are escaped, and so is the backslash, so that it can be read back.
package func printable(_ bytes: some Sequence<UInt8>) -> String {
  var text = ""
  var iterator = Array(bytes)[...]
  while let first = iterator.first {
    var parser = Unicode.UTF8.ForwardParser()
    var rest = iterator.makeIterator()
    if case .valid(let encoded) = parser.parseScalar(from: &rest) {
      text += printable(Unicode.UTF8.decode(encoded))
      iterator = iterator.dropFirst(encoded.count)
    } else {
      text += hexadecimal(first)
      iterator = iterator.dropFirst()
    }
  }
  return text
}

/// One shell word that yields exactly these bytes: quoted if necessary, and escaped (`$'…'` of bash and zsh) if it would not
/// be safe on a terminal.
package func shellWord(_ bytes: some Sequence<UInt8>) -> String {
  let bytes = Array(bytes)
  let text = String(decoding: bytes, as: UTF8.self)
  guard printable(bytes) == text.replacing("\\", with: "\\\\") else {
    let escaped = bytes.map { byte in
      let isPlain = (0x20..<0x7f).contains(byte) && byte != UInt8(ascii: "'") && byte != UInt8(ascii: "\\")
      return isPlain ? String(UnicodeScalar(byte)) : hexadecimal(byte)
    }
    return "$'\(escaped.joined())'"
  }
  let isPlain = text.unicodeScalars.allSatisfy {
    $0.properties.isAlphabetic || ("0"..."9").contains($0) || "/._-=,:@%+".unicodeScalars.contains($0)
  }
  return isPlain && !text.isEmpty ? text : "'\(text.replacing("'", with: "'\\''"))'"
}

private func printable(_ scalar: Unicode.Scalar) -> String {
  switch scalar {
  case "\\": return "\\\\"
  case "\n": return "\\n"
  case "\r": return "\\r"
  case "\t": return "\\t"
  default: break
  }
  switch scalar.properties.generalCategory {
  case .control where scalar.value < 0x80: return hexadecimal(UInt8(scalar.value))
  case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
    return "\\u{\(String(scalar.value, radix: 16))}"
  default: return String(scalar)
  }
}

private func hexadecimal(_ byte: UInt8) -> String {
  let digits = String(byte, radix: 16)
  return "\\x" + (digits.count < 2 ? "0" : "") + digits
}
