"""What the clients share: the checks by name, and the lines that say how they went."""

import json
import traceback

TIMEOUT = 30
"""Bounds every call."""

MEBIBYTE = 1024 * 1024

OPTIONS = [
    ("grpc.max_receive_message_length", 5 * MEBIBYTE),
    ("grpc.max_send_message_length", 8 * MEBIBYTE),
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.absolute_max_metadata_size", 64 * 1024),
]
"""Of clients and servers: room for what the checks ask for."""

ALL_OCTETS = bytes(range(256))

MESSAGES = [
    "",
    "plain",
    "错误：百分之百，100% 不对",
    " \t edges \r\n ",
    "\x01\x7f %41 %",
    "🪁",
]
"""Messages of statuses."""

ECHO_INITIAL = [
    ("x-echo-initial", "one"),
    ("x-echo-initial", "two, three"),
    ("x-echo-initial-bin", ALL_OCTETS),
    ("x-echo-initial-bin", b"a"),
]
ECHO_TRAILING = [
    ("x-echo-trailing", "one"),
    ("x-echo-trailing", "two"),
    ("x-echo-trailing-bin", b""),
    ("x-echo-trailing-bin", b"\x00\xff\xfe"),
]

CHECKS = {}


def check(function):
    """Registers a check by its name."""
    CHECKS[function.__name__] = function
    return function


def equal(actual, expected, what="value"):
    if actual != expected:
        raise AssertionError(f"{what}: {actual!r:.300}, expected {expected!r:.300}")


def echoed(metadata, prefix):
    """The echoed fields of received metadata."""
    return [(name, value) for name, value in metadata or () if name.startswith(prefix)]


def by_name(fields):
    """Fields as values by their name: between different names, order means nothing."""
    values = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    return values


def report(name, error=None):
    """Says how a check went."""
    text = None if error is None else "".join(traceback.format_exception(error))
    print(json.dumps({"check": name, "ok": error is None, "error": text}), flush=True)
