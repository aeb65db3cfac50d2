//! Damaged bytes, random bytes, frames in a random order: no panic, and every call ends once.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use core::time::Duration;
use sailplane::{End as TransportEnd, Instant, Limits, Metadata, Status};
use support::actors::{Plan, body};
use support::rng::Rng;
use support::scenarios;
use support::wire::{OK, Peer, REQUEST, RESPONSE, framed};
use support::world::World;

/// A world in which one side hears what the test says, and its application goes on as planned.
struct Victim {
    world: World,
    is_server: bool,
    now: Instant,
}

impl Victim {
    fn new(plans: &[Plan], is_server: bool) -> Self {
        let world = World::with(plans, Limits::default(), Limits::default());
        let now = world.pair.now;
        Self { world, is_server, now }
    }

    fn hear(&mut self, bytes: &[u8], rng: &mut Rng) {
        let (actor, end) = if self.is_server {
            (&mut self.world.server, &mut self.world.pair.server)
        } else {
            (&mut self.world.client, &mut self.world.pair.client)
        };
        end.receive(self.now, bytes);
        if rng.one_in(3) {
            self.now = self.now.saturating_add(Duration::from_millis(rng.below(3000) as u64));
            end.connection.handle_timeout(self.now);
        }
        if let Some(call) = actor.open().first().copied() {
            match rng.below(8) {
                0 => drop(end.connection.cancel(call, Status::cancelled(""))),
                1 => drop(end.connection.send_message(call, body(0, rng.below(1000)))),
                2 => drop(end.connection.respond(call, None, Metadata::new(), Ok(()))),
                _ => {}
            }
        }
        if !rng.one_in(4) {
            end.drain(self.now);
            actor.act(end, self.now);
        }
        end.drain(self.now);
    }

    /// The transport ends: nothing may be left.
    fn finish(mut self) {
        let (actor, end) = if self.is_server {
            (&mut self.world.server, &mut self.world.pair.server)
        } else {
            (&mut self.world.client, &mut self.world.pair.client)
        };
        end.connection.handle_end(self.now, TransportEnd::Closed);
        for _ in 0..3 {
            end.drain(self.now);
            actor.act(end, self.now);
        }
        assert_eq!(actor.open(), []);
        let left =
            (end.connection.live_calls(), end.connection.unread_bytes(), end.connection.unsent_bytes());
        assert_eq!(left, (0, 0, 0));
        assert_eq!(actor.closed, 1);
        assert!(end.connection.is_finished());
        assert_eq!(end.connection.poll_timeout(), None);
    }
}

/// Says which seed it was.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}", self.0);
        }
    }
}

fn damage(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..=rng.below(3) {
        let at = rng.below(bytes.len());
        match rng.below(5) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = rng.next() as u8,
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, rng.next() as u8),
            _ => {
                let end = (at + rng.below(40)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
}

#[test]
fn transcripts_with_damage() {
    for scenario in scenarios::small() {
        let mut world = scenario.world();
        world.finish();
        let transcripts = [(world.pair.client.written, true), (world.pair.server.written, false)];
        for seed in 0..150 {
            for (transcript, is_server) in &transcripts {
                let (_seed, mut rng) = (Seed(seed), Rng(seed));
                let mut bytes = transcript.clone();
                damage(&mut bytes, &mut rng);
                let mut victim = Victim::new(&scenario.plans, *is_server);
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let (piece, behind) = rest.split_at(1 + rng.below(rest.len()));
                    victim.hear(piece, &mut rng);
                    rest = behind;
                }
                victim.finish();
            }
        }
    }
}

#[test]
fn random_octets() {
    for seed in 0..2000 {
        let (_seed, mut rng) = (Seed(seed), Rng(seed));
        let is_server = rng.one_in(2);
        let mut victim = Victim::new(&[Plan::new("unary", &[b"x"])], is_server);
        let mut opening = if is_server { Peer::client() } else { Peer::server() };
        if rng.one_in(2) {
            victim.hear(&opening.take(), &mut rng);
        }
        for _ in 0..rng.below(10) {
            let bytes: Vec<u8> =
                (0..rng.below(50)).map(|_| if rng.one_in(2) { 0 } else { rng.next() as u8 }).collect();
            victim.hear(&bytes, &mut rng);
        }
        victim.finish();
    }
}

/// Sound frames, in any order, on any stream.
fn frame(peer: &mut Peer, rng: &mut Rng) {
    let stream = [0, 1, 1, 1, 2, 3, 3, 5, 7, 9][rng.below(10)];
    let end = rng.one_in(3);
    match rng.below(14) {
        0 | 1 => peer.headers(stream, &REQUEST, end),
        2 => peer.headers(stream, &RESPONSE, end),
        3 => peer.headers(stream, &OK, end),
        4 | 5 => peer.data(stream, &framed(&vec![1; rng.below(100)]), end),
        6 => peer.data(stream, &vec![0; rng.below(20)], end),
        7 => peer.rst(stream, sailplane::error::ErrorCode(rng.below(15) as u32)),
        8 => peer.window_update(stream, [0, 1, 1000, 0x7fff_ffff][rng.below(4)]),
        9 => peer.settings(&[(1 + rng.below(6) as u16, [0, 1, 100, 16_384, 65_535, u32::MAX][rng.below(6)])]),
        10 => peer.goaway(stream, sailplane::error::ErrorCode(rng.below(3) as u32)),
        11 => peer.ping(rng.next()),
        12 => peer.frame(rng.below(12) as u8, rng.next() as u8, stream, &vec![0; rng.below(12)]),
        _ => {
            let block = peer.block(&REQUEST);
            peer.frame(1, u8::from(end), stream, &block[..9]);
            peer.frame(9, 4, stream, &block[9..])
        }
    };
}

#[test]
fn sound_frames_in_any_order() {
    for seed in 0..5000 {
        let (_seed, mut rng) = (Seed(seed), Rng(seed));
        let is_server = rng.one_in(2);
        let plans = [Plan::new("echo", &[b"x"]), Plan::sized("many", &[70_000]), Plan::new("hang", &[])];
        let mut victim = Victim::new(&plans, is_server);
        let mut peer = if is_server { Peer::client() } else { Peer::server() };
        victim.hear(&peer.take(), &mut rng);
        for _ in 0..rng.below(25) {
            frame(&mut peer, &mut rng);
            victim.hear(&peer.take(), &mut rng);
        }
        victim.finish();
    }
}
