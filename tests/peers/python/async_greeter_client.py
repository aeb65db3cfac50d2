"""The greeter of the gRPC Python quick start on asyncio: a client. The server's port is the only argument."""

import asyncio
import sys

import grpc
import helloworld_pb2
import helloworld_pb2_grpc


async def run(port):
    async with grpc.aio.insecure_channel("localhost:" + port) as channel:
        stub = helloworld_pb2_grpc.GreeterStub(channel)
        response = await stub.SayHello(helloworld_pb2.HelloRequest(name="you"))
    print("Greeter client received: " + response.message)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1]))
