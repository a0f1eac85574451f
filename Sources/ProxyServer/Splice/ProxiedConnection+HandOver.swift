import AckCorrelation
import NIOCore
import OutgoingTLS

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// A spliced connection leaves its event loop for a splice loop, once nothing of it is left in the channels.

extension ProxiedConnection {
  /// What a connection waits for before it leaves.
  struct Draining {
    /// The legs that have been told to send everything.
    var legs: Set<Leg> = []
    /// How often the sockets are still to say that they have taken what was written before.
    var writes = 0
  }

  /// An HTTP decoder has left a pipeline, and what it held went through.
  func decoderLeft() {
    decodersLeft -= 1
    guard decodersLeft == 0, case .spliced = phase else { return }
    if isLeaving { beginDraining() }
    // Ends have waited for the decoders too.
    for leg in [Leg.client, .upstream] { tick.flush(self, leg) }
  }

  private func beginDraining() {
    guard let channel = client.channel else { return }
    draining = Draining()
    channel.eventLoop.assumeIsolated().scheduleTask(in: Self.drainingLimit) {
      guard self.draining != nil else { return }
      self.stay()
    }
  }

  /// A peer that takes nothing in until it is heard itself would wait for ever, since neither is read meanwhile.
  private static var drainingLimit: TimeAmount { .seconds(1) }

  /// Decides whether a splice loop is to take the connection over; TLS of before 1.3 lives in the channels' pipelines.
  func decideOnLeaving() {
    isLeaving =
      !proxy.splices.isEmpty && !isPassedThrough
      && [Leg.client, .upstream].allSatisfy {
        self[$0].tls == nil || recordWatch(of: $0)?.isOver == false
      }
    if !isLeaving { stay() }
  }

  private func recordWatch(of leg: Leg) -> RecordWatch? {
    guard self[leg].tls == "1.3" else { return nil }
    return try? self[leg].channel?.pipeline.syncOperations.handler(type: RecordWatch.self)
  }

  /// Waits until a leg's socket has taken everything. Neither leg is read meanwhile, save where a peer ends, or where a read
  /// was asked for before: what that brings is flushed, and waited for, too.
  func prepareHandOver(of leg: Leg, _ channel: any Channel) {
    draining?.legs.insert(leg)
    draining?.writes += 1
    let drained = channel.eventLoop.makePromise(of: Void.self)
    channel.writeAndFlush(ByteBuffer(), promise: drained)
    drained.futureResult.assumeIsolated().whenComplete { _ in
      self.draining?.writes -= 1
      self.leaveOnceDrained()
    }
  }

  private func leaveOnceDrained() {
    guard let draining, draining.legs.count == 2, draining.writes == 0, !client.isFlushDue,
      !upstream.isFlushDue
    else { return }
    self.draining = nil
    // Where it is ending, it does so here.
    if !handOver() { stay() }
  }

  /// It stays with the event loop for good.
  private func stay() {
    (isLeaving, draining) = (false, nil)
    for leg in [Leg.client, .upstream] {
      recordWatch(of: leg)?.giveUp()
      tick.flush(self, leg)
    }
  }

  /// - Returns: false where the connection is ending or the system gives no more descriptors.
  private func handOver() -> Bool {
    guard case .spliced = phase, let client = duplicate(.client) else { return false }
    guard let upstream = duplicate(.upstream) else {
      systemClose(client.descriptor)
      return false
    }
    phase = .handedOver
    let splice = proxy.splices[Int(number.number) % proxy.splices.count]
    splice.take(
      SplicedConnection(
        number: number, client: client, upstream: upstream, ended: tick.handedOver(self)))
    // The splice has descriptors of its own: closing these ends nothing.
    for leg in [Leg.client, .upstream] {
      if let channel = self[leg].channel { closeAtOnce(channel) }
      self[leg].channel = nil
    }
    return true
  }

  private func duplicate(_ leg: Leg) -> SplicedLeg? {
    let state = self[leg]
    guard let channel = state.channel, !state.inputEnded, !state.outputEnded, !state.endsOutputAfterFlush,
      !state.closesAfterFlush
    else { return nil }
    let copy = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
      of: NIOBSDSocket.Handle.self
    ) { fcntl($0, F_DUPFD_CLOEXEC, 0) }
    guard let copy, copy >= 0 else { return nil }
    let received = state.bytes &- (leg == .client ? clientBytesBefore : 0)
    guard state.tls != nil else { return SplicedLeg(descriptor: copy, received: received) }
    guard let tls = recordWatch(of: leg)?.takeOver() else {
      systemClose(copy)
      return nil
    }
    return SplicedLeg(descriptor: copy, received: received, tls: tls)
  }
}
