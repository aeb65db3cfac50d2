"""Scripts through libnghttp2."""

import ctypes

import session

P, SIZE, INT, OCTET, STREAM = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_uint8, ctypes.c_int32
LIBRARY = ctypes.CDLL("libnghttp2.so.14")
DATA, HEADERS, END_STREAM = 0, 1, 1
NO_ERROR, PROTOCOL_ERROR, CANCEL = 0, 1, 8
TEMPORAL_CALLBACK_FAILURE = -521


class FrameHeader(ctypes.Structure):
    _fields_ = [("length", SIZE), ("stream", STREAM), ("type", OCTET), ("flags", OCTET), ("reserved", OCTET)]


class Entry(ctypes.Structure):
    _fields_ = [("id", ctypes.c_int32), ("value", ctypes.c_uint32)]


class NameValue(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("value", ctypes.c_char_p),
        ("name_length", SIZE),
        ("value_length", SIZE),
        ("flags", OCTET),
    ]


def function(name, result, *arguments):
    found = getattr(LIBRARY, "nghttp2_" + name)
    found.restype, found.argtypes = result, arguments
    return found


callbacks_new = function("session_callbacks_new", INT, P)
submit_settings = function("submit_settings", INT, P, OCTET, P, SIZE)
submit_request = function("submit_request", STREAM, P, P, P, SIZE, P, P)
submit_response = function("submit_response", INT, P, STREAM, P, SIZE, P)
submit_rst_stream = function("submit_rst_stream", INT, P, OCTET, STREAM, ctypes.c_uint32)
set_local_window_size = function("session_set_local_window_size", INT, P, OCTET, STREAM, ctypes.c_int32)
mem_recv = function("session_mem_recv", ctypes.c_ssize_t, P, ctypes.c_char_p, SIZE)
mem_send = function("session_mem_send", ctypes.c_ssize_t, P, P)
want_read, want_write = function("session_want_read", INT, P), function("session_want_write", INT, P)
session_del = function("session_del", None, P)
session_new = [function("session_server_new2", INT, P, P, P, P), function("session_client_new2", INT, P, P, P, P)]
OPTION = P()
function("option_new", INT, P)(ctypes.byref(OPTION))
# White space around values is stripped, as PROTOCOL-HTTP2.md allows.
function("option_set_no_rfc9113_leading_and_trailing_ws_validation", None, P, INT)(OPTION, 1)

GIVEN = []
BLOCK = []
FRAME = ctypes.POINTER(FrameHeader)


@ctypes.CFUNCTYPE(INT, P, FRAME, P)
def on_begin_headers(_session, _frame, _user):
    BLOCK.clear()
    return 0


@ctypes.CFUNCTYPE(INT, P, FRAME, P, SIZE, P, SIZE, OCTET, P)
def on_header(_session, _frame, name, name_length, value, value_length, _flags, _user):
    BLOCK.append((ctypes.string_at(name, name_length), ctypes.string_at(value, value_length)))
    return 0


@ctypes.CFUNCTYPE(INT, P, FRAME, P, SIZE, P, SIZE, OCTET, P)
def on_invalid_header(session_pointer, frame, _name, _name_length, _value, _value_length, _flags, _user):
    # The library leaves these to the application, which does as nghttpx does (RFC 9113 §8.1.1).
    submit_rst_stream(session_pointer, 0, frame.contents.stream, PROTOCOL_ERROR)
    return TEMPORAL_CALLBACK_FAILURE


@ctypes.CFUNCTYPE(INT, P, FRAME, P)
def on_frame(_session, frame, _user):
    header = frame.contents
    if header.type == HEADERS:
        GIVEN.append(session.headers(header.stream, BLOCK))
    if header.type in (DATA, HEADERS) and header.flags & END_STREAM:
        GIVEN.append(session.end(header.stream))
    return 0


@ctypes.CFUNCTYPE(INT, P, OCTET, STREAM, P, SIZE, P)
def on_data(_session, _flags, stream, octets, length, _user):
    GIVEN.append(session.data(stream, ctypes.string_at(octets, length)))
    return 0


CALLBACKS = P()
callbacks_new(ctypes.byref(CALLBACKS))
for setter, callback in {
    "on_begin_headers": on_begin_headers,
    "on_header": on_header,
    "on_invalid_header": on_invalid_header,
    "on_frame_recv": on_frame,
    "on_data_chunk_recv": on_data,
}.items():
    function(f"session_callbacks_set_{setter}_callback", None, P, P)(CALLBACKS, ctypes.cast(callback, P))


def fields(of):
    pairs = [NameValue(name, value, len(name), len(value), 0) for name, value in of]
    return (NameValue * len(pairs))(*pairs)


REQUEST, RESPONSE = fields(session.REQUEST), fields(session.RESPONSE)


class Connection:
    def __init__(self, is_client, window):
        self.session = P()
        session_new[is_client](ctypes.byref(self.session), CALLBACKS, None, OPTION)
        entries = [(3, session.CONCURRENT_STREAMS), (4, window), (6, session.HEADER_LIST_SIZE)]
        if is_client:
            entries.append((2, 0))
        entries = (Entry * len(entries))(*[Entry(*entry) for entry in entries])
        submit_settings(self.session, 0, entries, len(entries))
        set_local_window_size(self.session, 0, 0, session.CONNECTION_WINDOW)
        if is_client:
            for _ in range(3):
                submit_request(self.session, None, REQUEST, len(REQUEST), None, None)
        self.flush()

    def flush(self):
        written, octets = b"", P()
        while (length := mem_send(self.session, ctypes.byref(octets))) > 0:
            written += ctypes.string_at(octets, length)
        return written

    def apply(self, kind, payload):
        GIVEN.clear()
        failed, written = False, b""
        if kind == session.RECEIVE:
            failed = mem_recv(self.session, payload, len(payload)) < 0
        elif kind == session.RESET:
            submit_rst_stream(self.session, 0, payload, CANCEL)
        else:
            submit_response(self.session, payload, RESPONSE, len(RESPONSE), None)
            written = self.flush()
            if kind == session.RESPOND_AND_RESET:
                submit_rst_stream(self.session, 0, payload, NO_ERROR)
        written += self.flush()
        is_over = failed or not (want_read(self.session) or want_write(self.session))
        return is_over, written, list(GIVEN)

    def close(self):
        session_del(self.session)


if __name__ == "__main__":
    session.serve(Connection)
