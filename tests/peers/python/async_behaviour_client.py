"""Checks a server of behaviour.Behaviour from asyncio: its address, then the names of the checks."""

import asyncio
import itertools
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
        self.channel = grpc.aio.insecure_channel(address, options=OPTIONS)
        self.stub = behaviour_pb2_grpc.BehaviourStub(self.channel)

    async def ask(self, question):
        """Waits until the server's ledger has an answer."""
        reply = await self.stub.Unary(pb.Request(), timeout=TIMEOUT, metadata=[("x-ask", question)])
        return reply.payload.decode()


async def fails(code, call):
    """The error of a call that must fail with this code."""
    try:
        reply = await call
    except grpc.aio.AioRpcError as error:
        equal(error.code(), code, f"code ({error.details()!r})")
        return error
    raise AssertionError(f"succeeded with {reply!r:.300}")


async def collect(call):
    return [reply async for reply in call]


async def ends(call):
    """A stream must have no more messages."""
    equal(await call.read(), grpc.aio.EOF)


def key():
    return uuid.uuid4().hex


@check
async def unary(client):
    reply = await client.stub.Unary(pb.Request(payload=ALL_OCTETS), timeout=TIMEOUT)
    equal(reply.payload, ALL_OCTETS)
    equal((reply.requests, reply.octets, reply.number), (1, 256, 0))


@check
async def empty(client):
    call = client.stub.Unary(pb.Request())
    reply = await call
    equal((reply.payload, reply.requests, reply.milliseconds_left), (b"", 1, -1))
    equal(await call.code(), grpc.StatusCode.OK)


@check
async def down(client):
    replies = await collect(client.stub.Down(pb.Request(payload=b"d", count=7), timeout=TIMEOUT))
    equal([reply.number for reply in replies], list(range(7)))
    equal({reply.payload for reply in replies}, {b"d"})


@check
async def down_nothing(client):
    call = client.stub.Down(pb.Request(), timeout=TIMEOUT)
    equal(await collect(call), [])
    equal(await call.code(), grpc.StatusCode.OK)


@check
async def up(client):
    requests = (pb.Request(payload=bytes(size)) for size in range(5))
    reply = await client.stub.Up(requests, timeout=TIMEOUT)
    equal((reply.requests, reply.octets, len(reply.payload)), (5, 10, 4))


@check
async def up_nothing(client):
    reply = await client.stub.Up(iter(()), timeout=TIMEOUT)
    equal((reply.requests, reply.octets), (0, 0))


@check
async def both(client):
    requests = (pb.Request(payload=str(n).encode(), count=n) for n in range(4))
    replies = await collect(client.stub.Both(requests, timeout=TIMEOUT))
    equal([reply.payload for reply in replies], [b"0", b"1", b"2", b"2", b"3", b"3", b"3"])


@check
async def both_in_turn(client):
    call = client.stub.Both(timeout=TIMEOUT)
    for n in range(20):
        await call.write(pb.Request(payload=str(n).encode()))
        equal((await call.read()).payload, str(n).encode())
    await call.done_writing()
    await ends(call)


@check
async def metadata(client):
    sent = ECHO_INITIAL + ECHO_TRAILING
    call = client.stub.Unary(pb.Request(), timeout=TIMEOUT, metadata=sent)
    await call
    equal(by_name(echoed(await call.initial_metadata(), "x-echo")), by_name(ECHO_INITIAL))
    equal(by_name(echoed(await call.trailing_metadata(), "x-echo")), by_name(ECHO_TRAILING))


@check
async def metadata_of_errors(client):
    sent = ECHO_INITIAL + ECHO_TRAILING
    call = client.stub.Both(iter([pb.Request(), pb.Request(code=5)]), timeout=TIMEOUT, metadata=sent)
    equal((await call.read()).number, 0)
    await fails(grpc.StatusCode.NOT_FOUND, call.read())
    equal(by_name(echoed(await call.initial_metadata(), "x-echo")), by_name(ECHO_INITIAL))
    equal(by_name(echoed(await call.trailing_metadata(), "x-echo")), by_name(ECHO_TRAILING))


@check
async def metadata_before_messages(client):
    name = key()
    request = pb.Request(acts=[pb.ACT_SEND_HEADERS, pb.ACT_WAIT_FOR_CANCEL])
    sent = ECHO_INITIAL + [("x-ledger", name)]
    call = client.stub.Down(request, timeout=TIMEOUT, metadata=sent)
    equal(by_name(echoed(await call.initial_metadata(), "x-echo")), by_name(ECHO_INITIAL))
    call.cancel()
    equal(await client.ask(name + " over"), "cancelled")


@check
async def large_metadata(client):
    text, octets = "x" * 8192, bytes(range(256)) * 16
    sent = [("x-echo-initial", text), ("x-echo-trailing-bin", octets)]
    call = client.stub.Unary(pb.Request(), timeout=TIMEOUT, metadata=sent)
    await call
    equal(echoed(await call.initial_metadata(), "x-echo"), sent[:1])
    equal(echoed(await call.trailing_metadata(), "x-echo"), sent[1:])


@check
async def codes(client):
    for code in list(grpc.StatusCode)[1:]:
        request = pb.Request(code=code.value[0], message=code.name)
        if code is grpc.StatusCode.CANCELLED:
            continue  # grpc.aio raises this as the task's own cancellation: see cancelled_by_the_server.
        error = await fails(code, client.stub.Unary(request, timeout=TIMEOUT))
        equal(error.details(), code.name)


@check
async def messages(client):
    for message in MESSAGES:
        call = client.stub.Unary(pb.Request(code=3, message=message), timeout=TIMEOUT)
        equal((await fails(grpc.StatusCode.INVALID_ARGUMENT, call)).details(), message)


@check
async def details(client):
    sent = [("x-details-bin", ALL_OCTETS)] + ECHO_TRAILING
    request = pb.Request(code=9, message="with details")
    call = client.stub.Unary(request, timeout=TIMEOUT, metadata=sent)
    error = await fails(grpc.StatusCode.FAILED_PRECONDITION, call)
    trailing = error.trailing_metadata()
    equal([v for k, v in trailing if k == "grpc-status-details-bin"], [ALL_OCTETS])
    equal(by_name(echoed(trailing, "x-echo")), by_name(ECHO_TRAILING))


@check
async def only_trailers(client):
    call = client.stub.Down(pb.Request(code=7, message="no"), timeout=TIMEOUT)
    equal((await fails(grpc.StatusCode.PERMISSION_DENIED, call.read())).details(), "no")


@check
async def panic(client):
    request = pb.Request(acts=[pb.ACT_PANIC])
    await fails(grpc.StatusCode.UNKNOWN, client.stub.Unary(request, timeout=TIMEOUT))
    await unary(client)


@check
async def deadline_on_the_server(client):
    # C-core rounds a timeout up as it writes it.
    reply = await client.stub.Unary(pb.Request(), timeout=25)
    if not 5_000 < reply.milliseconds_left <= 26_000:
        raise AssertionError(f"{reply.milliseconds_left} ms left of 25 s")


@check
async def deadline_missed(client):
    name = key()
    request = pb.Request(acts=[pb.ACT_WAIT_FOR_CANCEL])
    start = time.monotonic()
    call = client.stub.Unary(request, timeout=0.5, metadata=[("x-ledger", name)])
    await fails(grpc.StatusCode.DEADLINE_EXCEEDED, call)
    if time.monotonic() - start > 10:
        raise AssertionError("the deadline was noticed late")
    equal(await client.ask(name + " over"), "cancelled")


@check
async def deadline_missed_in_a_stream(client):
    call = client.stub.Both(timeout=1)
    await call.write(pb.Request())
    await call.read()
    await fails(grpc.StatusCode.DEADLINE_EXCEEDED, call.read())
    await unary(client)


@check
async def cancelled_unary(client):
    name = key()
    request = pb.Request(acts=[pb.ACT_WAIT_FOR_CANCEL])
    call = client.stub.Unary(request, timeout=TIMEOUT, metadata=[("x-ledger", name)])
    equal(await client.ask(name + " waits"), "yes")
    call.cancel()
    equal(await call.code(), grpc.StatusCode.CANCELLED)
    equal(await client.ask(name + " over"), "cancelled")


@check
async def cancelled_stream(client):
    name = key()
    call = client.stub.Both(timeout=TIMEOUT, metadata=[("x-ledger", name)])
    await call.write(pb.Request(payload=b"1"))
    equal((await call.read()).payload, b"1")
    await call.write(pb.Request(acts=[pb.ACT_WAIT_FOR_CANCEL]))
    equal(await client.ask(name + " waits"), "yes")
    call.cancel()
    equal(await call.code(), grpc.StatusCode.CANCELLED)
    equal(await client.ask(name + " over"), "cancelled")


@check
async def cancelled_stream_that_is_read(client):
    name = key()
    call = client.stub.Both(timeout=TIMEOUT, metadata=[("x-ledger", name)])
    await call.write(pb.Request(payload=b"1"))
    equal((await call.read()).payload, b"1")
    call.cancel()
    equal(await call.code(), grpc.StatusCode.CANCELLED)
    equal(await client.ask(name + " over"), "cancelled")


@check
async def cancelled_by_the_server(client):
    request = pb.Request(code=1, message="no more")
    call = client.stub.Both(iter([request]), timeout=TIMEOUT)
    equal(await call.code(), grpc.StatusCode.CANCELLED)
    equal(await call.details(), "no more")


@check
async def large_messages(client):
    payload = ALL_OCTETS * (4 * MEBIBYTE // 256)
    reply = await client.stub.Unary(pb.Request(payload=payload), timeout=TIMEOUT)
    equal(reply.payload == payload, True, "the same 4 MiB")
    total = await collect(client.stub.Both(iter([pb.Request(payload=payload)] * 3), timeout=TIMEOUT))
    equal([reply.payload == payload for reply in total], [True] * 3, "three times the same 4 MiB")


@check
async def too_large_message(client):
    call = client.stub.Unary(pb.Request(payload=bytes(6 * MEBIBYTE)), timeout=TIMEOUT)
    await fails(grpc.StatusCode.RESOURCE_EXHAUSTED, call)
    await unary(client)


@check
async def flow(client):
    sent = [bytes([n]) * 60_000 for n in range(100)]
    requests = (pb.Request(payload=payload) for payload in sent)
    replies = [reply.payload for reply in await collect(client.stub.Both(requests, timeout=TIMEOUT))]
    equal(replies == sent, True, "the same messages")
    down = client.stub.Down(pb.Request(reply_size=100_000, count=80), timeout=TIMEOUT)
    equal([len(reply.payload) for reply in await collect(down)], [100_000] * 80)


@check
async def concurrent(client):
    payloads = [str(n).encode() * n for n in range(100)]
    calls = [client.stub.Unary(pb.Request(payload=p), timeout=TIMEOUT) for p in payloads]
    equal([reply.payload for reply in await asyncio.gather(*calls)], payloads)


@check
async def one_after_the_other(client):
    for n in range(300):
        sent = [("x-echo-initial", "v" * (n % 50)), (f"x-name-{n % 90}", f"value {n}")]
        call = client.stub.Unary(pb.Request(), timeout=TIMEOUT, metadata=sent)
        await call
        equal(echoed(await call.initial_metadata(), "x-echo"), sent[:1])


@check
async def early_answer(client):
    first = pb.Request(payload=b"first", acts=[pb.ACT_ANSWER_EARLY])
    rest = itertools.repeat(pb.Request(payload=bytes(1024)), 10_000)
    reply = await client.stub.Up(itertools.chain([first], rest), timeout=TIMEOUT)
    equal((reply.payload, reply.requests), (b"first", 1))


@check
async def early_error(client):
    # Nothing is written after the first: such a write fails a call of grpc.aio with an error of its own.
    call = client.stub.Up(timeout=TIMEOUT)
    await call.write(pb.Request(code=8, message="enough"))
    equal(await call.code(), grpc.StatusCode.RESOURCE_EXHAUSTED)
    equal(await call.details(), "enough")


@check
async def unimplemented(client):
    for path in ["/behaviour.Behaviour/Missing", "/no.Such/Service"]:
        call = client.channel.unary_unary(path)
        await fails(grpc.StatusCode.UNIMPLEMENTED, call(b"", timeout=TIMEOUT))
        call = client.channel.stream_stream(path)
        await fails(grpc.StatusCode.UNIMPLEMENTED, call(timeout=TIMEOUT).read())


@check
async def compression(client):
    """A server without compression must say so, and what it takes instead."""
    for compression in [grpc.Compression.Gzip, grpc.Compression.Deflate]:
        request = pb.Request(payload=bytes(10_000))
        call = client.stub.Unary(request, timeout=TIMEOUT, compression=compression)
        await fails(grpc.StatusCode.UNIMPLEMENTED, call)
    await unary(client)


@check
async def shutdown(client):
    """Calls that run may finish; the next one goes to the next server."""
    call = client.stub.Both(timeout=TIMEOUT)
    await call.write(pb.Request(payload=b"before"))
    equal((await call.read()).payload, b"before")
    await client.stub.Unary(pb.Request(), timeout=TIMEOUT, metadata=[("x-shutdown", "1")])
    await call.write(pb.Request(payload=b"after"))
    equal((await call.read()).payload, b"after")
    reply = await client.stub.Unary(pb.Request(payload=b"next"), timeout=TIMEOUT, wait_for_ready=True)
    equal(reply.payload, b"next")
    await call.write(pb.Request(payload=b"last"))
    equal((await call.read()).payload, b"last")
    await call.done_writing()
    await ends(call)


async def run(address, names):
    client = Client(address)
    for name in names or CHECKS:
        try:
            await asyncio.wait_for(CHECKS[name](client), 2 * TIMEOUT)
            report(name)
        except (Exception, asyncio.CancelledError) as error:  # Whatever it was, the test has to know.
            report(name, error)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2:]))
