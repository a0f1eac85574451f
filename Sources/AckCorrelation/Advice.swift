/// What to look at next: one line for people for every verdict and finding, all in this table.
///
/// The lines say what to do, not what happened; the record says that. None calls an emit without an ack id lost.
package enum Advice {
  /// The line for a verdict. Verdicts without a cause have one of their own.
  package static func line(_ verdict: Verdict, _ cause: Cause?) -> StaticString {
    guard let cause else {
      return switch verdict {
      case .pending: "Wait: the ack timeout has not passed yet."
      case .overdue: "Still open: look whether the handler for this event is running, slow, or missing."
      default: "Nothing to do: the ack came in time."
      }
    }
    return line(cause)
  }

  /// The line for a cause.
  package static func line(_ cause: Cause) -> StaticString {
    switch cause {
    case .afterAckTimeout:
      "The handler works but is slow; the caller may have given up already: compare its timeout with the age."
    case .afterPeerLeft:
      "The answer found nobody: make the request safe to repeat, and have the caller ask again after it reconnects."
    case .exceptionEvent:
      "The handler refused or threw: read the exception event in the evidence, and handle it where you wait for the ack."
    case .returnedEventObject:
      "The handler returned an object with a member named event, which NestJS emits instead of acknowledging: wrap the object or rename the member."
    case .retried:
      "The caller sent it again under a new id: follow the next attempt, and check that handling it twice does no harm."
    case .noHandlerOrNoReturn:
      "Check that a handler for this event name exists on this namespace, and that it returns a value or calls its callback."
    case .conditionalPath:
      "The handler answers at other times: look for a branch, with these arguments, that returns nothing."
    case .handlerRegisteredLate:
      "Register handlers before the first await in the connection handler: only the first emits went unanswered."
    case .disconnectedBeforeAck:
      "Whether it was handled is unknown: look at who ended the connection and why, and repeat the request if that is safe."
    case .overtakenByDisconnect:
      "The peer disconnected in the same moment: wait for the ack before disconnecting."
    case .pingTimeout:
      "The silent side stopped answering heartbeats: look for a blocked event loop, a sleeping device, or a dead network there."
    case .payloadTooLarge:
      "Send less, or raise the receiver's maxHttpBufferSize: the message was longer than it accepts."
    case .namespaceNotConnected:
      "Join the namespace first, and stop emitting once it was refused or left."
    case .invalidPacket:
      "The packet breaks the protocol: look at its event name, JSON and attachments, and at the parser versions of both sides."
    case .pollBatchTooLarge:
      "A Python server takes 16 packets in one POST: send fewer at once, or let the client use WebSocket."
    case .sessionUnknown:
      "The process that answered does not know the session: look for a restart, an expired session, or missing sticky sessions."
    case .notDelivered:
      "The bytes never reached the receiver, whose side was down: look at why it went, and send again."
    case .decodingStopped:
      "Ackscope could not read this direction any more: see the undecodable record for where and why."
    case .captureEnded:
      "The capture stopped before this could show: record longer."
    case .noAckRequested:
      "Nothing on the wire can tell whether it was handled: pass a callback if you need to know."
    }
  }

  /// The line for a finding.
  package static func line(_ kind: FindingKind) -> StaticString {
    switch kind {
    case .sessionUnknown:
      "Look for a server restart, an expired session, or a balancer that sends one session to several processes."
    case .handshakeRefused: "Read the code and message: the server refused to open a session."
    case .versionMismatch:
      "Client and server speak different Engine.IO revisions: upgrade one, or set allowEIO3."
    case .namespaceRefused:
      "Read the message: a middleware or connect handler refused, or the namespace is not defined."
    case .upgradeCompleted: "Nothing to do: the session moved from polling to WebSocket."
    case .upgradeAbandoned:
      "Look for a proxy or balancer that blocks WebSocket: the session stayed on polling."
    case .pollOverlap:
      "Two requests polled one session at once: look for a shared session id or a proxy that repeats requests."
    case .recovered: "Nothing to do: the missed events were replayed before the CONNECT reply."
    case .recoveryFailed:
      "Have the client load its state anew: the recovery window had passed, or another process answered."
    case .bufferedBurst:
      "These were emitted while offline and came late: check that they are still wanted, or emit them as volatile."
    case .duplicateEmit:
      "One id was used twice: look for a client that repeats packets, or a proxy that does."
    case .duplicateAck: "One emit was answered twice: look for a handler that acknowledges on two paths."
    case .strayAck:
      "An ack that nobody waits for: where an emit is named, it came after that one's last word; else check its namespace and that both ends belong to the same session."
    case .retryGroup:
      "One logical emit, sent several times: check that the server may handle each attempt, and that the client has an ackTimeout."
    case .pingTimeout: "Look at the silent side: a blocked event loop, a sleeping device, or a dead network."
    case .closedBecause: "The packet in the evidence made the receiver close the connection: fix its sender."
    case .massDisconnect:
      "Many sessions ended at one instant: look for a server restart, a crash, or a balancer that went."
    case .protocolError:
      "The named peer broke a WebSocket rule: look at its library, or at what stands between."
    case .sentAfterClose: "Receivers ignore what comes after a close: emit before closing."
    case .customParser: "Not the standard encoding: events of this session cannot be paired here."
    case .listenerMissing: "The client never answers this event: register a listener that calls its callback."
    case .tlsFailed:
      "Read the reason: it says whether the certificate, its issuer, its name or the version of TLS is at fault, and of which side."
    case .stalledPeer: "This peer read too slowly and held the other back: look at its load or its network."
    }
  }
}
