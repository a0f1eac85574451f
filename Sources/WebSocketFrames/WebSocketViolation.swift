/// A rule that the sender of a direction broke: which one, and where.
package struct WebSocketViolation: Sendable, Equatable {
  /// What is wrong. Raw values are stable names, fit for records.
  package enum Reason: String, Sendable, CaseIterable {
    /// A client sent an unmasked frame.
    case maskMissing
    /// A server sent a masked frame.
    case maskForbidden
    /// RSV2 or RSV3, or RSV1 although no extension gives it a meaning.
    case reservedBit
    /// RSV1 on a frame that continues a message.
    case compressedContinuation
    /// RSV1 on a control frame.
    case compressedControl
    /// Opcode 3 to 7 or 11 to 15.
    case reservedOpcode
    /// A control frame without FIN.
    case fragmentedControl
    /// A control frame of more than 125 bytes.
    case oversizedControl
    /// A continuation frame outside a message.
    case orphanContinuation
    /// A text or binary frame inside a fragmented message.
    case interruptedMessage
    /// A 64-bit length with its top bit set.
    case lengthTopBit
    /// A close payload of one byte, which is half a status code.
    case halfCloseCode
    /// A close code that must not stand on the wire. The close is given all the same.
    case illegalCloseCode
    /// A close reason that is not UTF-8. The close is given all the same.
    case invalidCloseReason
    /// A text message that is not UTF-8.
    case invalidText
    /// A compressed message that is not DEFLATE data, or refers to bytes it may not refer to.
    case invalidDeflate
    /// A compressed message that stops inside a DEFLATE block. It is given as far as it goes.
    case unfinishedDeflate
    /// A compressed message that refers back beyond the negotiated window. It is given all the same, once
    /// reported the direction is no longer watched for it. Noticed from 128 bytes beyond the window on.
    case windowExceeded
    /// An HTTP response where the first frame should be: the server refused after its 101 (PROTOCOL.md A.9).
    case httpResponseAfterUpgrade
    /// No memory for inflating: nobody's fault but the decoder's.
    case decoderOutOfMemory
  }

  /// What is wrong.
  package let reason: Reason
  /// Where, in bytes of the direction: the frame's first byte, or for uncompressed text the byte that is not UTF-8.
  package let offset: UInt64
  /// What was sent instead of frames, for `httpResponseAfterUpgrade`: head and body, at most
  /// `WebSocketLimits.quotedResponse` bytes. Empty otherwise.
  package let quote: [UInt8]

  init(_ reason: Reason, offset: UInt64, quote: [UInt8] = []) {
    self.reason = reason
    self.offset = offset
    self.quote = quote
  }

  /// Whether nothing behind this can be decoded; the other violations are remarks.
  package var endsDecoding: Bool {
    switch reason {
    case .illegalCloseCode, .invalidCloseReason, .unfinishedDeflate, .windowExceeded: false
    default: true
    }
  }

  /// Whether the sender is to blame.
  package var isFaultOfSender: Bool { reason != .decoderOutOfMemory }

  /// The rule that was broken, by document and section.
  package var rule: String {
    switch reason {
    case .maskMissing, .maskForbidden: "RFC 6455 §5.1"
    case .reservedBit, .reservedOpcode, .lengthTopBit: "RFC 6455 §5.2"
    case .orphanContinuation, .interruptedMessage: "RFC 6455 §5.4"
    case .fragmentedControl, .oversizedControl: "RFC 6455 §5.5"
    case .halfCloseCode, .invalidCloseReason: "RFC 6455 §5.5.1"
    case .illegalCloseCode: "RFC 6455 §7.4"
    case .invalidText: "RFC 6455 §8.1"
    case .compressedContinuation, .compressedControl: "RFC 7692 §6.1"
    case .windowExceeded: "RFC 7692 §7.1.2"
    case .unfinishedDeflate: "RFC 7692 §7.2.1"
    case .invalidDeflate: "RFC 7692 §7.2.2"
    case .httpResponseAfterUpgrade: "RFC 6455 §4.2.2"
    case .decoderOutOfMemory: ""
    }
  }

  /// The code with which a strict receiver closes the connection on seeing this; `nil` where it is not the sender's fault.
  package var closeCode: UInt16? {
    switch reason {
    case .invalidText, .invalidCloseReason, .invalidDeflate, .unfinishedDeflate, .windowExceeded: 1007
    case .decoderOutOfMemory: nil
    default: 1002
    }
  }
}
