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

/// RFC 9113 §6.5.2: every setting at the bounds of its values.
#[test]
fn settings_outside_their_bounds_end_the_connection() {
    use sailplane::error::ErrorCode;
    let (protocol, flow) = (Some(ErrorCode::PROTOCOL_ERROR), Some(ErrorCode::FLOW_CONTROL_ERROR));
    let table: [(u16, u32, Option<ErrorCode>); 22] = [
        (1, 0, None),
        (1, u32::MAX, None),
        (2, 0, None),
        (2, 1, protocol),
        (2, 2, protocol),
        (2, u32::MAX, protocol),
        (3, 0, None),
        (3, u32::MAX, None),
        (4, 0, None),
        (4, 0x7fff_ffff, None),
        (4, 0x8000_0000, flow),
        (4, u32::MAX, flow),
        (5, 0, protocol),
        (5, 16_383, protocol),
        (5, 16_384, None),
        (5, 0x00ff_ffff, None),
        (5, 0x0100_0000, protocol),
        (5, u32::MAX, protocol),
        (6, 0, None),
        (6, u32::MAX, None),
        (0, u32::MAX, None),
        (0xffff, u32::MAX, None),
    ];
    for (id, value, expected) in table {
        let client = Client::new(&[(id, value)]);
        let found = client.wrote().into_iter().find_map(|frame| match frame {
            Sent::GoAway { code, .. } => Some(code),
            _ => None,
        });
        assert_eq!(found, expected, "setting {id} of {value}");
    }
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
