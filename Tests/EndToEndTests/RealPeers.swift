import Testing

/// The tests with three processes each, one after the other: two cores are no place for more chats at once.
@Suite(.serialized) enum RealPeers {}
