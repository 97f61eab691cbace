/// The known name that a mistyped one most likely stands for: the one with the fewest bytes to insert, delete or replace.
///
/// - Returns: nil if that takes more than `differencesMax` bytes.
package func nearest(to name: String, among known: [String], differencesMax: Int) -> String? {
  let likely = known.min { letterDistance(name, $0) < letterDistance(name, $1) }
  return likely.flatMap { letterDistance(name, $0) <= differencesMax ? $0 : nil }
}

/// The Levenshtein distance in UTF-8 bytes.
private func letterDistance(_ left: String, _ right: String) -> Int {
  let right = Array(right.utf8)
  var row = Array(0...right.count)
  for (index, letter) in left.utf8.enumerated() {
    var diagonal = row[0]
    row[0] = index + 1
    for (column, other) in right.enumerated() {
      let replaced = diagonal + (letter == other ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
    }
  }
  return row[right.count]
}
