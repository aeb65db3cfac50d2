"""Serves behaviour.Behaviour on asyncio, at any port, which it prints; until its input ends."""

import asyncio
import os
import sys

import behaviour_pb2 as pb
import behaviour_pb2_grpc
import grpc
from checks import OPTIONS

CODES = {code.value[0]: code for code in grpc.StatusCode}


class Ledger:
    """How far calls came, by a key that their clients chose."""

    def __init__(self):
        self.entries = {}

    def entry(self, key):
        return self.entries.setdefault(key, asyncio.get_running_loop().create_future())

    def put(self, key, text):
        if not self.entry(key).done():
            self.entry(key).set_result(text)

    async def wait_for(self, key):
        return await asyncio.wait_for(asyncio.shield(self.entry(key)), 30)


class Running:
    """One call: a context that says in the ledger how it was left."""

    def __init__(self, behaviour, context):
        self.behaviour, self.context = behaviour, context
        self.metadata = context.invocation_metadata() or ()
        self.key = self.value("x-ledger")
        left = context.time_remaining()
        self.milliseconds_left = -1 if left is None or left > 1e9 else int(left * 1000)
        self.sent_headers = False
        self.requests = self.octets = self.number = 0
        trailing = self.echo("x-echo-trailing")
        if trailing:
            context.set_trailing_metadata(trailing)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if self.key:
            left = kind is not None and issubclass(kind, (asyncio.CancelledError, GeneratorExit))
            self.behaviour.ledger.put(self.key + " over", "cancelled" if left else "done")

    def value(self, name):
        return next((value for key, value in self.metadata if key == name), None)

    def echo(self, prefix):
        return tuple((name, value) for name, value in self.metadata if name in (prefix, prefix + "-bin"))

    async def send_headers(self):
        if not self.sent_headers:
            self.sent_headers = True
            await self.context.send_initial_metadata(self.echo("x-echo-initial"))

    async def act(self, request):
        """Does what a request says; whether it ends the call here."""
        self.requests += 1
        self.octets += len(request.payload)
        for act in request.acts:
            if act == pb.ACT_SEND_HEADERS:
                await self.send_headers()
            elif act == pb.ACT_PANIC:
                raise RuntimeError("asked to panic")
            elif act == pb.ACT_WAIT_FOR_CANCEL:
                self.behaviour.ledger.put(f"{self.key} waits", "yes")
                await asyncio.wait_for(asyncio.Event().wait(), 30)
            elif act == pb.ACT_ANSWER_EARLY:
                return True
        if request.code:
            await self.send_headers()
            details = self.value("x-details-bin")
            trailing = self.echo("x-echo-trailing")
            if details is not None:
                trailing += (("grpc-status-details-bin", details),)
            await self.context.abort(CODES[request.code], request.message, trailing)
        return False

    async def reply(self, request):
        await self.send_headers()
        payload = bytes(request.reply_size) if request.reply_size else request.payload
        reply = pb.Reply(
            payload=payload,
            requests=self.requests,
            octets=self.octets,
            number=self.number,
            milliseconds_left=self.milliseconds_left,
        )
        self.number += 1
        return reply


class Behaviour(behaviour_pb2_grpc.BehaviourServicer):
    def __init__(self, ledger, replace):
        self.ledger, self.replace = ledger, replace

    async def Unary(self, request, context):
        with Running(self, context) as running:
            if running.value("x-shutdown"):
                await self.replace()
            question = running.value("x-ask")
            if question:
                return pb.Reply(payload=(await self.ledger.wait_for(question)).encode())
            if running.value("x-cancel"):
                await context.abort(grpc.StatusCode.CANCELLED, "cancelled")
            await running.act(request)
            return await running.reply(request)

    async def Down(self, request, context):
        with Running(self, context) as running:
            await running.act(request)
            for _ in range(request.count):
                yield await running.reply(request)

    async def Up(self, requests, context):
        with Running(self, context) as running:
            request = pb.Request()
            async for request in requests:
                if await running.act(request):
                    break
            return await running.reply(request)

    async def Both(self, requests, context):
        with Running(self, context) as running:
            async for request in requests:
                ends = await running.act(request)
                for _ in range(max(request.count, 1)):
                    yield await running.reply(request)
                if ends:
                    break


class Servers:
    """The server, and those that took its place at the same port."""

    def __init__(self):
        self.ledger = Ledger()
        self.stopping = set()

    async def start(self, address):
        self.server = grpc.aio.server(options=OPTIONS)
        behaviour = Behaviour(self.ledger, self.replace)
        behaviour_pb2_grpc.add_BehaviourServicer_to_server(behaviour, self.server)
        self.port = self.server.add_insecure_port(address)
        await self.server.start()

    async def replace(self):
        """Stops the server, which lets its calls finish, and starts another."""
        old = self.server
        await self.start(f"[::]:{self.port}")
        self.stopping.add(asyncio.ensure_future(old.stop(30)))


async def serve():
    servers = Servers()
    await servers.start("[::]:0")
    print("port", servers.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(serve())
