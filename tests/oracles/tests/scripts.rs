//! Scripts of connections against other implementations of RFC 9113, in both roles.
#![forbid(unsafe_code)]

use sailplane_oracles::differences::{Difference, differs};
use sailplane_oracles::python::Python;
use sailplane_oracles::script::compare::check;
use sailplane_oracles::script::peers::Peer;

const TWO_FAULTS: &str = "RFC 9113 §5.4.1: two faults in one; a GOAWAY has room for one code";
const SIZE: &str =
    "RFC 9113 §4.2: a frame above SETTINGS_MAX_FRAME_SIZE is a FRAME_SIZE_ERROR, also in a header block";
const LONG_BLOCK: &str =
    "RFC 9113 §10.5.1: a limit on header blocks is an endpoint's own, and so is how it ends";
const NO_PRIORITIES: &str =
    "RFC 9113 §5.3.2: the priorities of RFC 7540 are deprecated, and so is the fault of depending on itself";
const PRIORITY_SIZE: &str =
    "RFC 9113 §6.3: a length other than 5 MUST be treated as a stream error of type FRAME_SIZE_ERROR";
const PUSH: &str = "RFC 9113 §8.4: PUSH_PROMISE is a connection error of type PROTOCOL_ERROR for a server, and for a client without push";
const PADDING: &str = "RFC 9113 §4.2, §6.1: no room for the length of the padding is FRAME_SIZE_ERROR, too much padding PROTOCOL_ERROR";
const MALFORMED: &str = "RFC 9113 §8.1.1: a malformed message is a stream error of type PROTOCOL_ERROR";
const OVERFLOW: &str =
    "RFC 9113 §6.9: what exceeds a stream's window is a stream error of type FLOW_CONTROL_ERROR";
const OVERFLOW_CODE: &str = "RFC 9113 §6.9.1: a connection window that overflows is a FLOW_CONTROL_ERROR";
const INTERIM_ONLY: &str = "RFC 9113 §8.1: DATA before the final HEADERS is malformed, also if it is empty";
const GRPC_MESSAGE: &str = "PROTOCOL-HTTP2.md, Length-Prefixed-Message: what is no message ends its call";
const LENGTH: &str = "RFC 9113 §8.1.1: a content-length that differs from the sum is malformed, which the end of the stream shows";
const NOT_GRPC: &str = "PROTOCOL-HTTP2.md, Response-Headers: without content-type application/grpc it is no response, and its end says so";
const INTERIM: &str = "RFC 9110 §8.6, §15.2: a server must not send content-length with 1xx; a client may ignore the whole of it";
const BY_DECODER: &str =
    "RFC 7541 §2.2: every header block is decoded first, so that a fault of HPACK comes first";
const CHARACTERS: &str = "RFC 9113 §8.2.1: the minimal validation of fields; more is RFC 9110's and no must";
const AUTHORITY: &str = "RFC 9113 §8.3.1: :authority is no mandatory pseudo-header field";
const HOST: &str = "RFC 9113 §8.3.1: a Host that differs from :authority SHOULD be treated as malformed";
const GRPC_REQUEST: &str = "PROTOCOL-HTTP2.md, Requests: what is no gRPC request is answered, not handed on";
const IN_ORDER: &str = "RFC 9113 §6.5.3: values are processed in order, and each must be valid";
const WINDOWS: &str = "RFC 9113 §6.9.2: an initial window that overflows a stream's is a connection error of type FLOW_CONTROL_ERROR";
const GONE: &str = "RFC 9113 §6.9.2: a stream that was reset has no window any more";
const STRAY_ACK: &str = "RFC 9113 §6.5.3: nothing is said of an ACK that answers nothing";
const ZERO: &str =
    "RFC 9113 §6.9: an increment of 0 on a stream MUST be treated as a stream error of type PROTOCOL_ERROR";
const NO_STREAM: &str = "RFC 9113 §6.4: a stream that was reset needs no second RST_STREAM";
const LAST_STREAM: &str = "RFC 9113 §6.8: nothing is said of a last identifier of the other side's streams";
const HALF_CLOSED: &str =
    "RFC 9113 §5.1: a frame on a half-closed (remote) stream MUST be a stream error of type STREAM_CLOSED";
const LATE: &str =
    "RFC 9113 §5.1: what may have been on its way when a stream was closed is ignored, for a while";
const SKIPPED: &str =
    "RFC 9113 §5.1.1: an unexpected stream identifier MUST be a connection error of type PROTOCOL_ERROR";

#[rustfmt::skip]
const NGHTTP2: &[Difference] = &[
    differs("*, before SETTINGS on *: ours GOAWAY *, theirs GOAWAY *", TWO_FAULTS),
    differs("*, of a wrong length on *: ours GOAWAY *, theirs GOAWAY *", TWO_FAULTS),
    differs("*: part of a frame: ours GOAWAY *, theirs GOAWAY *", TWO_FAULTS),
    differs("*, unfinished on *: ours GOAWAY *, theirs GOAWAY *", TWO_FAULTS),
    differs("*: SETTINGS on stream 0: ours GOAWAY *, theirs GOAWAY *", TWO_FAULTS),
    differs("*: HEADERS* on *: ours GOAWAY COMPRESSION_ERROR, theirs GOAWAY *", BY_DECODER),
    differs("*, unfinished on *: ours GOAWAY FRAME_SIZE_ERROR, theirs ignores", SIZE),
    differs("*, unfinished on *: ours GOAWAY ENHANCE_YOUR_CALM, theirs closes", LONG_BLOCK),
    differs("*, depending on itself on *: ours *, theirs *", NO_PRIORITIES),
    differs("*: PRIORITY, of a wrong length on *: ours RST FRAME_SIZE_ERROR, theirs GOAWAY FRAME_SIZE_ERROR", PRIORITY_SIZE),
    differs("*: PUSH_PROMISE on *: ours GOAWAY PROTOCOL_ERROR, theirs GOAWAY FRAME_SIZE_ERROR", PUSH),
    differs("*, too short for its padding and priority on *: ours GOAWAY *, theirs GOAWAY *", PADDING),
    differs("*, too short for its padding and priority on a stream reset by *: ours GOAWAY *, theirs ignores", PADDING),
    differs("Client*: DATA* on a half-closed (local) stream: ours RST PROTOCOL_ERROR, theirs GOAWAY PROTOCOL_ERROR", MALFORMED),
    differs("Client*: DATA* on a half-closed (local) stream: ours RST FLOW_CONTROL_ERROR, theirs GOAWAY PROTOCOL_ERROR", OVERFLOW),
    differs("Client*: DATA on a half-closed (local) stream: ours RST PROTOCOL_ERROR, theirs ignores", INTERIM_ONLY),
    differs("Client*: DATA* on a half-closed (local) stream: ours RST CANCEL, theirs *", GRPC_MESSAGE),
    differs("Server*: * on an open stream: ours answers, theirs *", GRPC_MESSAGE),
    differs("*: DATA on *: ours ignores, theirs RST PROTOCOL_ERROR", LENGTH),
    differs("Client*: HEADERS* on a half-closed (local) stream: ours ignores, theirs headers", NOT_GRPC),
    differs("Client*: HEADERS* on a half-closed (local) stream: ours ignores, theirs RST PROTOCOL_ERROR", INTERIM),
    differs("Client*: HEADERS* on a half-closed (local) stream: ours headers + end, theirs RST PROTOCOL_ERROR", CHARACTERS),
    differs("Server*: HEADERS* on an idle stream: ours headers, theirs RST PROTOCOL_ERROR", CHARACTERS),
    differs("Server*: HEADERS, ending the stream on an open stream: ours end, theirs closes", CHARACTERS),
    differs("Server*: HEADERS* on an idle stream: ours headers* + no authority, theirs RST PROTOCOL_ERROR", AUTHORITY),
    differs("Server*: HEADERS* on an idle stream: ours RST PROTOCOL_ERROR, theirs headers* + another host", HOST),
    differs("Server*: HEADERS* on an idle stream: ours answers, theirs *", GRPC_REQUEST),
    differs("*: SETTINGS on stream 0: ours GOAWAY FLOW_CONTROL_ERROR, theirs acknowledges", IN_ORDER),
    differs("*: SETTINGS on stream 0: ours GOAWAY PROTOCOL_ERROR, theirs acknowledges", IN_ORDER),
    differs("*: SETTINGS on stream 0: ours GOAWAY FLOW_CONTROL_ERROR, theirs RST FLOW_CONTROL_ERROR elsewhere*", WINDOWS),
    differs("*: SETTINGS on stream 0: ours acknowledges, theirs RST FLOW_CONTROL_ERROR elsewhere*", GONE),
    differs("*: SETTINGS, acknowledging on stream 0: ours ignores, theirs GOAWAY PROTOCOL_ERROR", STRAY_ACK),
    differs("*: WINDOW_UPDATE, of 0 on *: ours RST PROTOCOL_ERROR, theirs GOAWAY PROTOCOL_ERROR", ZERO),
    differs("*: the application resets: ours ignores, theirs RST CANCEL", NO_STREAM),
    differs("*: GOAWAY on stream 0: ours ignores, theirs GOAWAY PROTOCOL_ERROR", LAST_STREAM),
    differs("Server*: * on a half-closed (remote) stream: ours RST STREAM_CLOSED, theirs GOAWAY STREAM_CLOSED", HALF_CLOSED),
    differs("Server*: * on a stream reset by *: ours ignores, theirs GOAWAY STREAM_CLOSED", LATE),
    differs("Server*: HEADERS* on a stream reset by us: ours GOAWAY *, theirs *", LATE),
    differs("Server*: HEADERS* on a half-closed (local) stream: ours GOAWAY STREAM_CLOSED, theirs ignores", LATE),
    differs("Server*: HEADERS* on an ended stream: ours ignores, theirs GOAWAY STREAM_CLOSED", LATE),
    differs("Server*: HEADERS* on a skipped stream: ours GOAWAY PROTOCOL_ERROR, theirs ignores", SKIPPED),
];

const ANOTHER_SCOPE: &str = "RFC 9113 §5.4.1: what is a stream error here, a connection may end with there";
const AFTER_GOAWAY: &str = "RFC 9113 §6.8: streams up to the last identifier go on after a GOAWAY";
const UNFIT: &str =
    "RFC 9113 §3.4: SETTINGS come first, else it is a connection error of type PROTOCOL_ERROR";
const ALTSVC: &str = "RFC 9113 §5.5: unknown types are ignored; theirs knows ALTSVC (RFC 7838) and judges it";
const NO_PUSH: &str = "RFC 9113 §8.4: PUSH_PROMISE is a connection error, whatever is wrong with it";
const ALL_PADDING: &str = "RFC 9113 §6.2: padding may be all that HEADERS carry, where CONTINUATION follows";
const IDLE: &str =
    "RFC 9113 §6.4: RST_STREAM on an idle stream MUST be a connection error of type PROTOCOL_ERROR";
const EARLY: &str = "RFC 9113 §4.2: the header of a frame that is too large says so before its payload comes";
const SUM: &str = "RFC 9113 §8.1.1: a content-length that differs from the sum is malformed, also if trailers end the message";

#[rustfmt::skip]
const PYTHON_H2: &[Difference] = &[
    differs("* after GOAWAY: *", AFTER_GOAWAY),
    differs("*, before SETTINGS on *: ours GOAWAY *, theirs *", UNFIT),
    differs("*: SETTINGS, acknowledging on stream 0: ours GOAWAY PROTOCOL_ERROR, theirs ignores", UNFIT),
    differs("*, of a wrong length on *: ours GOAWAY *, theirs GOAWAY *", TWO_FAULTS),
    differs("*, unfinished on *: ours GOAWAY *, theirs GOAWAY *", TWO_FAULTS),
    differs("*, after nothing on *: ours GOAWAY *, theirs GOAWAY *", TWO_FAULTS),
    differs("*: SETTINGS on stream 0: ours GOAWAY *, theirs GOAWAY *", TWO_FAULTS),
    differs("*: PUSH_PROMISE on *: ours GOAWAY PROTOCOL_ERROR, theirs *", NO_PUSH),
    differs("*: HEADERS* on *: ours GOAWAY COMPRESSION_ERROR, theirs GOAWAY PROTOCOL_ERROR", BY_DECODER),
    differs("*, depending on itself on *: ours *, theirs *", NO_PRIORITIES),
    differs("*: *: ours RST PROTOCOL_ERROR, theirs GOAWAY PROTOCOL_ERROR", ANOTHER_SCOPE),
    differs("*: PRIORITY, of a wrong length on *: ours RST FRAME_SIZE_ERROR, theirs GOAWAY FRAME_SIZE_ERROR", ANOTHER_SCOPE),
    differs("*: DATA* on *: ours RST FLOW_CONTROL_ERROR, theirs GOAWAY *", ANOTHER_SCOPE),
    differs("*: WINDOW_UPDATE on *: ours RST FLOW_CONTROL_ERROR, theirs GOAWAY PROTOCOL_ERROR", ANOTHER_SCOPE),
    differs("*: WINDOW_UPDATE on stream 0: ours GOAWAY FLOW_CONTROL_ERROR, theirs GOAWAY PROTOCOL_ERROR", OVERFLOW_CODE),
    differs("Client: DATA* on *: ours RST CANCEL, theirs *", GRPC_MESSAGE),
    differs("Server: * on an open stream: ours answers, theirs *", GRPC_MESSAGE),
    differs("*: DATA on *: ours ignores, theirs GOAWAY PROTOCOL_ERROR", LENGTH),
    differs("Server: HEADERS, ending the stream on an open stream: ours RST PROTOCOL_ERROR, theirs end", SUM),
    differs("Client: HEADERS* on a half-closed (local) stream: ours ignores, theirs headers", NOT_GRPC),
    differs("Client: HEADERS* on a half-closed (local) stream: ours ignores, theirs GOAWAY PROTOCOL_ERROR", INTERIM),
    differs("Server: HEADERS* on an idle stream: ours headers* + no authority, theirs GOAWAY PROTOCOL_ERROR", AUTHORITY),
    differs("Server: HEADERS* on an idle stream: ours answers, theirs *", GRPC_REQUEST),
    differs("*: HEADERS* on *: ours *end, theirs GOAWAY PROTOCOL_ERROR", CHARACTERS),
    differs("*: HEADERS, unfinished on *: ours headers, theirs GOAWAY PROTOCOL_ERROR", ALL_PADDING),
    differs("*: HEADERS* on *: ours headers, theirs GOAWAY PROTOCOL_ERROR", CHARACTERS),
    differs("*: SETTINGS on stream 0: ours GOAWAY *, theirs acknowledges", IN_ORDER),
    differs("*: WINDOW_UPDATE, of 0 on *: ours ignores, theirs GOAWAY PROTOCOL_ERROR", LATE),
    differs("*: * on a * stream: ours ignores, theirs RST STREAM_CLOSED", LATE),
    differs("*: * on a stream reset by *: ours ignores, theirs *", LATE),
    differs("*: * on an ended stream: ours ignores, theirs *", LATE),
    differs("*: HEADERS* on a skipped stream: ours ignores, theirs GOAWAY PROTOCOL_ERROR", LATE),
    differs("*: RST_STREAM on an * stream: ours GOAWAY PROTOCOL_ERROR, theirs ignores", IDLE),
    differs("*: part of a frame: ours GOAWAY *, theirs *", EARLY),
    differs("*, unfinished on *: ours GOAWAY FRAME_SIZE_ERROR, theirs ignores", EARLY),
    differs("*: unknown type on *: ours ignores, theirs GOAWAY FRAME_SIZE_ERROR", ALTSVC),
];

#[test]
fn nghttp2() {
    check(&mut Peer::nghttp2(&Python::with_nghttp2(env!("CARGO_TARGET_TMPDIR"))), 20_000, NGHTTP2);
}

#[test]
fn h2_in_python() {
    check(&mut Peer::h2(&Python::set_up(env!("CARGO_TARGET_TMPDIR"))), 5_000, PYTHON_H2);
}
