import CaptureFormat
import JSONText

/// The scanner and the tree agree on what is JSON; with secrets replaced, JSON stays JSON and differs in the secrets only.
enum RedactionProperty {
  private static let names = SecretNames()
  private static let redactor = Redactor(hash: KeyedHash(key: (1, 2)))

  static func check(_ bytes: UnsafeRawBufferPointer) {
    var scanner = JSONScanner(bytes)
    let isJSON = (try? (scanner.skipValue(), scanner.expectEnd())) != nil
    let tree = try? JSONValue(parsing: bytes)
    require(isJSON == (tree != nil), "scanner and tree disagree")

    var redacted = ByteSink()
    redactor.append(json: bytes, lineBreaksToSpaces: true, to: &redacted)
    require(!redacted.bytes.contains(0x0A) && !redacted.bytes.contains(0x0D) || !isJSON)
    var target = ByteSink()
    redactor.append(target: String(decoding: bytes, as: UTF8.self), to: &target)
    checkString(target.bytes)
    var text = ByteSink()
    text.append(jsonString: bytes)
    checkString(text.bytes)
    if bytes.isValidUTF8 {
      require(JSONString.decode(text.bytes).utf8.elementsEqual(bytes), "a string does not come back")
    }
    guard let tree else { return }
    guard let after = try? JSONValue(parsing: redacted.bytes) else {
      fatalError("no JSON once redacted")
    }
    compare(tree, after)
    var written = ByteSink()
    tree.write(to: &written)
    guard let again = try? JSONValue(parsing: written.bytes) else { fatalError("not written as JSON") }
    require(again == tree, "a tree does not come back")
  }

  private static func checkString(_ literal: UnsafeRawBufferPointer) {
    require(literal.isValidUTF8)
    var scanner = JSONScanner(literal)
    require((try? (scanner.skipString(), scanner.expectEnd())) != nil)
  }

  private static func compare(_ before: JSONValue, _ after: JSONValue) {
    switch (before, after) {
    case (.array(let old), .array(let new)):
      require(old.count == new.count)
      for (one, other) in zip(old, new) { compare(one, other) }
    case (.object(let old), .object(let new)):
      require(old.map(\.name) == new.map(\.name))
      for (one, other) in zip(old, new) {
        let isSecret = Array(one.name.utf8).withUnsafeBytes { names.contains($0) }
        guard isSecret else {
          compare(one.value, other.value)
          continue
        }
        if one.value.isNull || one.value["_placeholder"]?.boolean == true {
          continue
        }
        require(other.value.string?.hasPrefix("[redacted:") == true, "a secret stayed: \(one.name)")
      }
    // A string may hold secrets of its own, which are replaced in it.
    case (.string(let old), .string(let new)):
      require(old == new || new.contains("[redacted:"), "what is no secret was changed")
    default: require(before == after, "what is no secret was changed")
    }
  }
}
