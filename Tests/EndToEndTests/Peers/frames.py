"""WebSocket frames of whole messages (RFC 6455 §5.2), compressed each on its own where wanted (RFC 7692 §7.1.1)."""

import zlib

MASK = b"\x37\xfa\x21\x3d"


def frame(payload, masked, opcode=1, deflated=False):
    """One whole frame, compressed on its own where `deflated`."""
    if deflated:
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        payload = (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    head = bytes([0x80 | (0x40 if deflated else 0) | opcode])
    bit, length = 0x80 if masked else 0, len(payload)
    if length < 126:
        head += bytes([bit | length])
    elif length < 65536:
        head += bytes([bit | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + length.to_bytes(8, "big")
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[index & 3] for index, byte in enumerate(payload))


async def next_frame(reader):
    """The next message with its opcode, inflated; a close frame has opcode 8."""
    first, second = await reader.readexactly(2)
    length = second & 127
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2), "big")
    elif length == 127:
        length = int.from_bytes(await reader.readexactly(8), "big")
    mask = await reader.readexactly(4) if second & 0x80 else None
    payload = await reader.readexactly(length)
    if mask:
        payload = bytes(byte ^ mask[index & 3] for index, byte in enumerate(payload))
    if first & 0x40:
        payload = zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
    return first & 15, payload
