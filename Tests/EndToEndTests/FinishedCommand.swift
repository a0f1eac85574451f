/// What a command that ran to its end left behind.
struct FinishedCommand: Sendable {
  let ending: ChildProcess.Ending

  /// The lines of its standard output.
  let output: [String]

  /// The lines of its standard error.
  let errors: [String]
}
