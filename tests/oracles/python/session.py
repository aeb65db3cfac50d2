"""Runs scripts of connections, whatever the implementation."""

import pipe

RECEIVE, RESPOND, RESPOND_AND_RESET, RESET = range(4)
CONCURRENT_STREAMS, CONNECTION_WINDOW, HEADER_LIST_SIZE = 100, 4 << 20, 16384
REQUEST = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a/b"), (b":authority", b"localhost")]
RESPONSE = [(b":status", b"200"), (b"grpc-status", b"0")]


def headers(stream, fields):
    parts = [b"\0", pipe.NUMBER.pack(stream), pipe.NUMBER.pack(len(fields))]
    for name, value in fields:
        parts += [pipe.string(name), pipe.string(value)]
    return b"".join(parts)


def data(stream, octets):
    return b"\1" + pipe.NUMBER.pack(stream) + pipe.string(octets)


def end(stream):
    return b"\2" + pipe.NUMBER.pack(stream)


def run(request, make):
    """One script. `make(is_client, window)` has `apply(kind, payload)`: whether the connection is over, what it
    wrote, and what the application was given."""
    connection = make(request.octet() == 1, request.number())
    reports = []
    is_over = False
    for _ in range(request.number()):
        kind = request.octet()
        payload = request.string() if kind == RECEIVE else request.number()
        if is_over:
            continue
        is_over, written, given = connection.apply(kind, payload)
        reports.append(bytes([is_over]) + pipe.string(written) + pipe.NUMBER.pack(len(given)) + b"".join(given))
    connection.close()
    return [pipe.NUMBER.pack(len(reports)), *reports]


def serve(make):
    pipe.serve(lambda request: [part for _ in range(request.number()) for part in run(request, make)])
