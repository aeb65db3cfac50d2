"""Serves behaviour.Behaviour on threads, at any port, which it prints; until its input ends."""

from concurrent import futures
import os
import sys
import threading

import behaviour_pb2 as pb
import behaviour_pb2_grpc
import grpc
from checks import OPTIONS

CODES = {code.value[0]: code for code in grpc.StatusCode}


class Ledger:
    """How far calls came, by a key that their clients chose."""

    def __init__(self):
        self.entries = {}
        self.changed = threading.Condition()

    def put(self, key, text):
        with self.changed:
            self.entries[key] = text
            self.changed.notify_all()

    def wait_for(self, key):
        with self.changed:
            self.changed.wait_for(lambda: key in self.entries, timeout=30)
            return self.entries.get(key, "unknown")


class Running:
    """One call."""

    def __init__(self, behaviour, context):
        self.behaviour, self.context = behaviour, context
        self.metadata = context.invocation_metadata()
        self.key = self.value("x-ledger")
        left = context.time_remaining()
        self.milliseconds_left = -1 if left is None or left > 1e9 else int(left * 1000)
        self.over = threading.Event()
        self.done = False
        if not context.add_callback(self.ended):
            self.ended()
        self.sent_headers = False
        self.requests = self.octets = self.number = 0
        trailing = self.echo("x-echo-trailing")
        if trailing:
            context.set_trailing_metadata(trailing)

    def ended(self):
        self.over.set()
        if self.key:
            self.behaviour.ledger.put(self.key + " over", "done" if self.done else "cancelled")

    def value(self, name):
        return next((value for key, value in self.metadata if key == name), None)

    def echo(self, prefix):
        return tuple((name, value) for name, value in self.metadata if name in (prefix, prefix + "-bin"))

    def send_headers(self):
        if not self.sent_headers:
            self.sent_headers = True
            self.context.send_initial_metadata(self.echo("x-echo-initial"))

    def act(self, request):
        """Does what a request says; whether it ends the call here."""
        self.requests += 1
        self.octets += len(request.payload)
        for act in request.acts:
            if act == pb.ACT_SEND_HEADERS:
                self.send_headers()
            elif act == pb.ACT_PANIC:
                raise RuntimeError("asked to panic")
            elif act == pb.ACT_WAIT_FOR_CANCEL:
                self.behaviour.ledger.put(f"{self.key} waits", "yes")
                self.over.wait(30)
            elif act == pb.ACT_ANSWER_EARLY:
                return True
        if request.code:
            self.send_headers()
            details = self.value("x-details-bin")
            if details is not None:
                trailing = self.echo("x-echo-trailing") + (("grpc-status-details-bin", details),)
                self.context.set_trailing_metadata(trailing)
            self.done = True
            self.context.abort(CODES[request.code], request.message)
        return False

    def reply(self, request):
        self.send_headers()
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

    def Unary(self, request, context):
        running = Running(self, context)
        if running.value("x-shutdown"):
            self.replace()
        question = running.value("x-ask")
        if question:
            return pb.Reply(payload=self.ledger.wait_for(question).encode())
        if running.value("x-cancel"):
            context.cancel()
            running.over.wait(30)
        running.act(request)
        running.done = True
        return running.reply(request)

    def Down(self, request, context):
        running = Running(self, context)
        running.act(request)
        for _ in range(request.count):
            yield running.reply(request)
        running.done = True

    def Up(self, requests, context):
        running = Running(self, context)
        request = pb.Request()
        for request in requests:
            if running.act(request):
                break
        running.done = True
        return running.reply(request)

    def Both(self, requests, context):
        running = Running(self, context)
        for request in requests:
            ends = running.act(request)
            for _ in range(max(request.count, 1)):
                yield running.reply(request)
            if ends:
                break
        running.done = True


class Servers:
    """The server, and those that took its place at the same port."""

    def __init__(self):
        self.ledger = Ledger()
        self.port = self.start("[::]:0")

    def start(self, address):
        self.server = grpc.server(futures.ThreadPoolExecutor(max_workers=120), options=OPTIONS)
        behaviour = Behaviour(self.ledger, self.replace)
        behaviour_pb2_grpc.add_BehaviourServicer_to_server(behaviour, self.server)
        port = self.server.add_insecure_port(address)
        self.server.start()
        return port

    def replace(self):
        """Stops the server, which lets its calls finish, and starts another."""
        old = self.server
        self.start(f"[::]:{self.port}")
        old.stop(30)


if __name__ == "__main__":
    print("port", Servers().port, flush=True)
    sys.stdin.read()
    os._exit(0)
