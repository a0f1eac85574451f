"""Writes inputs to begin fuzzing with, one directory for each target, from the recordings and vectors of the test suites.

    python3 Tests/Fuzzing/seeds.py <directory>
"""

import base64
import gzip
import hashlib
import json
import pathlib
import sys
import zlib

TESTS = pathlib.Path(__file__).resolve().parent.parent
LARGEST = 4000


def lines(path):
    with open(TESTS / path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def put(target, data):
    folder = pathlib.Path(sys.argv[1]) / target
    folder.mkdir(parents=True, exist_ok=True)
    if len(data) <= LARGEST:
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def piece(data):
    if len(data) < 255:
        return bytes([len(data)]) + data
    return bytes([255, len(data) >> 8, len(data) & 255]) + data


def input_of(vector):
    if "input_b64" in vector:
        return base64.b64decode(vector["input_b64"])
    return vector.get("input_text", "").encode("utf-8", "surrogatepass")


def from_vectors():
    for vector in lines("SocketIOPacketsTests/vectors.jsonl"):
        data, layer = input_of(vector), vector["layer"]
        if layer.startswith("eio"):
            version = 1 if layer.startswith("eio3") else 0
            binary = 2 if vector.get("opcode") == "binary" or "octet" in vector.get("content_type", "") else 0
            kind = 8 if layer.endswith("ws") else 0
            put("payloads", bytes([version | binary | kind]) + data)
            put("payloads", bytes([version | binary | 12 | (0 if kind else 16)]) + data)
            put("traffic", b"\x00\x0e\x00" + bytes([6 if version else 3]) + b"\x31\x00" + bytes([binary >> 1]) + piece(data))
        elif layer.startswith("sio"):
            message = bytes([0]) + piece(data)
            for attachment in vector.get("attachments_b64", []):
                message += bytes([1]) + piece(base64.b64decode(attachment))
            put("packets", bytes([1 if layer == "sio4" else 0]) + message)
            put("traffic", b"\x00\x0e\x00\x03\x31\x00\x00" + piece(b'0{"sid":"A","pingInterval":1,"pingTimeout":2}')
                + b"\x11\x01\x00" + piece(b"4" + data))
            put("redaction", data.lstrip(b"0123456789-"))
        elif layer == "msgpack":
            put("msgpack", data)
            put("packets", b"\x02\x01" + piece(data))
    put("payloads", b"\x04d=4hello")
    put("payloads", b'\x06___eio[0]("1:2");')


def from_frames():
    for vector in lines("WebSocketFramesTests/vectors.jsonl"):
        if "input_b64" in vector:
            data = input_of(vector)
            put("frames", bytes([0 if vector.get("pmd") is None else 0x71, 7]) + data)
            put("frames", bytes([8 if vector.get("pmd") is None else 0x79, 7]) + data)


def from_recordings():
    for scenario in lines("RecordedTranscripts/transcripts.jsonl"):
        for connection in scenario["connections"]:
            calls = b"\x00\x0e\x00\x03"
            for event in connection["events"]:
                data = base64.b64decode(event["b64"]) if "b64" in event else b""
                from_server = event.get("from") == "server"
                if data and not data.startswith((b"GET", b"POST", b"HTTP")):
                    put("frames", bytes([1 if from_server else 9, 3]) + data)
                    calls += bytes([0x27 if from_server else 7, 9]) + piece(data)
                elif b"\r\n\r\n" in data:
                    head, body = data.split(b"\r\n\r\n", 1)
                    if body:
                        calls += bytes([16, 9, 1 if from_server else 9]) + piece(body)
            put("traffic", calls + b"\x0c\x01\x0b\x01")


def others():
    text = b'42["message",{"token":"abc","text":"hello hello hello"}]' * 5
    put("content", b"\x00\x03" + gzip.compress(text))
    put("content", b"\x00\x03" + gzip.compress(text) + gzip.compress(b"more"))
    put("content", b"\x01\x03" + zlib.compress(text))
    raw = zlib.compressobj(wbits=-15)
    put("content", b"\x01\x03" + raw.compress(text) + raw.flush())
    put("content", b"\x02\x03" + text)
    records = b'{"type":"capture","seq":1,"ts":"2026-11-23T10:00:00.000000Z","schema":"ackscope.capture/1"}\n' + (
        b'{"type":"packet","seq":2,"ts":"2026-11-23T10:00:02.120345Z","conn":3,"session":2,"from":"client",'
        b'"transport":"websocket","socket":"event","namespace":"/","id":7,"event":"send","args":[{"a":1}],"bytes":52}\n'
        b'{"type":"verdict","seq":3,"ts":"2026-11-23T10:00:07.3Z","emit":2,"verdict":"rejected","age_us":2110,"final":true}\n')
    for source in [b"", b"event=send and verdict=overdue", b"not (id=7 or args.0.a=1)", b"event~/^s/ age>5s",
                   b"namespace=/ from=client transport=websocket", b'event="a b" or cause=x']:
        put("capture", b"\x05" + piece(source) + records)
    for text in [b'{"token":"x","a":[{"password":{"b":1}},null]}', b'["a","\\u0074oken",{"\\u0074oken":1}]',
                 b'{"secret":{"_placeholder":true,"num":0}}', b"/a?b=1&token=2;secret=3#f", b'{"a":"\\ud83d\\ude00"}']:
        put("redaction", text)


if len(sys.argv) != 2:
    sys.exit(__doc__)
from_vectors()
from_frames()
from_recordings()
others()
