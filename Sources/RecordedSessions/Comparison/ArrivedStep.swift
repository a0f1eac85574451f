/// What a peer did in the run that is held against a recording.
package struct ArrivedStep: Sendable {
  package var namespace: String
  /// An ack's `emit` is the place, in the steps of the *recorded* session, of the emit that it answers.
  package var kind: RecordedStep.Kind

  package init(namespace: String, kind: RecordedStep.Kind) {
    self.namespace = namespace
    self.kind = kind
  }
}
