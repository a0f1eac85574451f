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
  /// An HTTP decoder has left a pipeline, and what it held went through.
  func decoderLeft() {
    decodersLeft -= 1
    guard decodersLeft == 0, case .spliced = phase, isLeaving else { return }
    drainedForHandOver = []
    for leg in [Leg.client, .upstream] { tick.flush(self, leg) }
  }

  /// Decides whether a splice loop is to take the connection over; TLS of before 1.3 lives in the channels' pipelines.
  func decideOnLeaving() {
    let watches = [Leg.client, .upstream].map { (leg: $0, watch: recordWatch(of: $0)) }
    isLeaving =
      !proxy.splices.isEmpty && !isPassedThrough
      && watches.allSatisfy { self[$0.leg].tls == nil || $0.watch?.isOver == false }
    if !isLeaving { for watch in watches { watch.watch?.giveUp() } }
  }

  private func recordWatch(of leg: Leg) -> RecordWatch? {
    guard self[leg].tls == "1.3" else { return nil }
    return try? self[leg].channel?.pipeline.syncOperations.handler(type: RecordWatch.self)
  }

  /// Waits until a leg's socket has taken everything. Neither leg is read meanwhile, save where a peer ends.
  func prepareHandOver(of leg: Leg, _ channel: any Channel) {
    let drained = channel.eventLoop.makePromise(of: Void.self)
    channel.writeAndFlush(ByteBuffer(), promise: drained)
    drained.futureResult.assumeIsolated().whenComplete { _ in
      guard self.drainedForHandOver?.insert(leg).inserted == true, self.drainedForHandOver?.count == 2
      else { return }
      // What was asked for before may have been read since; it goes first.
      self.drainedForHandOver = self.client.isFlushDue || self.upstream.isFlushDue ? [] : nil
      guard self.drainedForHandOver != nil || !self.handOver() else { return }
      // Once more, or it stays with the event loop, whatever came in between.
      self.isLeaving = self.drainedForHandOver != nil
      for leg in [Leg.client, .upstream] { self.tick.flush(self, leg) }
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
    guard let records = recordWatch(of: leg)?.takeOver() else {
      systemClose(copy)
      return nil
    }
    return SplicedLeg(descriptor: copy, received: received, records: records)
  }
}
