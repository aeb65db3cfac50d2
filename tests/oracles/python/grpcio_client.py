"""Calls a server once for each situation, and says how the call ended."""

import concurrent.futures
import sys

import grpc

TARGET, COUNT = sys.argv[1], int(sys.argv[2])


def outcome(number):
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    with grpc.insecure_channel(TARGET, options=options) as channel:
        call = channel.unary_unary("/helloworld.Greeter/SayHello", response_deserializer=deserialize)
        try:
            call(b"\x0a\x01x", timeout=4, metadata=[("x-situation", str(number))])
        except grpc.RpcError as error:
            return error.code().name
        return "OK"


def deserialize(octets):
    if octets not in (b"", b"\x0a\x01x"):
        raise ValueError("no HelloReply")
    return octets


with concurrent.futures.ThreadPoolExecutor(12) as pool:
    for line in pool.map(outcome, range(COUNT)):
        print(line)
