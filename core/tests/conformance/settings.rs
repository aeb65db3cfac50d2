//! SETTINGS that change while calls run (RFC 9113 §6.5).

use crate::support::actors::{Plan, body};
use crate::support::wire::{OK, Peer, RESPONSE, Sent, parse};
use crate::support::world::World;
use crate::support::{Pair, streaming, unary};
use bytes::Bytes;
use sailplane::{Connection, Event, Limits, Metadata, RefusedReason, Status};

const HEADER_TABLE_SIZE: u16 = 1;
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;

/// A client whose server is written by hand.
struct Client {
    pair: Pair,
    peer: Peer,
}

impl Client {
    fn new(settings: &[(u16, u32)]) -> Self {
        let mut client = Self { pair: Pair::new(), peer: Peer::silent() };
        client.pair.client.drain(client.pair.now);
        client.peer.settings(settings).settings_ack();
        client.deliver();
        client
    }

    fn deliver(&mut self) {
        let bytes = self.peer.take();
        self.pair.client.receive(self.pair.now, &bytes);
        self.pair.client.drain(self.pair.now);
    }

    fn wrote(&self) -> Vec<Sent> {
        parse(true, &self.pair.client.written)
    }

    fn connection(&mut self) -> &mut Connection {
        &mut self.pair.client.connection
    }
}

#[test]
fn room_follows_max_concurrent_streams() {
    let mut client = Client::new(&[(MAX_CONCURRENT_STREAMS, 1)]);
    let call = client.pair.start(unary("a"));
    assert_eq!(client.connection().room(), 0);
    let now = client.pair.now;
    let refused = client.connection().start_call(now, unary("b")).unwrap_err();
    assert_eq!(refused.reason, RefusedReason::NoRoom);
    client.peer.settings(&[(MAX_CONCURRENT_STREAMS, 2)]);
    client.deliver();
    assert!(client.pair.client.take_events().contains(&Event::Room));
    client.pair.start(refused.start);
    client.peer.settings(&[(MAX_CONCURRENT_STREAMS, 0)]);
    client.deliver();
    assert_eq!(client.connection().has_ended(call), Some(false), "calls that run go on");
    assert_eq!(client.connection().start_call(now, unary("c")).unwrap_err().reason, RefusedReason::NoRoom);
    client.peer.settings(&[(MAX_CONCURRENT_STREAMS, u32::MAX)]);
    client.deliver();
    assert_eq!(client.pair.client.take_events(), [Event::Room]);
}

/// RFC 9113 §5.1.2: "Endpoints MUST NOT exceed the limit set by their peer." A call that was started and is not
/// written when the limit falls waits for its turn.
#[test]
fn no_stream_is_opened_above_a_limit_that_fell() {
    let mut client = Client::new(&[(MAX_CONCURRENT_STREAMS, 10)]);
    let calls: Vec<_> = (0..4).map(|_| client.pair.start(streaming())).collect();
    client.peer.settings(&[(MAX_CONCURRENT_STREAMS, 2)]);
    client.deliver();
    let opened = |client: &Client| -> Vec<u32> {
        let heads = client.wrote().into_iter().filter_map(|frame| match frame {
            Sent::Headers { stream, .. } => Some(stream),
            _ => None,
        });
        heads.collect()
    };
    assert_eq!(opened(&client), [1, 3]);
    // One that waits may end meanwhile, and takes nobody's turn.
    client.connection().cancel(calls[2], Status::cancelled("enough")).unwrap();
    client.connection().cancel(calls[0], Status::cancelled("enough")).unwrap();
    client.deliver();
    assert_eq!(opened(&client), [1, 3, 5]);
    let now = client.pair.now;
    assert_eq!(client.connection().start_call(now, unary("b")).unwrap_err().reason, RefusedReason::NoRoom);
    client.peer.settings(&[(MAX_CONCURRENT_STREAMS, 3)]);
    client.deliver();
    client.pair.start(unary("c"));
    client.deliver();
    assert_eq!(opened(&client), [1, 3, 5, 7]);
}

#[test]
fn calls_started_before_settings_go_out_at_once() {
    let mut pair = Pair::new();
    let call = pair.start(unary("x"));
    let bytes = pair.client.drain(pair.now);
    pair.server.receive(pair.now, &bytes);
    let wrote = parse(true, &bytes);
    assert!(wrote.iter().any(|frame| matches!(frame, Sent::Headers { stream: 1, .. })));
    let served = pair.accepted();
    pair.respond(served, "y", Ok(()));
    assert!(pair.outcome(call).status.is_ok());
}

#[test]
fn frames_follow_max_frame_size() {
    let mut client = Client::new(&[(MAX_FRAME_SIZE, 20_000), (INITIAL_WINDOW_SIZE, 1_000_000)]);
    let call = client.pair.start(streaming());
    client.connection().send_message(call, body(0, 50_000)).unwrap();
    client.deliver();
    let sizes = |client: &Client| -> Vec<u32> {
        let data = client.wrote().into_iter().filter_map(|frame| match frame {
            Sent::Data { octets, .. } => Some(octets),
            _ => None,
        });
        data.collect()
    };
    assert_eq!(sizes(&client), [20_000, 20_000, 10_005]);
    client.peer.settings(&[(MAX_FRAME_SIZE, 16_384)]).window_update(0, 100_000);
    client.deliver();
    client.connection().send_message(call, body(0, 20_000)).unwrap();
    client.deliver();
    assert_eq!(sizes(&client)[3..], [16_384, 3_621]);
}

#[test]
fn no_window_holds_back_head_and_end() {
    let mut client = Client::new(&[(INITIAL_WINDOW_SIZE, 0)]);
    let call = client.pair.start(streaming());
    client.connection().finish_sending(call).unwrap();
    client.deliver();
    assert!(client.wrote().contains(&Sent::Data { stream: 1, octets: 0, end: true }));
}

/// RFC 7541 §4.2: the size of the table follows the setting, down to nothing and up again.
#[test]
fn header_tables_follow_header_table_size() {
    let mut client = Client::new(&[]);
    for (round, size) in [4096, 0, 0, 100, 4096, u32::MAX, 0, 4096].into_iter().enumerate() {
        client.peer.settings(&[(HEADER_TABLE_SIZE, size)]);
        client.deliver();
        let mut start = unary("x");
        start.head.user_agent = Bytes::from(format!("round {round}"));
        client.pair.start(start);
        client.deliver();
    }
    let agents: Vec<_> = client
        .wrote()
        .into_iter()
        .filter_map(|frame| match frame {
            Sent::Headers { fields, .. } => {
                fields.into_iter().find(|(name, _)| name == "user-agent").map(|(_, value)| value)
            }
            _ => None,
        })
        .collect();
    assert_eq!(agents, (0..8).map(|round| format!("round {round}")).collect::<Vec<_>>());
}

#[test]
fn ends_with_any_header_table_size_understand_each_other() {
    for size in [0, 1, 64, 1000, 4096, 100_000] {
        let limits = Limits::default().header_table_bytes(size);
        let plans: Vec<_> = (0..20).map(|_| Plan::new("unary", &[b"x"]).metadata("x-a", "b")).collect();
        let mut world = World::with(&plans, limits.clone(), limits);
        world.settle();
        let first = world.client.calls.len();
        world.client.plans = plans.into_iter().collect();
        let now = world.pair.now;
        world.client.start_calls(&mut world.pair.client, now);
        world.finish();
        assert!(
            world.client.calls.len() > first
                && world.client.calls.iter().all(|seen| seen.status() == Some(Ok(()))),
            "{size}"
        );
    }
}

#[test]
fn a_status_that_the_peer_cannot_take_is_shortened_and_its_code_arrives() {
    for limit in [0, 1, 45, 90, 100, 150, 300, 1000] {
        let mut pair = Pair::with(Limits::default().header_list_bytes_max(16_384), Limits::default());
        pair.server.drain(pair.now);
        let mut peer = Peer::silent();
        peer.bytes.extend_from_slice(sailplane::wire::CLIENT_PREFACE);
        peer.settings(&[(MAX_HEADER_LIST_SIZE, limit)]).settings_ack().request(1);
        pair.server.receive(pair.now, &peer.take());
        pair.server.drain(pair.now);
        let Some(Event::Call(call)) =
            pair.server.take_events().into_iter().find(|event| matches!(event, Event::Call(_)))
        else {
            panic!("a call")
        };
        let status = Status::failed_precondition("长".repeat(200)).with_details(Bytes::from(vec![1; 500]));
        let mut trailers = Metadata::new();
        trailers.append("x-long", "v".repeat(300)).unwrap();
        pair.server.connection.respond(call, None, trailers, Err(status)).unwrap();
        pair.server.drain(pair.now);
        let wrote = parse(false, &pair.server.written);
        let Some(Sent::Headers { fields, .. }) =
            wrote.iter().find(|frame| matches!(frame, Sent::Headers { .. }))
        else {
            panic!("{wrote:?}")
        };
        assert!(fields.contains(&("grpc-status".into(), "9".into())), "{limit}: {fields:?}");
        let size: usize = fields.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
        let least = 32 * 3 + 7 + 3 + 12 + 16 + 11 + 1;
        assert!(size <= (limit as usize).max(least), "{limit}: {size}");
    }
}

#[test]
fn a_head_that_the_peer_would_not_take_is_refused() {
    let mut client = Client::new(&[(MAX_HEADER_LIST_SIZE, 500)]);
    let mut start = unary("x");
    start.head.metadata.append("x-long", "v".repeat(500)).unwrap();
    let now = client.pair.now;
    assert_eq!(client.connection().start_call(now, start).unwrap_err().reason, RefusedReason::HeadTooLarge);
    let call = client.pair.start(unary("x"));
    client.deliver();
    client.peer.headers(1, &RESPONSE, false).message(1, b"y", false).headers(1, &OK, true);
    client.deliver();
    assert!(client.pair.client.connection.take_outcome(call).unwrap().status.is_ok());
}

#[test]
fn a_window_that_nobody_needs_any_more_does_not_overflow() {
    let mut client = Client::new(&[]);
    let call = client.pair.start(streaming());
    client.deliver();
    client.peer.window_update(1, 0x7fff_ffff - 65_535).rst(1, sailplane::error::ErrorCode::CANCEL);
    client.deliver();
    assert_eq!(client.connection().has_ended(call), Some(true));
    client.peer.settings(&[(INITIAL_WINDOW_SIZE, 70_000)]);
    client.deliver();
    let events = client.pair.client.take_events();
    assert!(!events.iter().any(|event| matches!(event, Event::Closed(_))), "{events:?}");
}

#[test]
fn as_many_blocked_calls_are_told_as_fit_together() {
    let mut pair = Pair::with(Limits::default().unsent_bytes_max(20_000), Limits::default());
    let mut client = {
        pair.client.drain(pair.now);
        Client { pair, peer: Peer::silent() }
    };
    client.peer.settings(&[(INITIAL_WINDOW_SIZE, 0)]).settings_ack();
    client.deliver();
    let calls: Vec<_> = (0..4).map(|_| client.pair.start(streaming())).collect();
    let message = Bytes::from(vec![0; 4000]);
    for call in &calls {
        assert_eq!(client.connection().send_message(*call, message.clone()), Ok(()));
    }
    for call in &calls {
        assert!(client.connection().send_message(*call, message.clone()).is_err());
    }
    client.deliver();
    client.pair.client.take_events();
    client.peer.window_update(1, 4005);
    client.deliver();
    assert_eq!(client.pair.client.take_events(), [Event::Writable(calls[0]), Event::Writable(calls[1])]);
}

/// RFC 9113 §6.5.3, RFC 7541 §4.2: a table that one frame lowers and raises again was lowered.
#[test]
fn settings_are_applied_in_their_order() {
    use sailplane::hpack::{DecodeLimits, Decoder, FieldList};
    let mut client = Client::new(&[]);
    client.pair.start(unary("x"));
    client.deliver();
    let before = client.pair.client.written.len();
    client.peer.settings(&[(HEADER_TABLE_SIZE, 0), (HEADER_TABLE_SIZE, 4096)]);
    client.deliver();
    client.pair.start(unary("x"));
    client.deliver();
    let wrote = &client.pair.client.written[before..];
    // An acknowledgement, then HEADERS whose block begins with the lowest size and the last.
    assert_eq!(wrote[..9], [0, 0, 0, 4, 1, 0, 0, 0, 0]);
    let block = &wrote[18..18 + usize::from(wrote[11])];
    assert_eq!(block[..4], [0x20, 0x3f, 0xe1, 0x1f], "{block:x?}");
    // A peer that lowered its table demands it.
    let mut decoder = Decoder::new(4096);
    decoder.set_table_bytes_max(0);
    decoder.set_table_bytes_max(4096);
    let limits = DecodeLimits { header_list_bytes_max: 1 << 14, fields_max: 100, decode_bytes_max: 1 << 16 };
    assert_eq!(decoder.decode(block, &limits, &mut FieldList::new()), Ok(()));

    // RFC 9113 §6.9.2: each value in turn may raise a window too far.
    let mut client = Client::new(&[]);
    client.pair.start(streaming());
    client.deliver();
    client
        .peer
        .window_update(1, 1000)
        .settings(&[(INITIAL_WINDOW_SIZE, 0x7fff_ffff), (INITIAL_WINDOW_SIZE, 0)]);
    client.deliver();
    let code = sailplane::error::ErrorCode::FLOW_CONTROL_ERROR;
    assert!(matches!(client.wrote().last(), Some(Sent::GoAway { code: found, .. }) if *found == code));
}

/// RFC 9113 §6.5: frames of SETTINGS in both roles.
#[test]
fn frames_of_settings() {
    use crate::table::{Row, on_both, on_client, on_server};
    on_both(&[
        Row("empty", "§6.5", |p| p.frame(4, 0, 0, &[]), "SETTINGS ACK"),
        Row("twice", "§6.5.3", |p| p.settings(&[]).settings(&[]), "SETTINGS ACK, SETTINGS ACK"),
        Row("an acknowledgement nobody asked for", "§6.5.3", |p| p.settings_ack(), ""),
        Row("an acknowledgement with a payload", "§6.5", |p| p.frame(4, 1, 0, &[0; 6]), SIZE),
        Row("5 octets", "§6.5", |p| p.frame(4, 0, 0, &[0; 5]), SIZE),
        Row("on a stream", "§6.5", |p| p.frame(4, 0, 1, &[]), PROTOCOL),
        Row("an acknowledgement on a stream", "§6.5", |p| p.frame(4, 1, 1, &[]), PROTOCOL),
        Row(
            "unknown settings",
            "§6.5.2",
            |p| p.settings(&[(0, 1), (7, 2), (0xffff, u32::MAX)]),
            "SETTINGS ACK",
        ),
        Row(
            "the same thrice, the last wins",
            "§6.5.3",
            |p| p.settings(&[(4, 1), (4, 2), (4, 65_535)]),
            "SETTINGS ACK",
        ),
        Row("a bad one behind a good one", "§6.5.2", |p| p.settings(&[(4, 1), (5, 1)]), PROTOCOL),
        Row("a bad one that a good one follows", "§6.5.2", |p| p.settings(&[(5, 1), (5, 16_384)]), PROTOCOL),
        Row("ENABLE_PUSH 0", "§6.5.2", |p| p.settings(&[(2, 0)]), "SETTINGS ACK"),
        Row("ENABLE_PUSH 2", "§6.5.2", |p| p.settings(&[(2, 2)]), PROTOCOL),
        Row("ENABLE_PUSH 2^32-1", "§6.5.2", |p| p.settings(&[(2, u32::MAX)]), PROTOCOL),
        Row("INITIAL_WINDOW_SIZE 2^31-1", "§6.5.2", |p| p.settings(&[(4, 0x7fff_ffff)]), "SETTINGS ACK"),
        Row("INITIAL_WINDOW_SIZE 2^31", "§6.5.2", |p| p.settings(&[(4, 0x8000_0000)]), FLOW),
        Row("INITIAL_WINDOW_SIZE 2^32-1", "§6.5.2", |p| p.settings(&[(4, u32::MAX)]), FLOW),
        Row("MAX_FRAME_SIZE 0", "§6.5.2", |p| p.settings(&[(5, 0)]), PROTOCOL),
        Row("MAX_FRAME_SIZE 16,383", "§6.5.2", |p| p.settings(&[(5, 16_383)]), PROTOCOL),
        Row("MAX_FRAME_SIZE 16,384", "§6.5.2", |p| p.settings(&[(5, 16_384)]), "SETTINGS ACK"),
        Row("MAX_FRAME_SIZE 2^24-1", "§6.5.2", |p| p.settings(&[(5, 0x00ff_ffff)]), "SETTINGS ACK"),
        Row("MAX_FRAME_SIZE 2^24", "§6.5.2", |p| p.settings(&[(5, 0x0100_0000)]), PROTOCOL),
        Row("HEADER_TABLE_SIZE 2^32-1", "§6.5.2", |p| p.settings(&[(1, u32::MAX)]), "SETTINGS ACK"),
        Row("MAX_HEADER_LIST_SIZE 0", "§6.5.2", |p| p.settings(&[(6, 0)]), "SETTINGS ACK"),
        Row("MAX_CONCURRENT_STREAMS 0", "§6.5.2", |p| p.settings(&[(3, 0)]), "SETTINGS ACK"),
        Row("ENABLE_CONNECT_PROTOCOL 1", "RFC 8441 §3", |p| p.settings(&[(8, 1)]), "SETTINGS ACK"),
    ]);
    on_server(&[Row("ENABLE_PUSH 1 of a client", "§6.5.2", |p| p.settings(&[(2, 1)]), "SETTINGS ACK")]);
    on_client(&[Row("ENABLE_PUSH 1 of a server", "§6.5.2", |p| p.settings(&[(2, 1)]), PROTOCOL)]);
}

const SIZE: &str = "GOAWAY 0 FRAME_SIZE_ERROR";
const PROTOCOL: &str = "GOAWAY 0 PROTOCOL_ERROR";
const FLOW: &str = "GOAWAY 0 FLOW_CONTROL_ERROR";

/// RFC 9113 §3.4: what comes first. Each peer is cut off, and the connection is over.
#[test]
fn what_is_no_preface_ends_the_connection() {
    use sailplane::error::ErrorCode;
    let protocol = Some(ErrorCode::PROTOCOL_ERROR);
    let preface = sailplane::wire::CLIENT_PREFACE;
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let changed = |at: usize| {
        let mut bytes = *preface;
        bytes[at] ^= 1;
        [&bytes[..], &settings, &[0; 64]].concat()
    };
    let mut rows: Vec<(String, bool, Vec<u8>, Option<ErrorCode>)> =
        (0..24).map(|at| (format!("changed at {at}"), true, changed(at), protocol)).collect();
    let mut row = |name: &str, is_server, parts: &[&[u8]], code| {
        rows.push((name.to_owned(), is_server, parts.concat(), code));
    };
    row("sound", true, &[preface, &settings], None);
    row("PING first", true, &[preface, &[0, 0, 8, 6, 0, 0, 0, 0, 0], &[0; 64]], protocol);
    row("an acknowledgement first", true, &[preface, &[0, 0, 0, 4, 1, 0, 0, 0, 0], &[0; 64]], protocol);
    row("HEADERS first", true, &[preface, &[0, 0, 0, 1, 4, 0, 0, 0, 1], &[0; 64]], protocol);
    row("no preface", true, &[&settings, &[0; 64]], protocol);
    row("the preface twice", true, &[preface, preface, &[0; 64]], Some(ErrorCode::FRAME_SIZE_ERROR));
    row("sound", false, &[&settings], None);
    row(
        "a server with the client's preface",
        false,
        &[preface, &settings, &[0; 64]],
        Some(ErrorCode::FRAME_SIZE_ERROR),
    );
    row("PING first", false, &[&[0, 0, 8, 6, 0, 0, 0, 0, 0], &[0; 64]], protocol);
    row("GOAWAY first", false, &[&[0, 0, 8, 7, 0, 0, 0, 0, 0], &[0; 64]], protocol);
    row("an unknown frame first", false, &[&[0, 0, 0, 0xfe, 0, 0, 0, 0, 0], &[0; 64]], protocol);
    for (name, is_server, bytes, expected) in rows {
        let mut pair = Pair::new();
        let now = pair.now;
        let end = if is_server { &mut pair.server } else { &mut pair.client };
        end.drain(now);
        end.receive(now, &bytes);
        end.drain(now);
        let code = parse(!is_server, &end.written).iter().find_map(|frame| match frame {
            Sent::GoAway { code, .. } => Some(*code),
            _ => None,
        });
        assert_eq!(code, expected, "{name}");
        assert_eq!(end.connection.is_ready(), expected.is_none(), "{name}");
    }
}

/// RFC 9113 §6.5.2: every setting with the bounds of every other, in the first frame and in a later one.
#[test]
fn every_setting_with_every_bound() {
    use crate::table::Bench;
    const VALUES: [u32; 12] = [
        0,
        1,
        2,
        100,
        16_383,
        16_384,
        0x00ff_ffff,
        0x0100_0000,
        0x7fff_fffe,
        0x7fff_ffff,
        0x8000_0000,
        u32::MAX,
    ];
    let rule = |id: u16, value: u32, is_server: bool| match id {
        2 if value > u32::from(is_server) => Some("PROTOCOL_ERROR"),
        4 if value > 0x7fff_ffff => Some("FLOW_CONTROL_ERROR"),
        5 if !(16_384..=0x00ff_ffff).contains(&value) => Some("PROTOCOL_ERROR"),
        _ => None,
    };
    for id in (0..=16).chain([0x0a0a, 0xffff]) {
        for value in VALUES {
            for is_server in [false, true] {
                let expected = rule(id, value, is_server);
                let mut bench = if is_server { Bench::server() } else { Bench::client(1) };
                bench.peer.settings(&[(id, value)]);
                let later = match expected {
                    Some(code) => format!("GOAWAY 0 {code}"),
                    None => "SETTINGS ACK".into(),
                };
                // A greater window may let nothing more go out, for nothing is to be sent.
                assert_eq!(bench.answer(), later, "{id} of {value}, server: {is_server}");
                assert!(expected.is_some() || bench.is_alive());

                let mut pair = Pair::new();
                let end = if is_server { &mut pair.server } else { &mut pair.client };
                let mut peer = Peer::silent();
                if is_server {
                    peer.bytes.extend_from_slice(sailplane::wire::CLIENT_PREFACE);
                }
                peer.settings(&[(id, value)]);
                end.drain(pair.now);
                end.receive(pair.now, &peer.take());
                end.drain(pair.now);
                let wrote = parse(!is_server, &end.written);
                let code = wrote.iter().find_map(|frame| match frame {
                    Sent::GoAway { code, .. } => Some(code.to_string()),
                    _ => None,
                });
                assert_eq!(code.as_deref(), expected, "{id} of {value} first, server: {is_server}");
                assert_eq!(wrote.contains(&Sent::SettingsAck), expected.is_none());
            }
        }
    }
}

/// RFC 9113 §6.5.3: what the peer asks for holds before it is acknowledged; what this side asks for once it is.
#[test]
fn settings_hold_from_their_acknowledgement() {
    use crate::support::wire::framed;
    let served = |limits: Limits, acknowledged: bool, octets: usize| {
        let mut pair = Pair::with(Limits::default(), limits);
        let mut peer = Peer::silent();
        pair.server.drain(pair.now);
        peer.bytes.extend_from_slice(sailplane::wire::CLIENT_PREFACE);
        peer.settings(&[]);
        if acknowledged {
            peer.settings_ack();
        }
        let whole = framed(&vec![0; octets]);
        peer.request(1);
        for piece in whole.chunks(16_384) {
            peer.data(1, piece, false);
        }
        pair.server.receive(pair.now, &peer.take());
        pair.server.drain(pair.now);
        parse(false, &pair.server.written).iter().all(|frame| !matches!(frame, Sent::Rst { .. }))
    };
    let small = || Limits::default().stream_window_bytes(100);
    assert!(
        served(small(), false, 65_530) && !served(small(), false, 65_531),
        "the initial window of 65,535"
    );
    assert!(served(small(), true, 95) && !served(small(), true, 96), "ours, once it is acknowledged");
    let large = || Limits::default().stream_window_bytes(70_000);
    assert!(served(large(), false, 65_530) && !served(large(), false, 65_531));
    assert!(served(large(), true, 69_995) && !served(large(), true, 69_996));
}
