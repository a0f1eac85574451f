import CaptureFormat

@testable import RecordedSessions

/// A capture written by hand: each line is the members of a record behind `seq` and `ts`.
enum RecordedText {
  static func recording(_ lines: [String], filter: CaptureFilter? = nil, complete: Bool = true) -> Recording {
    var reader = RecordingReader(filter: filter)
    var captures = CaptureReader()
    let head =
      #"{"type":"capture","seq":1,"ts":"2026-11-24T10:00:00.000000Z","schema":"ackscope.capture/1","upstream":"http://127.0.0.1:3000"}"#
    var all = [head]
    for (index, line) in lines.enumerated() {
      let seq = index + 2
      let milliseconds = String(1000 + seq * 10).dropFirst()
      all.append(#"{"seq":\#(seq),"ts":"2026-11-24T10:00:00.\#(milliseconds)000Z",\#(line)}"#)
    }
    if complete {
      all.append(#"{"type":"end","seq":\#(all.count + 1),"ts":"2026-11-24T10:00:10.000000Z"}"#)
    }
    let bytes = Array((all.joined(separator: "\n") + "\n").utf8)
    bytes.withUnsafeBytes { raw in
      try? captures.bytesArrived(raw) { item in
        switch item {
        case .record(let record): reader.recordRead(record)
        case .damage(let damage): reader.damageFound(damage)
        }
      }
    }
    return reader.captureEnded(torn: (try? captures.ended()) ?? 0)
  }

  /// A WebSocket session on connection 1 with its namespace joined: seq 2 to 5.
  static let opening = [
    #""type":"handshake","conn":1,"transport":"websocket","request":{"method":"GET","target":"/chat/?EIO=4&transport=websocket&room=a%20b&t=x1","headers":[["host","h"],["Sec-WebSocket-Key","k"],["Sec-WebSocket-Protocol","one, two"],["X-Tenant","blue"]]},"response":{"status":101,"headers":[["Sec-WebSocket-Extensions","permessage-deflate"]]}"#,
    #""type":"session","conn":1,"session":1,"sid":"abc","eio":4,"path":"/chat/""#,
    #""type":"packet","conn":1,"session":1,"from":"client","transport":"websocket","socket":"connect","namespace":"/","data":{}"#,
    #""type":"packet","conn":1,"session":1,"from":"server","transport":"websocket","socket":"connect","namespace":"/","data":{"sid":"Xy12Zq"}"#,
  ]

  static func emit(_ from: String, _ event: String, _ args: String, id: Int? = nil, session: Int = 1)
    -> String
  {
    let number = id.map { #""id":\#($0),"# } ?? ""
    return
      #""type":"packet","conn":\#(session),"session":\#(session),"from":"\#(from)","transport":"websocket","socket":"event","namespace":"/",\#(number)"event":"\#(event)","args":\#(args)"#
  }

  static func ack(_ from: String, of seq: Int, id: Int, _ args: String, session: Int = 1) -> String {
    #""type":"packet","conn":\#(session),"session":\#(session),"from":"\#(from)","transport":"websocket","socket":"ack","namespace":"/","id":\#(id),"args":\#(args),"ack_of":\#(seq),"latency_us":1500"#
  }
}
