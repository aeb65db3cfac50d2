"""Batches of requests on standard input, batches of answers on standard output, each with its length."""

import struct
import sys

NUMBER = struct.Struct(">I")


class Request:
    """Reads what the test wrote."""

    def __init__(self, octets):
        self.octets = octets
        self.at = 0

    def octet(self):
        self.at += 1
        return self.octets[self.at - 1]

    def number(self):
        self.at += 4
        return NUMBER.unpack_from(self.octets, self.at - 4)[0]

    def string(self):
        length = self.number()
        self.at += length
        return self.octets[self.at - length : self.at]


def string(octets):
    return NUMBER.pack(len(octets)) + octets


def serve(answer):
    """Answers every batch with what `answer` makes of it, a list of octets, until there are no more."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while length := source.read(4):
        request = Request(source.read(NUMBER.unpack(length)[0]))
        reply = b"".join(answer(request))
        sink.write(NUMBER.pack(len(reply)) + reply)
        sink.flush()
