/// What people of the demo are called, where they talk, and what they say.
enum ChatPhrases {
  static let names = [
    "ada", "ben", "chiara", "dmitri", "elif", "femi", "greta", "hiro", "ines", "jamal", "katya", "liam",
    "mei", "nour",
    "otto", "priya", "quinn", "rosa", "sven", "tariq", "uma", "viktor", "wanda", "yusuf",
  ]
  static let rooms = ["lobby", "support", "design", "release", "random", "night-shift"]
  private static let openings = [
    "Has anyone", "Who has", "Did you", "Can somebody", "Could we", "Shall I", "When do we", "Why did they",
  ]
  private static let middles = [
    "seen the build", "tried the new client", "read the release notes", "restart staging", "merge the branch",
    "answer the customer", "look at the graphs", "move the meeting", "finish the café list", "fix the tests",
  ]
  private static let endings = [
    "?", " today?", " yet?", " – please", " before lunch?", " 🙂", " again?", ", anyone?",
  ]

  static func phrase(_ random: inout SplitMix64) -> String {
    let opening = random.pick(openings)
    let middle = random.pick(middles)
    return opening + " " + middle + random.pick(endings)
  }

  /// Different elements of a list, as many as asked for or as there are, in random order.
  static func choose(_ count: Int, of list: [String], _ random: inout SplitMix64) -> [String] {
    var rest = list
    return (0..<min(count, list.count)).map { _ in rest.remove(at: random.below(rest.count)) }
  }
}
