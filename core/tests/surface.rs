//! What people see and read: values, their texts, and that `Debug` shows nobody's secrets.
#![cfg(all(feature = "std", feature = "prost"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use core::time::Duration;
use std::error::Error as _;
use std::sync::Arc;

use bytes::Bytes;
use sailplane::call::{InvalidMetadata, InvalidPath, Phase};
use sailplane::channel::Target;
use sailplane::error::{ErrorCode, Misuse};
use sailplane::stub::{Codec, MethodKind};
use sailplane::wire::{CLIENT_PREFACE, FrameReader, StreamId, send};
use sailplane::{CancelToken, Code, Instant, Metadata, Method, Origin, Path, Result, Status, Value};

#[test]
fn codes_have_the_numbers_and_names_of_the_grpc_document() {
    let table = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    for (number, name) in (0..).zip(table) {
        let code = Code::from_number(number).unwrap();
        assert_eq!((u32::from(code.number()), code.name()), (number, name));
        assert_eq!(code.to_string(), name);
    }
    assert_eq!(Code::from_number(17), None);
    assert_eq!(Code::from_number(u32::MAX), None);
}

#[test]
fn each_constructor_of_a_status_makes_its_code() {
    let made = [
        Status::cancelled("m"),
        Status::unknown("m"),
        Status::invalid_argument("m"),
        Status::deadline_exceeded("m"),
        Status::not_found("m"),
        Status::already_exists("m"),
        Status::permission_denied("m"),
        Status::resource_exhausted("m"),
        Status::failed_precondition("m"),
        Status::aborted("m"),
        Status::out_of_range("m"),
        Status::unimplemented("m"),
        Status::internal("m"),
        Status::unavailable("m"),
        Status::data_loss("m"),
        Status::unauthenticated("m"),
    ];
    for (number, status) in (1..).zip(made) {
        assert_eq!(Some(status.code()), Code::from_number(number));
        assert_eq!((status.message(), status.origin()), ("m", Origin::Local));
        assert!(status.may_have_run());
    }
    // A failure is never OK.
    assert_eq!(Status::new(Code::Ok, "").code(), Code::Unknown);
}

#[test]
fn a_status_says_what_happened_in_one_line_and_its_causes_on_request() {
    let cause = std::io::Error::other("no route");
    let status = Status::transport(Code::Unavailable, Phase::Connect, "cannot connect")
        .with_address("10.0.0.7:443")
        .with_http2_code(ErrorCode::CANCEL)
        .with_details(&b"secret"[..])
        .with_source(Arc::new(cause) as Arc<dyn std::error::Error + Send + Sync>)
        .never_ran()
        .context("greeting");
    assert_eq!(status.to_string(), "UNAVAILABLE: greeting: cannot connect");
    assert_eq!(format!("{status:#}"), "UNAVAILABLE: greeting: cannot connect: no route");
    assert_eq!(status.source().unwrap().to_string(), "no route");
    assert_eq!((status.phase(), status.http2_code()), (Some(Phase::Connect), Some(ErrorCode::CANCEL)));
    assert_eq!((status.address(), status.may_have_run()), (Some("10.0.0.7:443"), false));
    let debug = format!("{status:?}");
    for part in ["Connect", "10.0.0.7:443", "may_have_run: false", "6 bytes", "no route"] {
        assert!(debug.contains(part), "{part} is missing in {debug}");
    }
    assert!(!debug.contains("secret"), "{debug}");
    assert_eq!(Status::not_found("").to_string(), "NOT_FOUND");
}

#[test]
fn debug_shows_names_and_lengths_of_metadata_and_never_values() {
    let mut metadata = Metadata::new();
    metadata.append_sensitive("authorization", "Bearer hunter2").unwrap();
    metadata.append("trace-bin", b"\x01\x02\x03").unwrap();
    let status = Status::internal("x").with_metadata(metadata.clone());
    for text in [format!("{metadata:?}"), format!("{status:?}")] {
        assert!(
            text.contains("authorization: <14 bytes>") && text.contains("trace-bin: <3 bytes>"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert_eq!(format!("{:?}", Value::from("hunter2")), "<7 characters>");
    assert_eq!(format!("{:?}", Value::from(vec![1, 2])), "<2 bytes>");
    assert!(metadata.iter().next().unwrap().is_sensitive());
}

#[test]
fn metadata_keep_order_replace_by_name_and_forget() {
    let mut metadata = Metadata::new();
    assert!(metadata.is_empty());
    metadata.append("x-a", "1").unwrap();
    metadata.append("x-b", String::from("2")).unwrap();
    metadata.append("x-a", "3").unwrap();
    metadata.append("x-bin", &[0_u8, 255]).unwrap();
    metadata.append("y-bin", Bytes::from_static(b"\0")).unwrap();
    metadata.append("z-bin", &b"z"[..]).unwrap();
    let all: Vec<_> = metadata.get_all("X-A").filter_map(|value| value.as_str()).collect();
    assert_eq!((all, metadata.len()), (vec!["1", "3"], 6));
    assert_eq!(metadata.get_bin("x-bin"), Some(&[0, 255][..]));
    assert_eq!((metadata.get("x-bin"), metadata.get_bin("x-a")), (None, None));
    metadata.insert("x-a", "4").unwrap();
    assert_eq!(metadata.get_all("x-a").count(), 1);
    assert!(metadata.remove("x-a") && !metadata.remove("x-a"));
    let mut other = Metadata::new();
    other.extend(&metadata);
    assert_eq!(other, metadata);
    other.clear();
    assert!(other.is_empty() && other != metadata);
}

#[test]
fn metadata_that_cannot_be_sent_are_refused_with_the_reason_and_change_nothing() {
    let mut metadata = Metadata::new();
    metadata.append("x-a", "1").unwrap();
    let rows: [(&str, Value, InvalidMetadata, &str); 6] = [
        ("x a", "v".into(), InvalidMetadata::Name, "is made of"),
        ("te", "v".into(), InvalidMetadata::ReservedName, "reserved"),
        ("grpc-status", "0".into(), InvalidMetadata::ReservedName, "reserved"),
        ("x-a", "a\nb".into(), InvalidMetadata::AsciiValue, "printable ASCII"),
        ("x-a-bin", "text".into(), InvalidMetadata::ValueKind, "-bin"),
        ("x-a", Value::from(&b"octets"[..]), InvalidMetadata::ValueKind, "-bin"),
    ];
    for (name, value, expected, text) in rows {
        let error = metadata.insert(name, value).unwrap_err();
        assert_eq!(error, expected, "{name}");
        assert!(error.to_string().contains(text), "{error}");
    }
    assert_eq!(metadata.append("x".repeat(70_000), "1"), Err(InvalidMetadata::Name));
    assert!(InvalidMetadata::TooLarge.to_string().contains("too large"));
    assert_eq!((metadata.len(), metadata.get("x-a")), (1, Some("1")));
}

#[test]
fn a_path_is_split_at_its_last_slash() {
    let path = Path::new(Bytes::from_static(b"/pkg.Greeter/SayHello")).unwrap();
    assert_eq!((path.service(), path.method()), ("pkg.Greeter", "SayHello"));
    assert_eq!(
        (path.to_string(), format!("{path:?}")),
        ("/pkg.Greeter/SayHello".into(), "\"/pkg.Greeter/SayHello\"".into())
    );
    assert_eq!(Path::new(Bytes::from_static(b"pkg/x")), Err(InvalidPath));
    assert!(InvalidPath.to_string().contains("/service/method"));
}

/// Numbers as one octet.
struct Octet;

impl Codec<u8> for Octet {
    fn encode(message: &u8) -> Bytes {
        Bytes::copy_from_slice(&[*message])
    }

    fn decode(bytes: Bytes) -> Result<u8> {
        match *bytes {
            [octet] => Ok(octet),
            _ => Err(Status::internal("not one octet")),
        }
    }
}

#[test]
fn a_method_takes_any_codec_and_knows_its_kind() {
    const UNARY: Method<u8, u8> = Method::unary_with::<Octet>("/p.S/U");
    let methods = [
        (UNARY, MethodKind::Unary),
        (Method::server_streaming_with::<Octet>("/p.S/U"), MethodKind::ServerStreaming),
        (Method::client_streaming_with::<Octet>("/p.S/U"), MethodKind::ClientStreaming),
        (Method::bidi_with::<Octet>("/p.S/U"), MethodKind::Bidi),
    ];
    for (method, kind) in methods {
        assert_eq!((method.path(), method.kind()), ("/p.S/U", kind));
        assert_eq!(method.decode(method.encode_reply(&7)).unwrap(), 7);
        assert_eq!(method.decode_request(method.encode(&9)).unwrap(), 9);
        assert_eq!(method.decode(Bytes::new()).unwrap_err().code(), Code::Internal);
        assert_eq!(format!("{method:?}"), format!("{:?}", method.info()));
    }
}

#[test]
fn instants_of_the_process_have_one_origin_and_saturate() {
    let std = std::time::Instant::now();
    let (now, later) = (Instant::from(std), Instant::from(std + Duration::from_secs(5)));
    assert_eq!(later, now.saturating_add(Duration::from_secs(5)));
    let before = Instant::from(std - Duration::from_millis(1));
    assert!(before < now);
    assert_eq!(now.saturating_add(Duration::MAX), Instant::MAX);
    assert_eq!(format!("{:?}", Instant::from_nanos(1_500_000_000)), "1.5s");
}

#[test]
fn a_token_cancels_once_for_all_clones_and_a_guard_when_it_is_dropped() {
    let token = CancelToken::new();
    let clone = token.clone();
    assert!(format!("{token:?}").contains("cancelled: false"));
    drop(token.drop_guard());
    assert!(clone.is_cancelled());
    assert!(format!("{clone:?}").contains("cancelled: true"));
}

#[test]
fn a_target_that_cannot_be_used_says_which_and_why() {
    let target: Target = String::from("localhost:50051").try_into().unwrap();
    assert_eq!((target.to_string(), &**target.as_str()), ("localhost:50051".into(), "localhost:50051"));
    assert_eq!(target.authority(), "localhost:50051");
    let error = "localhost:99999".parse::<Target>().unwrap_err().to_string();
    assert!(error.starts_with("invalid target `localhost:99999`: "), "{error}");
}

#[test]
fn every_misuse_has_a_text() {
    use Misuse::{Ended, HeadersSent, MessageTooLarge, SendingFinished, UnknownCall, WrongRole};
    let all = [UnknownCall, WrongRole, SendingFinished, HeadersSent, Ended, MessageTooLarge];
    let texts: std::collections::BTreeSet<_> = all.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), all.len());
}

#[test]
fn frames_are_shown_without_what_they_carry() {
    let mut wire = CLIENT_PREFACE.to_vec();
    let one = StreamId::new(1);
    send::settings(&mut wire, &[(4, 9)]);
    send::settings_ack(&mut wire);
    send::headers(&mut wire, one, b"hunter2", false, 16_384);
    send::data_header(&mut wire, one, 7, true);
    wire.extend_from_slice(b"hunter2");
    send::window_update(&mut wire, one, 5);
    // RST_STREAM, PING, GOAWAY, PRIORITY and an unknown frame, octet by octet (RFC 9113 §6).
    wire.extend_from_slice(&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8]);
    wire.extend_from_slice(&[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
    wire.extend_from_slice(&[0, 0, 9, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, b'x']);
    wire.extend_from_slice(&[0, 0, 5, 2, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0]);
    wire.extend_from_slice(&[0, 0, 0, 99, 0, 0, 0, 0, 1]);
    let (mut reader, mut input, mut shown) = (FrameReader::new(true), &wire[..], String::new());
    while let Ok(Some(frame)) = reader.read(&mut input) {
        shown += &format!("{frame:?}\n");
    }
    let names = [
        "Settings",
        "SettingsAck",
        "Headers",
        "DataHead",
        "DataPiece",
        "DataEnd",
        "WindowUpdate",
        "RstStream",
        "Ping",
        "GoAway",
        "Priority",
        "Unknown",
    ];
    for name in names {
        assert!(shown.lines().any(|line| line.starts_with(name)), "{name} is missing in\n{shown}");
    }
    assert!(shown.contains("7 octets") && !shown.contains("hunter2"), "{shown}");
}
