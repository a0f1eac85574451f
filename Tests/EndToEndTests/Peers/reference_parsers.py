"""Decodes with the parsers of python-socketio and python-engineio, and compares with what was decoded elsewhere.

One JSON object a line, for each of which one line is answered:

    in   {"kind": "socket", "input": base64, "attachments": [base64, ...], "ours": {...}}
    out  {"differs": [name, ...], "theirs": {...}}

`kind` is `socket` (a Socket.IO text packet and the binary messages behind it), `msgpack` (one binary message), `message`
(one WebSocket message; with `"text": false` a binary one) or `body` (a polling body; in Engine.IO 3 both forms). What `ours`
holds is compared member by member: `accepted`, then those of the packet, or `packets`.

Which protocol revision is spoken follows from the installed versions.
"""

import base64
import importlib.metadata
import json
import sys

import engineio.packet
import engineio.payload
import socketio.packet

IS_REVISION_4 = int(importlib.metadata.version("python-engineio").split(".")[0]) >= 4
if IS_REVISION_4:
    import msgpack
    from socketio.msgpack_packet import MsgPackPacket


def undone(text):
    return base64.b64decode(text)


def placed(value, attachments):
    """The value with its placeholders replaced, by rules of our own: what the peers' parsers do is under test."""
    if isinstance(value, list):
        return [placed(item, attachments) for item in value]
    if isinstance(value, dict):
        if value.get("_placeholder") is True and isinstance(value.get("num"), int):
            number = value["num"]
            if 0 <= number < len(attachments):
                return attachments[number]
        return {name: placed(item, attachments) for name, item in value.items()}
    return value


def is_same(ours, theirs):
    """Equality in which numbers compare by value but booleans are no numbers, and NaN equals itself."""
    if isinstance(theirs, bool) or isinstance(ours, bool):
        return ours is theirs
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(map(is_same, ours, theirs))
    if isinstance(theirs, dict):
        return (isinstance(ours, dict) and ours.keys() == theirs.keys()
                and all(is_same(ours[name], theirs[name]) for name in theirs))
    if IS_REVISION_4 and isinstance(theirs, msgpack.ExtType):
        return is_same_extension(ours, theirs)
    if isinstance(theirs, float) and theirs != theirs:
        return ours is None or ours != ours
    if theirs in (float("inf"), float("-inf")) and ours is None:
        return True
    return type(ours) in (int, float) and ours == theirs if type(theirs) in (int, float) else (
        type(ours) is type(theirs) and ours == theirs)


def is_same_extension(ours, theirs):
    """Extensions have a meaning for JavaScript only: undefined, dates and typed arrays (PROTOCOL.md C.1)."""
    if theirs.code == 0:
        return (ours == theirs.data or (len(theirs.data) == 1 and ours is None)
                or (len(theirs.data) == 8 and (ours is None or isinstance(ours, str))))
    return ours == [theirs.code, theirs.data]


def shown(value):
    return repr(value)[:300]


def compare_packet(ours, decoded, differs, theirs):
    for name in ("type", "count"):
        theirs[name] = getattr(decoded, "packet_type" if name == "type" else "attachment_count")
        if name in ours and ours[name] != theirs[name]:
            differs.append(name)
    theirs["namespace"] = decoded.namespace or "/"
    if undone(ours["namespace"]).decode("utf-8", "replace") != theirs["namespace"]:
        differs.append("namespace")
    theirs["id"] = None if decoded.id is None else shown(decoded.id)
    if (None if ours["id"] is None else int(ours["id"])) != decoded.id:
        differs.append("id")
    theirs["data"] = shown(decoded.data)
    attachments = [undone(item) for item in ours["attachments"]]
    try:
        data = None if ours["data"] is None else placed(json.loads(undone(ours["data"])), attachments)
        if not is_same(data, decoded.data):
            differs.append("data")
    except ValueError:
        differs.append("data")


def decode_socket(request, differs, theirs):
    decoded = socketio.packet.Packet(encoded_packet=undone(request["input"]).decode("utf-8"))
    theirs["type"] = decoded.packet_type
    if decoded.packet_type not in range(7):
        # As the server and the client do when they dispatch it.
        raise ValueError("Unknown packet type.")
    waits = decoded.packet_type in (5, 6)
    for attachment in map(undone, request["attachments"]):
        if waits:
            waits = not decoded.add_attachment(attachment)
        else:
            socketio.packet.Packet(encoded_packet=attachment)
    return decoded


def decode_msgpack(request, differs, theirs):
    decoded = MsgPackPacket(encoded_packet=undone(request["input"]))
    if decoded.packet_type not in range(7):
        raise ValueError("Unknown packet type.")
    return decoded


def engine_packet(decoded):
    data = decoded.data
    if isinstance(data, (bytes, bytearray)):
        return [decoded.packet_type, True, base64.b64encode(data).decode()]
    return [decoded.packet_type, bool(decoded.binary), data]


def is_same_engine_packet(ours, theirs):
    if ours[0] != theirs[0]:
        return False
    payload = undone(ours[2])
    if ours[1]:
        return (theirs[2] is None and not payload) or (theirs[1] and theirs[2] == base64.b64encode(payload).decode())
    text = payload.decode("utf-8", "replace")
    if theirs[1]:
        return False
    if isinstance(theirs[2], str) and theirs[2] == text or (theirs[2] is None and not text):
        return True
    # Text that is JSON is decoded on the way.
    try:
        return is_same(json.loads(text), theirs[2])
    except ValueError:
        return False


def decode_engine(request, differs, theirs):
    data = undone(request["input"])
    if request["kind"] == "message":
        packets = [engineio.packet.Packet(encoded_packet=data.decode("utf-8") if request["text"] else data)]
    else:
        body = data.decode("utf-8") if IS_REVISION_4 else data
        packets = engineio.payload.Payload(encoded_payload=body).packets
    packets = [engine_packet(item) for item in packets]
    theirs["packets"] = shown(packets)
    ours = request["ours"]["packets"]
    if len(ours) != len(packets) or not all(map(is_same_engine_packet, ours, packets)):
        differs.append("packets")


def answer(request):
    differs, theirs, ours = [], {}, request["ours"]
    try:
        if request["kind"] in ("message", "body"):
            decode_engine(request, differs, theirs)
        else:
            decoded = (decode_msgpack if request["kind"] == "msgpack" else decode_socket)(request, differs, theirs)
        theirs["accepted"] = True
    except (Exception, RecursionError) as problem:
        theirs["accepted"] = False
        theirs["problem"] = shown(problem)
    if ours["accepted"] != theirs["accepted"]:
        return {"differs": ["accepted"], "theirs": theirs}
    if not theirs["accepted"]:
        return {"differs": [], "theirs": theirs}
    if request["kind"] in ("socket", "msgpack") and "type" in ours:
        compare_packet(ours, decoded, differs, theirs)
    return {"differs": differs, "theirs": theirs}


sys.set_int_max_str_digits(0)
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=False)
    sys.stdout.flush()
