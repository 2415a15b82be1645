#!/usr/bin/env python3
"""Makes objects.txt: encodings and identifiers, from nothing but the borsh specification and BLAKE3.

Needs the package `blake3`. It shares no code with what it tests.
"""
import struct
from blake3 import blake3

KINDS = ["program", "blob", "register", "register-entry", "record", "journal", "time-context", "capability",
         "hash-batch", "proof"]


def identifier(kind, data):
    return blake3(data, derive_key_context=f"causality-vm 2026-11-22 content id v1: {kind}").hexdigest()


def vec(items):
    return struct.pack("<I", len(items)) + b"".join(items)


def sample(number=7, flag=True, name="näme", some=bytes(range(32)), nested=((1, -2), (3, 4)), pairs=((b"a", 1), (b"b", 2)),
           choice=1):
    """The type `Sample` of tests/encoding.rs."""
    out = struct.pack("<Q", number) + struct.pack("<?", flag)
    out += vec([bytes([b]) for b in name.encode()])
    out += b"\0" if some is None else b"\1" + some
    out += vec([struct.pack("<Hq", a, b) for a, b in nested])
    out += vec([vec([bytes([b]) for b in key]) + struct.pack("<I", value) for key, value in sorted(pairs)])
    out += {0: b"\0", 1: b"\1" + struct.pack("<I", 9)}[choice]
    return out


CASES = {
    "base": {}, "number": {"number": 8}, "flag": {"flag": False}, "name": {"name": "name"}, "none": {"some": None},
    "id": {"some": bytes(range(1, 33))}, "nested": {"nested": ((1, -2), (3, 5))}, "shorter": {"nested": ((1, -2),)},
    "pairs": {"pairs": ((b"a", 1), (b"c", 2))}, "choice": {"choice": 0},
}

with open("objects.txt", "w", encoding="ascii") as out:
    out.write("# case, encoding, identifier as a record; made by make.py\n")
    for case, fields in CASES.items():
        data = sample(**fields)
        out.write(f"{case} {data.hex()} {identifier('record', data)}\n")
    out.write("# kind, length of bytes 0 1 .. 250 0 1 .., identifier; across sizes of chunks\n")
    for kind in KINDS:
        for length in (0, 5, 16385, 262144, 262145, 1000000):
            data = bytes(i % 251 for i in range(length))
            out.write(f"{kind} {length} {identifier(kind, data)}\n")
