import CZlib

/// Compresses messages as the sender of a direction does (RFC 7692 §7.2.1), or whole bodies.
final class Deflater {
  enum Ending {
    /// A sync flush, whose last four bytes are left out.
    case flushed
    /// A final block, then an empty one whose last four bytes are left out (§7.2.3.4).
    case finalBlock
    /// A final block, and nothing behind it.
    case bareFinalBlock
  }

  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

  init(windowBits: Int32 = -15, level: Int32 = 6) {
    stream.initialize(to: z_stream())
    precondition(ackscope_deflate_init(stream, level, windowBits) == Z_OK)
  }

  deinit {
    deflateEnd(stream)
    stream.deallocate()
  }

  func reset() { deflateReset(stream) }

  func message(_ plain: [UInt8], ending: Ending = .flushed, flushAt: Int? = nil) -> [UInt8] {
    let cut = min(flushAt ?? 0, plain.count)
    var out = cut > 0 ? run(Array(plain[..<cut]), Z_SYNC_FLUSH) : []
    switch ending {
    case .flushed:
      out += run(Array(plain[cut...]), Z_SYNC_FLUSH)
      // Without input behind a flush zlib writes nothing more, and the old tail is the one to leave out.
      return out.isEmpty ? [0] : Array(out.dropLast(4))
    case .finalBlock:
      out += run(Array(plain[cut...]), Z_FINISH)
      reset()
      return out + [0]
    case .bareFinalBlock:
      out += run(Array(plain[cut...]), Z_FINISH)
      reset()
      return out
    }
  }

  func body(_ plain: [UInt8]) -> [UInt8] { run(plain, Z_FINISH) }

  private func run(_ plain: [UInt8], _ flush: Int32) -> [UInt8] {
    var plain = plain
    var out: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 4096)
    plain.withUnsafeMutableBufferPointer { input in
      stream.pointee.next_in = input.baseAddress
      stream.pointee.avail_in = UInt32(input.count)
      repeat {
        block.withUnsafeMutableBufferPointer { room in
          stream.pointee.next_out = room.baseAddress
          stream.pointee.avail_out = UInt32(room.count)
          deflate(stream, flush)
          out += room[..<(room.count - Int(stream.pointee.avail_out))]
        }
      } while stream.pointee.avail_out == 0
    }
    return out
  }
}
