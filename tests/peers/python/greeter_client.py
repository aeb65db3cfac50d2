"""The greeter of the gRPC Python quick start: a client. The server's port is the only argument."""

import sys

import grpc
import helloworld_pb2
import helloworld_pb2_grpc


def run(port):
    with grpc.insecure_channel("localhost:" + port) as channel:
        stub = helloworld_pb2_grpc.GreeterStub(channel)
        response = stub.SayHello(helloworld_pb2.HelloRequest(name="you"))
    print("Greeter client received: " + response.message)


if __name__ == "__main__":
    run(sys.argv[1])
