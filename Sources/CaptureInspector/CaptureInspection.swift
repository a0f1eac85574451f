import CaptureStorage
import CaptureFormat
import JSONText

/// `ackscope inspect`: reads captures, sums up what happened, and says whether anything is on the `--fail-on` list.
package struct CaptureInspection {
  /// The forms of the report.
  package enum Format: String, CaseIterable, Sendable {
    case text, json, csv
  }

  /// What the exit status should tell. An unreadable file outweighs a failed check: the check did not see all.
  package enum ExitDecision: Equatable, Sendable {
    case fine
    /// Something on the `--fail-on` list was found.
    case checkFailed
    /// At least one capture could not be read, or not to its end; the report is about the others.
    case unreadable
  }

  /// Reads the captures one after another and hands the report over.
  ///
  /// - Parameters:
  ///   - paths: files, `-` for standard input; at least one.
  ///   - failOn: what makes the check fail, or nil.
  ///   - advice: what to look at next, for a verdict and its cause, or for a finding and nil; empty for nothing to say.
  ///   - output: takes the report's bytes, in pieces, valid during the call; not called where no capture was readable.
  ///   - diagnostics: takes one line at a time, without line break. The text form has its own section for notes about the
  ///     captures; for the other forms they come here.
  package static func run(
    paths: [String], format: Format, filter: CaptureFilter? = nil, failOn: FailOnList? = nil,
    limits: CaptureSummary.Limits = CaptureSummary.Limits(), advice: @escaping (String, String?) -> String,
    output: (UnsafeRawBufferPointer) -> Void, diagnostics: (String) -> Void
  ) -> ExitDecision {
    var summary = CaptureSummary(filter: filter, limits: limits)
    var isUnreadable = false
    for group in CaptureSetFiles.groups(paths) {
      var torn: Int?
      for path in group {
        do {
          try read(path, torn: &torn, into: &summary)
        } catch let refusal as CaptureRefusal {
          diagnostics(refusal.message(for: path))
          isUnreadable = true
        } catch {
          diagnostics((error as? CaptureFile.Fault)?.message ?? "\(error)")
          isUnreadable = true
        }
      }
      if let torn {
        summary.captureEnded(torn: torn + CaptureSetFiles.tornBeginning(behind: group))
      }
    }
    guard !summary.captures.isEmpty else { return .unreadable }

    var sink = ByteSink(capacity: 4096)
    switch format {
    case .text: SummaryText(summary: summary, advice: advice).write(to: &sink)
    case .json:
      var plain = ByteSink(capacity: 4096)
      SummaryJSON(summary: summary, advice: advice).write(to: &plain)
      sink.append(harmlessJSON: plain.bytes)
    case .csv: SummaryCSV(summary: summary).write(to: &sink)
    }
    output(sink.bytes)
    if format != .text { summary.notes.forEach(diagnostics) }
    if isUnreadable { return .unreadable }
    return failOn?.matches(summary) == true ? .checkFailed : .fine
  }

  /// The files that a path stands for, in the order of time: itself, or those of the set that is called by it.
  package static func files(of path: String) -> [String] { CaptureSetFiles.groups([path]).flatMap { $0 } }

  /// Reads one file of a capture to its end and hands over what stands on its lines.
  ///
  /// - Returns: the length of a torn last line, 0 where the last line is whole.
  /// - Throws: `Unreadable`, with one line for people; what was handed over before is then not all.
  package static func read(
    _ path: String, handle: (CaptureReader.Item) -> Void
  ) throws(Unreadable) -> Int {
    do {
      var file = try CaptureFile(path: path)
      var reader = CaptureReader()
      while let block = try file.nextBlock() { try reader.bytesArrived(block, handle) }
      return try reader.ended()
    } catch let refusal as CaptureRefusal {
      throw Unreadable(explanation: refusal.message(for: path))
    } catch {
      throw Unreadable(explanation: (error as? CaptureFile.Fault)?.message ?? "\(error)")
    }
  }

  /// Why a file is not read, or not to its end, in one line that names it.
  package struct Unreadable: Error {
    package var explanation: String
  }

  /// Reads one file.
  ///
  /// - Parameter torn: the length of the torn last line of the capture so far; nil before its first file was opened.
  private static func read(_ path: String, torn: inout Int?, into summary: inout CaptureSummary) throws {
    var file = try CaptureFile(path: path)
    var reader = CaptureReader()
    var isOpened = false
    while let block = try file.nextBlock() {
      try reader.bytesArrived(block) { item in
        if !isOpened {
          if let before = torn {
            summary.captureContinued(path: path, torn: before)
          } else {
            summary.captureOpened(path: path)
          }
          // What was read counts, whatever happens further on.
          torn = 0
          isOpened = true
        }
        switch item {
        case .record(let record): summary.recordRead(record)
        case .damage(let damage): summary.damageFound(damage)
        }
      }
    }
    torn = try reader.ended()
  }
}
