"""Decodes streams of header blocks with Python's `hpack` or libnghttp2's inflater."""

import ctypes
import sys

import pipe


class PythonDecoder:
    def __init__(self):
        import hpack

        self.decoder = hpack.Decoder(max_header_list_size=1 << 30)
        self.never = hpack.NeverIndexedHeaderTuple

    def set_table_size(self, size):
        self.decoder.max_allowed_table_size = size

    def decode(self, block):
        fields = self.decoder.decode(block, raw=True)
        fields = [(bytes(f[0]), bytes(f[1]), isinstance(f, self.never)) for f in fields]
        return fields, self.decoder.header_table._current_size

    def close(self):
        pass


class NameValue(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p),
        ("value", ctypes.c_void_p),
        ("name_length", ctypes.c_size_t),
        ("value_length", ctypes.c_size_t),
        ("flags", ctypes.c_uint8),
    ]


NO_INDEX = 1
FINAL, EMIT = 1, 2


def nghttp2():
    library = ctypes.CDLL("libnghttp2.so.14")
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    library.nghttp2_hd_inflate_hd2.restype = ctypes.c_ssize_t
    library.nghttp2_hd_inflate_hd2.argtypes = [pointer, pointer, pointer, pointer, size, ctypes.c_int]
    library.nghttp2_hd_inflate_end_headers.argtypes = [pointer]
    library.nghttp2_hd_inflate_change_table_size.argtypes = [pointer, size]
    library.nghttp2_hd_inflate_get_dynamic_table_size.argtypes = [pointer]
    library.nghttp2_hd_inflate_get_dynamic_table_size.restype = size
    library.nghttp2_hd_inflate_del.argtypes = [pointer]
    library.nghttp2_strerror.restype = ctypes.c_char_p
    return library


class Nghttp2Decoder:
    library = None

    def __init__(self):
        Nghttp2Decoder.library = self.library or nghttp2()
        self.inflater = ctypes.c_void_p()
        if self.library.nghttp2_hd_inflate_new(ctypes.byref(self.inflater)) != 0:
            raise MemoryError("no inflater")

    def set_table_size(self, size):
        self.library.nghttp2_hd_inflate_change_table_size(self.inflater, size)

    def decode(self, block):
        library, fields = self.library, []
        buffer = ctypes.create_string_buffer(block, len(block) or 1)
        at, left = ctypes.addressof(buffer), len(block)
        field, flags = NameValue(), ctypes.c_int()
        field_reference, flags_reference = ctypes.byref(field), ctypes.byref(flags)
        while True:
            flags.value = 0
            taken = library.nghttp2_hd_inflate_hd2(self.inflater, field_reference, flags_reference, at, left, 1)
            if taken < 0:
                raise ValueError(library.nghttp2_strerror(taken).decode())
            at, left = at + taken, left - taken
            if flags.value & EMIT:
                name = ctypes.string_at(field.name, field.name_length)
                value = ctypes.string_at(field.value, field.value_length)
                fields.append((name, value, field.flags & NO_INDEX != 0))
            if flags.value & FINAL:
                break
            if not flags.value & EMIT and left == 0:
                raise ValueError("the block ends too early")
        library.nghttp2_hd_inflate_end_headers(self.inflater)
        return fields, library.nghttp2_hd_inflate_get_dynamic_table_size(self.inflater)

    def close(self):
        self.library.nghttp2_hd_inflate_del(self.inflater)


def run(request, make):
    decoder, out, failed = make(), [], False
    for _ in range(request.number()):
        kind, payload = request.octet(), request.string()
        if failed:
            continue
        if kind == 1:
            decoder.set_table_size(pipe.NUMBER.unpack(payload)[0])
            continue
        try:
            fields, table_size = decoder.decode(payload)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            out.append(b"\0" + pipe.string(text.encode()))
            failed = True
            continue
        out.append(b"\1" + pipe.NUMBER.pack(table_size) + pipe.NUMBER.pack(len(fields)))
        for name, value, never in fields:
            out.append(bytes([never]) + pipe.string(name) + pipe.string(value))
    decoder.close()
    return out


if __name__ == "__main__":
    MAKE = {"python": PythonDecoder, "nghttp2": Nghttp2Decoder}[sys.argv[1]]
    pipe.serve(lambda request: [part for _ in range(request.number()) for part in run(request, MAKE)])
