#!/usr/bin/env python3
"""Writes the seeds: small valid inputs from which the fuzzer starts.

They are checked in as corpus/<target>/seed-<name>; run this after changing them here.
"""

import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"


def seed(target: str, name: str, content: bytes) -> None:
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(content)


# AMF0.
def number(value: float) -> bytes:
    return b"\x00" + struct.pack(">d", value)


def text(value: str) -> bytes:
    return b"\x02" + struct.pack(">H", len(value)) + value.encode()


def members(pairs: dict[str, bytes]) -> bytes:
    body = b"".join(struct.pack(">H", len(key)) + key.encode() + value for key, value in pairs.items())
    return body + b"\x00\x00\x09"


def obj(pairs: dict[str, bytes]) -> bytes:
    return b"\x03" + members(pairs)


def ecma_array(pairs: dict[str, bytes]) -> bytes:
    return b"\x08" + struct.pack(">I", len(pairs)) + members(pairs)


def strict_array(values: list[bytes]) -> bytes:
    return b"\x0a" + struct.pack(">I", len(values)) + b"".join(values)


TRUE, NULL, UNDEFINED = b"\x01\x01", b"\x05", b"\x06"
LONG_TEXT = b"\x0c" + struct.pack(">I", 3) + b"abc"
DATE = b"\x0b" + struct.pack(">d", 1.7e12) + b"\x00\x00"

CONNECT = (
    text("connect")
    + number(1)
    + obj({
        "app": text("live"),
        "tcUrl": text("rtmp://localhost/live"),
        "fourCcList": strict_array([text("av01"), text("hvc1")]),
        "capsEx": number(1),
    })
)
PUBLISH = text("publish") + number(5) + NULL + text("key") + text("live")
METADATA = (
    text("@setDataFrame")
    + text("onMetaData")
    + ecma_array({
        "width": number(1920),
        "height": number(1080),
        "framerate": number(30),
        "videocodecid": number(7),
        "stereo": TRUE,
        "encoder": text("an encoder"),
    })
)

seed("amf0", "connect", CONNECT)
seed("amf0", "publish", PUBLISH)
seed("amf0", "metadata", METADATA)
seed("amf0", "every-kind", UNDEFINED + LONG_TEXT + DATE + strict_array([NULL, obj({})]) + ecma_array({}))

# AMF3, behind the switch: an array of each type that has content, with references to a string, a class and an object.
AMF3 = b"\x11" + bytes.fromhex(
    "0915036b03"  # array of ten: {k: true, ...
    "01"  # ...}
    "0a2b0343036103620401060003640201"  # object of class C
    "0a0104ffffffff060401"
    "08010000000000000000"
    "0c050102"
    "0d030000000001"
    "0f03010000000000000000"
    "10030000" "0a00"
    "110300060203"
    "070378"
    "0900"
)
seed("amf0", "amf3", text("onMetaData") + AMF3)

# Tags.
AVC_RECORD = bytes.fromhex("0164001effe1000467640028" "01000468ee3c80")
AVC_HEADER = b"\x17\x00\x00\x00\x00" + AVC_RECORD
AVC_KEY = b"\x17\x01\x00\x00\x28" + struct.pack(">I", 4) + b"\x65\x88\x84\x00"
AVC_INTER = b"\x27\x01\x00\x00\x00" + struct.pack(">I", 3) + b"\x41\x9a\x00"
AAC_HEADER = b"\xaf\x00\x11\x90"
AAC_FRAME = b"\xaf\x01\x21\x10\x04\x60\x8c\x1c"
HEVC_RECORD = (
    bytes([1]) * 22
    + b"\x03"
    + b"".join(b"%c\x00\x01\x00\x03%c\x01\x0c" % (kind, kind << 1) for kind in (32, 33, 34))
)
HEVC_HEADER = b"\x90hvc1" + HEVC_RECORD
HEVC_KEY = b"\x91hvc1\x00\x00\x28" + struct.pack(">I", 3) + b"\x26\x01\xaf"
AV1_HEADER = b"\x90av01" + bytes.fromhex("810008000a0b00000024c4ffdf3ffe600d")
AV1_KEY = b"\x91av01" + bytes.fromhex("12003202" "0102")


def tags(*items: tuple[int, bytes]) -> bytes:
    return b"".join(bytes([kind]) + struct.pack(">H", len(tag)) + tag for kind, tag in items)


VIDEO, AUDIO = 9, 8
seed("flv_payload", "avc-aac", tags(
    (VIDEO, AVC_HEADER), (AUDIO, AAC_HEADER), (VIDEO, AVC_KEY), (AUDIO, AAC_FRAME), (VIDEO, AVC_INTER)
))
seed("flv_payload", "hevc", tags((VIDEO, HEVC_HEADER), (VIDEO, HEVC_KEY)))
seed("flv_payload", "av1", tags((VIDEO, AV1_HEADER), (VIDEO, AV1_KEY)))


# Chunks (RTMP 1.0 §5.3.1); the first byte of the input is the size of the pieces less one.
def message(csid: int, kind: int, stamp: int, payload: bytes, chunk_bytes: int = 128) -> bytes:
    extended = struct.pack(">I", stamp) if stamp >= 0xFFFFFF else b""
    head = struct.pack(">I", min(stamp, 0xFFFFFF))[1:] + struct.pack(">I", len(payload))[1:]
    head += bytes([kind]) + struct.pack("<I", 1) + extended
    out = bytes([csid]) + head
    for at in range(0, max(len(payload), 1), chunk_bytes):
        if at > 0:
            out += bytes([0xC0 | csid]) + extended
        out += payload[at : at + chunk_bytes]
    return out


SET_CHUNK_SIZE = message(2, 1, 0, struct.pack(">I", 4096))
session = message(3, 20, 0, CONNECT) + message(8, 20, 0, PUBLISH) + message(4, 18, 0, METADATA)
media = message(6, 9, 0, AVC_HEADER) + message(4, 8, 0, AAC_HEADER) + message(6, 9, 40, AVC_KEY + bytes(400))
seed("rtmp_chunks", "session", b"\xff" + session + media)
seed("rtmp_chunks", "byte-by-byte", b"\x00" + session)
seed("rtmp_chunks", "chunk-size", b"\x09" + SET_CHUNK_SIZE + message(3, 20, 0, CONNECT, 4096))
seed("rtmp_chunks", "extended-time", b"\x3f" + message(6, 9, 0x01000000, AVC_KEY + bytes(400)))
first, second = message(6, 9, 0, AVC_KEY + bytes(200)), message(4, 8, 0, AAC_FRAME + bytes(200))
seed("rtmp_chunks", "interleaved", b"\xff" + first[:140] + second[:140] + first[140:] + second[140:])
omitted = first[:1] + b"\xff\xff\xff" + first[4:12] + b"\x01\x02\x03\x04" + first[12:140] + first[140:]
seed("rtmp_chunks", "omitted-extended-time", b"\x00" + omitted)
seed("rtmp_chunks", "abort", b"\xff" + first[:140] + message(2, 2, 0, struct.pack(">I", 6)) + second)


# Frames between origin and edge: a length of 32 bits, then the message.
def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


seed("protocol_frames", "each-kind", b"".join(frame(bytes([kind, 4]) + b"live" + bytes(8)) for kind in range(12)))
seed("protocol_frames", "segment", frame(b"\x01\x00\x0a\x00") + frame(bytes(12) + b"\x04") + b"moof")
seed("protocol_frames", "too-long", b"\xff\xff\xff\xff")
seed("protocol_frames", "token", b"farcast1.AAECAwQFBgcICQoLDA0ODw")

seed("query_strings", "all", b"_HLS_msn=7&_HLS_part=2&_HLS_skip=YES")
seed("query_strings", "escaped", b"token=%41%zz&_HLS_msn=07&_HLS_skip=v2")
seed("query_strings", "wrong", b"_HLS_part=1&_HLS_msn=&_HLS_msn=99999999999999999999&=&&")


# Frames of a chatter: how the bytes are split, then frames with a mask of zeroes.
def ws_frame(first: int, payload: bytes) -> bytes:
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return bytes([first]) + length + bytes(4) + payload


LINE = b'{"type":"CHAT","body":"hello **world** :wave:"}'
seed("chat_frames", "line", b"\x40" + ws_frame(0x81, LINE))
seed("chat_frames", "name", b"\x03" + ws_frame(0x81, b'{"type":"NAME_CHANGE","newName":"Ada"}'))
seed("chat_frames", "color", b"\x09" + ws_frame(0x81, b'{"type":"COLOR_CHANGE","newColor":42}'))
seed("chat_frames", "fragments", b"\x01" + ws_frame(0x01, LINE[:9]) + ws_frame(0x89, b"?") + ws_frame(0x80, LINE[9:]))
seed("chat_frames", "long-close", b"\x20" + ws_frame(0x81, b" " * 300 + LINE) + ws_frame(0x88, b"\x03\xe8"))


# What is written into the chat; the attacks that tests know are there as well, as many in a seed as fit a message.
ATTACKS = pathlib.Path(__file__).parents[2] / "shared/chat/src/render/xss.txt"
attacks = [json.loads(line) for line in ATTACKS.read_text().splitlines() if not line.startswith("#")]
seed("chat_render", "markdown", b"Hi *a* **b** `c` [d](http://a.example/_b_ 'e') <f@a.example>\n\n> - g\n\n## h\n\n![](/img/emoji/x.gif)")
seed("chat_render", "html", b'<a href="/a">b</a><br><img class="emoji" src="/img/emoji/x.gif" alt=":x:" title=":x:"><pre>c</pre>')
seed("chat_render", "bare", b":x: (http://a.example/b_(c)?d=e&f). https://a.example/<b>:x:</b>")
seed("chat_render", "name", "A\u0301nn \u202e\u200b\uff21 \U0001d41a".encode())
for at in range(0, len(attacks), 24):
    seed("chat_render", f"attacks-{at:03}", "\n\n".join(attacks[at : at + 24]).encode())


# DNS: a header, a question, and what EDNS adds.
def dns_query(host: str, kind: int, opt: bytes = b"", flags: int = 0x0100) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in host.split(".")) + b"\x00"
    head = struct.pack(">6H", 0x1234, flags, 1, 0, 0, 1 if opt else 0)
    return head + labels + struct.pack(">2H", kind, 1) + opt


def dns_opt(options: bytes = b"", payload: int = 1232, version: int = 0) -> bytes:
    return b"\x00" + struct.pack(">2HIH", 41, payload, version << 16, len(options)) + options


def dns_option(code: int, content: bytes) -> bytes:
    return struct.pack(">2H", code, len(content)) + content


SUBNET_V4 = dns_option(8, b"\x00\x01\x18\x00\xcb\x00\x71")
SUBNET_V6 = dns_option(8, b"\x00\x02\x38\x00\x20\x01\x0d\xb8\x00\x00\x80")
DNS_ZONE = "live.example.org"
seed("dns_messages", "a", dns_query(DNS_ZONE, 1))
seed("dns_messages", "subnet-v4", dns_query("www." + DNS_ZONE, 1, dns_opt(SUBNET_V4)))
seed("dns_messages", "subnet-v6", dns_query(DNS_ZONE, 28, dns_opt(dns_option(10, bytes(8)) + SUBNET_V6)))
seed("dns_messages", "version", dns_query(DNS_ZONE, 6, dns_opt(version=1)))
seed("dns_messages", "acme", dns_query("_acme-challenge." + DNS_ZONE, 16, dns_opt(payload=512)))
seed("dns_messages", "nobody", dns_query("none." + DNS_ZONE, 255))
seed("dns_messages", "notify", dns_query(DNS_ZONE, 6, flags=0x2000))
seed("dns_messages", "pointers", dns_query(DNS_ZONE, 1)[:12] + b"\x01a\xc0\x0c\x00\x01\x00\x01")
stream = [dns_query(DNS_ZONE, 1), dns_query("ns1." + DNS_ZONE, 2, dns_opt(SUBNET_V4))]
seed("dns_messages", "stream", b"".join(struct.pack(">H", len(message)) + message for message in stream))

PROXY = b"\r\n\r\n\0\r\nQUIT\n"
V4 = bytes([192, 0, 2, 7, 198, 51, 100, 1]) + struct.pack(">HH", 50000, 443)
seed("proxy_headers", "v4", PROXY + b"\x21\x11" + struct.pack(">H", len(V4)) + V4 + b"GET / HTTP/1.1\r\n")
seed("proxy_headers", "v6", PROXY + b"\x21\x21" + struct.pack(">H", 36) + bytes(36))
seed("proxy_headers", "local", PROXY + b"\x20\x00\x00\x00")
TLVS = b"\x02\x00\x04live" + b"\x03\x00\x04" + bytes(4)
seed("proxy_headers", "checksum", PROXY + b"\x21\x11" + struct.pack(">H", len(V4 + TLVS)) + V4 + TLVS)
