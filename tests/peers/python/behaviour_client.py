"""Checks a server of behaviour.Behaviour: its address, then the names of the checks."""

import itertools
import queue
import sys
import time
import uuid

import behaviour_pb2 as pb
import behaviour_pb2_grpc
import grpc
from checks import (
    ALL_OCTETS,
    CHECKS,
    ECHO_INITIAL,
    ECHO_TRAILING,
    MEBIBYTE,
    MESSAGES,
    OPTIONS,
    TIMEOUT,
    by_name,
    check,
    echoed,
    equal,
    report,
)


class Client:
    def __init__(self, address):
        self.channel = grpc.insecure_channel(address, options=OPTIONS)
        self.stub = behaviour_pb2_grpc.BehaviourStub(self.channel)

    def ask(self, question):
        """Waits until the server's ledger has an answer."""
        reply = self.stub.Unary(pb.Request(), timeout=TIMEOUT, metadata=[("x-ask", question)])
        return reply.payload.decode()


def fails(code, call):
    """The error of a call that must fail with this code."""
    try:
        reply = call()
    except grpc.RpcError as error:
        equal(error.code(), code, f"code ({error.details()!r})")
        return error
    raise AssertionError(f"succeeded with {reply!r:.300}")


def key():
    return uuid.uuid4().hex


@check
def unary(client):
    reply = client.stub.Unary(pb.Request(payload=ALL_OCTETS), timeout=TIMEOUT)
    equal(reply.payload, ALL_OCTETS)
    equal((reply.requests, reply.octets, reply.number), (1, 256, 0))


@check
def empty(client):
    reply, call = client.stub.Unary.with_call(pb.Request())
    equal((reply.payload, reply.requests, reply.milliseconds_left), (b"", 1, -1))
    equal(call.code(), grpc.StatusCode.OK)


@check
def down(client):
    replies = list(client.stub.Down(pb.Request(payload=b"d", count=7), timeout=TIMEOUT))
    equal([reply.number for reply in replies], list(range(7)))
    equal({reply.payload for reply in replies}, {b"d"})


@check
def down_nothing(client):
    call = client.stub.Down(pb.Request(), timeout=TIMEOUT)
    equal(list(call), [])
    equal(call.code(), grpc.StatusCode.OK)


@check
def up(client):
    requests = (pb.Request(payload=bytes(size)) for size in range(5))
    reply = client.stub.Up(requests, timeout=TIMEOUT)
    equal((reply.requests, reply.octets, len(reply.payload)), (5, 10, 4))


@check
def up_nothing(client):
    reply = client.stub.Up(iter(()), timeout=TIMEOUT)
    equal((reply.requests, reply.octets), (0, 0))


@check
def both(client):
    requests = (pb.Request(payload=str(n).encode(), count=n) for n in range(4))
    replies = list(client.stub.Both(requests, timeout=TIMEOUT))
    equal([reply.payload for reply in replies], [b"0", b"1", b"2", b"2", b"3", b"3", b"3"])


class Feed:
    """Requests, one at a time, when the check says so."""

    def __init__(self):
        self.queue = queue.Queue()

    def __iter__(self):
        return iter(self.queue.get, None)

    def send(self, request):
        self.queue.put(request)

    def end(self):
        self.queue.put(None)


@check
def both_in_turn(client):
    feed = Feed()
    call = client.stub.Both(iter(feed), timeout=TIMEOUT)
    for n in range(20):
        feed.send(pb.Request(payload=str(n).encode()))
        equal(next(call).payload, str(n).encode())
    feed.end()
    equal(list(call), [])


@check
def metadata(client):
    sent = ECHO_INITIAL + ECHO_TRAILING
    _, call = client.stub.Unary.with_call(pb.Request(), timeout=TIMEOUT, metadata=sent)
    equal(by_name(echoed(call.initial_metadata(), "x-echo")), by_name(ECHO_INITIAL))
    equal(by_name(echoed(call.trailing_metadata(), "x-echo")), by_name(ECHO_TRAILING))


@check
def metadata_of_errors(client):
    sent = ECHO_INITIAL + ECHO_TRAILING
    call = client.stub.Both(iter([pb.Request(), pb.Request(code=5)]), timeout=TIMEOUT, metadata=sent)
    equal(next(call).number, 0)
    fails(grpc.StatusCode.NOT_FOUND, lambda: next(call))
    equal(by_name(echoed(call.initial_metadata(), "x-echo")), by_name(ECHO_INITIAL))
    equal(by_name(echoed(call.trailing_metadata(), "x-echo")), by_name(ECHO_TRAILING))


@check
def metadata_before_messages(client):
    name = key()
    request = pb.Request(acts=[pb.ACT_SEND_HEADERS, pb.ACT_WAIT_FOR_CANCEL])
    sent = ECHO_INITIAL + [("x-ledger", name)]
    call = client.stub.Down(request, timeout=TIMEOUT, metadata=sent)
    equal(by_name(echoed(call.initial_metadata(), "x-echo")), by_name(ECHO_INITIAL))
    call.cancel()
    equal(client.ask(name + " over"), "cancelled")


@check
def large_metadata(client):
    text, octets = "x" * 8192, bytes(range(256)) * 16
    sent = [("x-echo-initial", text), ("x-echo-trailing-bin", octets)]
    _, call = client.stub.Unary.with_call(pb.Request(), timeout=TIMEOUT, metadata=sent)
    equal(echoed(call.initial_metadata(), "x-echo"), sent[:1])
    equal(echoed(call.trailing_metadata(), "x-echo"), sent[1:])


@check
def codes(client):
    for code in list(grpc.StatusCode)[1:]:
        request = pb.Request(code=code.value[0], message=code.name)
        equal(fails(code, lambda: client.stub.Unary(request, timeout=TIMEOUT)).details(), code.name)


@check
def messages(client):
    for message in MESSAGES:
        request = pb.Request(code=3, message=message)
        error = fails(
            grpc.StatusCode.INVALID_ARGUMENT, lambda: client.stub.Unary(request, timeout=TIMEOUT)
        )
        equal(error.details(), message)


@check
def details(client):
    request = pb.Request(code=9, message="with details")
    sent = [("x-details-bin", ALL_OCTETS)] + ECHO_TRAILING
    call = lambda: client.stub.Unary(request, timeout=TIMEOUT, metadata=sent)
    error = fails(grpc.StatusCode.FAILED_PRECONDITION, call)
    trailing = error.trailing_metadata()
    equal([v for k, v in trailing if k == "grpc-status-details-bin"], [ALL_OCTETS])
    equal(by_name(echoed(trailing, "x-echo")), by_name(ECHO_TRAILING))


@check
def only_trailers(client):
    call = client.stub.Down(pb.Request(code=7, message="no"), timeout=TIMEOUT)
    equal(fails(grpc.StatusCode.PERMISSION_DENIED, lambda: next(call)).details(), "no")


@check
def panic(client):
    request = pb.Request(acts=[pb.ACT_PANIC])
    fails(grpc.StatusCode.UNKNOWN, lambda: client.stub.Unary(request, timeout=TIMEOUT))
    unary(client)


@check
def deadline_on_the_server(client):
    # C-core rounds a timeout up as it writes it.
    reply = client.stub.Unary(pb.Request(), timeout=25)
    if not 5_000 < reply.milliseconds_left <= 26_000:
        raise AssertionError(f"{reply.milliseconds_left} ms left of 25 s")


@check
def deadline_missed(client):
    name = key()
    request = pb.Request(acts=[pb.ACT_WAIT_FOR_CANCEL])
    start = time.monotonic()
    call = lambda: client.stub.Unary(request, timeout=0.5, metadata=[("x-ledger", name)])
    fails(grpc.StatusCode.DEADLINE_EXCEEDED, call)
    if time.monotonic() - start > 10:
        raise AssertionError("the deadline was noticed late")
    equal(client.ask(name + " over"), "cancelled")


@check
def deadline_missed_in_a_stream(client):
    feed = Feed()
    call = client.stub.Both(iter(feed), timeout=1)
    feed.send(pb.Request())
    next(call)
    fails(grpc.StatusCode.DEADLINE_EXCEEDED, lambda: next(call))
    feed.end()
    unary(client)


@check
def cancelled_unary(client):
    name = key()
    request = pb.Request(acts=[pb.ACT_WAIT_FOR_CANCEL])
    call = client.stub.Unary.future(request, timeout=TIMEOUT, metadata=[("x-ledger", name)])
    equal(client.ask(name + " waits"), "yes")
    call.cancel()
    equal(call.code(), grpc.StatusCode.CANCELLED)
    equal(client.ask(name + " over"), "cancelled")


@check
def cancelled_stream(client):
    name, feed = key(), Feed()
    call = client.stub.Both(iter(feed), timeout=TIMEOUT, metadata=[("x-ledger", name)])
    feed.send(pb.Request(payload=b"1"))
    equal(next(call).payload, b"1")
    feed.send(pb.Request(acts=[pb.ACT_WAIT_FOR_CANCEL]))
    equal(client.ask(name + " waits"), "yes")
    call.cancel()
    fails(grpc.StatusCode.CANCELLED, lambda: next(call))
    feed.end()
    equal(client.ask(name + " over"), "cancelled")


@check
def cancelled_stream_that_is_read(client):
    name, feed = key(), Feed()
    call = client.stub.Both(iter(feed), timeout=TIMEOUT, metadata=[("x-ledger", name)])
    feed.send(pb.Request(payload=b"1"))
    equal(next(call).payload, b"1")
    call.cancel()
    fails(grpc.StatusCode.CANCELLED, lambda: next(call))
    feed.end()
    equal(client.ask(name + " over"), "cancelled")


@check
def cancelled_by_the_server(client):
    request = pb.Request(code=1, message="no more")
    fails(grpc.StatusCode.CANCELLED, lambda: list(client.stub.Both(iter([request]), timeout=TIMEOUT)))


@check
def large_messages(client):
    payload = ALL_OCTETS * (4 * MEBIBYTE // 256)
    reply = client.stub.Unary(pb.Request(payload=payload), timeout=TIMEOUT)
    equal(reply.payload == payload, True, "the same 4 MiB")
    total = list(client.stub.Both(iter([pb.Request(payload=payload)] * 3), timeout=TIMEOUT))
    equal([reply.payload == payload for reply in total], [True] * 3, "three times the same 4 MiB")


@check
def too_large_message(client):
    request = pb.Request(payload=bytes(6 * MEBIBYTE))
    fails(grpc.StatusCode.RESOURCE_EXHAUSTED, lambda: client.stub.Unary(request, timeout=TIMEOUT))
    unary(client)


@check
def flow(client):
    sent = [bytes([n]) * 60_000 for n in range(100)]
    requests = (pb.Request(payload=payload) for payload in sent)
    replies = [reply.payload for reply in client.stub.Both(requests, timeout=TIMEOUT)]
    equal(replies == sent, True, "the same messages")
    down = client.stub.Down(pb.Request(reply_size=100_000, count=80), timeout=TIMEOUT)
    equal([len(reply.payload) for reply in down], [100_000] * 80)


@check
def concurrent(client):
    payloads = [str(n).encode() * n for n in range(100)]
    calls = [client.stub.Unary.future(pb.Request(payload=p), timeout=TIMEOUT) for p in payloads]
    equal([call.result().payload for call in calls], payloads)


@check
def one_after_the_other(client):
    for n in range(300):
        sent = [("x-echo-initial", "v" * (n % 50)), (f"x-name-{n % 90}", f"value {n}")]
        _, call = client.stub.Unary.with_call(pb.Request(), timeout=TIMEOUT, metadata=sent)
        equal(echoed(call.initial_metadata(), "x-echo"), sent[:1])


@check
def early_answer(client):
    first = pb.Request(payload=b"first", acts=[pb.ACT_ANSWER_EARLY])
    rest = itertools.repeat(pb.Request(payload=bytes(1024)), 10_000)
    reply = client.stub.Up(itertools.chain([first], rest), timeout=TIMEOUT)
    equal((reply.payload, reply.requests), (b"first", 1))


@check
def early_error(client):
    first = pb.Request(code=8, message="enough")
    rest = itertools.repeat(pb.Request(payload=bytes(1024)), 10_000)
    call = lambda: client.stub.Up(itertools.chain([first], rest), timeout=TIMEOUT)
    equal(fails(grpc.StatusCode.RESOURCE_EXHAUSTED, call).details(), "enough")


@check
def unimplemented(client):
    for path in ["/behaviour.Behaviour/Missing", "/no.Such/Service"]:
        call = client.channel.unary_unary(path)
        fails(grpc.StatusCode.UNIMPLEMENTED, lambda: call(b"", timeout=TIMEOUT))
        call = client.channel.stream_stream(path)
        fails(grpc.StatusCode.UNIMPLEMENTED, lambda: list(call(iter([b""]), timeout=TIMEOUT)))


@check
def compression(client):
    """A server without compression must say so, and what it takes instead."""
    for compression in [grpc.Compression.Gzip, grpc.Compression.Deflate]:
        request = pb.Request(payload=bytes(10_000))
        call = lambda: client.stub.Unary(request, timeout=TIMEOUT, compression=compression)
        fails(grpc.StatusCode.UNIMPLEMENTED, call)
    unary(client)


@check
def shutdown(client):
    """Calls that run may finish; the next one goes to the next server."""
    feed = Feed()
    call = client.stub.Both(iter(feed), timeout=TIMEOUT)
    feed.send(pb.Request(payload=b"before"))
    equal(next(call).payload, b"before")
    client.stub.Unary(pb.Request(), timeout=TIMEOUT, metadata=[("x-shutdown", "1")])
    feed.send(pb.Request(payload=b"after"))
    equal(next(call).payload, b"after")
    reply = client.stub.Unary(pb.Request(payload=b"next"), timeout=TIMEOUT, wait_for_ready=True)
    equal(reply.payload, b"next")
    feed.send(pb.Request(payload=b"last"))
    equal(next(call).payload, b"last")
    feed.end()
    equal(list(call), [])


def run(address, names):
    client = Client(address)
    for name in names or CHECKS:
        try:
            CHECKS[name](client)
            report(name)
        except Exception as error:  # Whatever it was, the test has to know.
            report(name, error)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
