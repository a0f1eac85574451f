import JSONText
import SocketIOPackets

/// Engine packets lie within the bytes that they were decoded from, in order, and so do faults.
enum PayloadsProperty {
  static func check(_ input: inout FuzzInput) {
    let flags = input.byte()
    let version: EngineIOVersion = flags & 1 != 0 ? .v3 : .v4
    let isText = flags & 2 == 0
    switch flags >> 2 & 3 {
    case 0:
      check(polling: input.rest, version, isBinary: !isText)
    case 1:
      var unwrapped = ByteSink()
      do throws(PacketRefusal) {
        if isText {
          try JSONP.unwrapRequest(input.rest, into: &unwrapped)
        } else {
          try JSONP.unwrapResponse(input.rest, into: &unwrapped)
        }
      } catch {
        require((0...input.rest.count).contains(error.offset))
      }
      require(unwrapped.count <= input.rest.count * 3)
      check(polling: unwrapped.bytes, version, isBinary: false)
    case 2:
      do throws(PacketRefusal) {
        check(
          try EngineIO.packet(ofMessage: input.rest, isText: isText, version: version), in: input.rest,
          version)
      } catch {
        require((0...input.rest.count).contains(error.offset))
      }
    default:
      let layers = OneShotDecoder.Layer.allCases
      let layer = layers[Int(flags >> 4) % layers.count]
      let outcome = OneShotDecoder.decode(
        input.rest, layer: layer, version: version, isText: isText, attachments: [[1, 2, 3]])
      if let refusal = outcome.refusal { require((0...input.rest.count).contains(refusal.offset)) }
      for packet in outcome.packets { require(packet.wireBytes >= 0) }
    }
  }

  private static func check(polling body: UnsafeRawBufferPointer, _ version: EngineIOVersion, isBinary: Bool)
  {
    let payload = PollingPayload(body: body, version: version, isBinary: isBinary, limit: 100)
    require(payload.packets.count <= 100)
    var position = 0
    for packet in payload.packets {
      require(packet.payload.lowerBound >= position)
      position = packet.payload.upperBound
      check(packet, in: body, version)
    }
    if let refusal = payload.refusal { require((0...body.count).contains(refusal.offset)) }
  }

  private static func check(
    _ packet: EnginePacket, in bytes: UnsafeRawBufferPointer, _ version: EngineIOVersion
  ) {
    require(packet.payload.lowerBound >= 0 && packet.payload.upperBound <= bytes.count)
    require(packet.wireBytes(version) >= packet.payload.count)
    guard packet.isBase64 else { return }
    var decoded = ByteSink()
    let payload = UnsafeRawBufferPointer(rebasing: bytes[packet.payload])
    let isStrict = Base64.decode(payload, into: &decoded)
    require(decoded.count <= payload.count)
    guard isStrict else { return }
    var again = ByteSink()
    again.append(base64: decoded.bytes)
    // Bits behind the last byte may be set in the input: compare all but the last group.
    require(again.bytes.dropLast(4).elementsEqual(payload.dropLast(4)))
  }
}
