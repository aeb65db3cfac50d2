//! Metadata and statuses over the wire: what is accepted arrives as it was.

use bytes::{Buf, Bytes};
use sailplane::call::{InvalidMetadata, RequestHead};
use sailplane::{Code, Config, Connection, Event, Instant, Metadata, Path, Start, Status, Transmit};

use crate::Input;

const NAMES: [&str; 12] = [
    "x",
    "x-bin",
    "X-Upper",
    "a_b.c-d",
    "grpc-status",
    "TE",
    "content-type",
    "host",
    "connection-id",
    "x-BIN",
    "authorization",
    "",
];

/// Metadata of a request, a response and its trailers, and a status, from one connection to the other.
pub fn metadata(data: &[u8]) {
    let mut input = Input::new(data);
    let (request, initial, trailers) = (list(&mut input), list(&mut input), list(&mut input));
    let code = Code::from_number(u32::from(input.byte() % 17)).unwrap_or(Code::Unknown);
    let details = input.chunk();
    let message = String::from_utf8_lossy(input.rest()).into_owned();
    let sent = match code {
        Code::Ok => Ok(()),
        _ => Err(Status::new(code, message.clone()).with_details(Bytes::copy_from_slice(details))),
    };

    let now = Instant::from_nanos(1);
    let config = Config::default();
    let (mut client, mut server) = (Connection::client(now, &config), Connection::server(now, &config));
    let mut head = RequestHead::new(Path::from_static("/a/B"), Bytes::from_static(b"localhost"));
    head.metadata = request.clone();
    let start = Start { head, message: None, finished: true };
    let call = client.start_call(now, start).expect("there is room");
    carry(now, &mut client, &mut server);
    let Some(Event::Call(accepted)) = next(&mut server, |event| matches!(event, Event::Call(_))) else {
        panic!("the call was not told");
    };
    let head = server.take_request(accepted).expect("the head is there");
    assert_same(&head.metadata, &request);

    server.send_headers(accepted, initial.clone()).expect("nothing was sent");
    server.respond(accepted, None, trailers.clone(), sent.clone()).expect("nothing was answered");
    carry(now, &mut server, &mut client);
    let outcome = client.take_outcome(call).expect("it has ended");
    // PROTOCOL-HTTP2.md, "Trailers-Only": a response without a head.
    let head = client.take_response(call).map(|head| head.metadata);
    assert_same(&head.unwrap_or_default(), &initial);
    assert_same(&outcome.trailers, &trailers);
    match (sent, outcome.status) {
        (Ok(()), Ok(())) => {}
        (Err(sent), Err(status)) => {
            assert_eq!(status.code(), sent.code());
            assert_eq!(status.message(), message);
            assert_eq!(&status.details()[..], details);
        }
        (sent, got) => panic!("{sent:?} became {got:?}"),
    }
}

/// Up to a few fields; what is refused is refused for what its grammar says.
fn list(input: &mut Input<'_>) -> Metadata {
    let mut metadata = Metadata::new();
    for _ in 0..input.below(6) {
        let known = input.pick(&NAMES);
        let own = String::from_utf8_lossy(input.take(if known.is_empty() { 12 } else { 0 })).into_owned();
        let name = if known.is_empty() { &own } else { known };
        let value = input.chunk();
        let result = if input.one_in(2) {
            let text = String::from_utf8_lossy(value);
            let result = metadata.append(name, &*text);
            assert_eq!(result, expected(name, text.as_bytes(), false));
            result
        } else {
            let result = metadata.append_sensitive(name, value);
            assert_eq!(result, expected(name, value, true));
            result
        };
        if result.is_ok() {
            assert!(metadata.get_all(name).any(|field| field.as_bytes() == value || !value.is_ascii()));
        }
    }
    metadata
}

/// PROTOCOL-HTTP2.md, "Custom-Metadata", without spaces at the edges of text.
fn expected(name: &str, value: &[u8], binary: bool) -> Result<(), InvalidMetadata> {
    let lower = name.to_ascii_lowercase();
    let reserved = [
        "te",
        "content-type",
        "content-length",
        "user-agent",
        "host",
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    ];
    if name.is_empty() || !name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"_-.".contains(&octet))
    {
        Err(InvalidMetadata::Name)
    } else if reserved.contains(&&*lower) || lower.starts_with("grpc-") {
        Err(InvalidMetadata::ReservedName)
    } else if lower.ends_with("-bin") != binary {
        Err(InvalidMetadata::ValueKind)
    } else if !binary
        && (!value.iter().all(|octet| (0x20..=0x7e).contains(octet))
            || value.first() == Some(&b' ')
            || value.last() == Some(&b' '))
    {
        Err(InvalidMetadata::AsciiValue)
    } else {
        Ok(())
    }
}

/// Names and values. Which of them are secrets the receiver decides for itself.
pub(crate) fn assert_same(got: &Metadata, sent: &Metadata) {
    let fields = |metadata: &Metadata| -> Vec<_> {
        metadata.iter().map(|field| (field.name().to_owned(), field.as_bytes().to_vec())).collect()
    };
    assert_eq!(fields(got), fields(sent));
}

fn carry(now: Instant, from: &mut Connection, to: &mut Connection) {
    let mut transmit = Transmit::new();
    while from.poll_transmit(now, &mut transmit) {
        let mut bytes = transmit.copy_to_bytes(transmit.len()).to_vec();
        to.handle_received(now, &mut bytes);
    }
}

fn next(connection: &mut Connection, wanted: impl Fn(&Event) -> bool) -> Option<Event> {
    core::iter::from_fn(|| connection.poll_event()).find(wanted)
}
