/// Ends the run where a property does not hold. Unlike `precondition`, it says why in release builds too.
func require(
  _ holds: Bool, _ message: @autoclosure () -> String = "", file: StaticString = #fileID, line: UInt = #line
) {
  if !holds { fatalError(message(), file: file, line: line) }
}
