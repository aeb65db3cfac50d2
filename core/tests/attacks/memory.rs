//! The memory formula, term by term: each under the attack that stresses it most.

use crate::meter::apart;
use allocation_counter::measure;
use bytes::Bytes;
use sailplane::{Config, Connection, Instant, Limits, Metadata, Transmit};

use crate::meter::{Attack, FIXED, Victim, run, run_with};
use crate::support::wire::{Peer, REQUEST, framed};

const MIB: usize = 1 << 20;
const UNREAD: usize = 4 * MIB;
/// What little is allocated ahead of the octets is a sixteenth.
const WINDOWS: usize = 100 * 64 * 1024 / 16 * 17;
const MESSAGE: usize = 4 * MIB;
/// While its buffer grows the old one is there too.
const GROWING: usize = MESSAGE / 2 * 3;
const METADATA: usize = MIB;
const OUTGOING: usize = MIB;

/// The beginning of a message of so many octets: prefix and a part.
fn beginning(whole: usize, part: usize) -> Vec<u8> {
    let mut out = vec![0];
    out.extend(u32::try_from(whole).unwrap().to_be_bytes());
    out.resize(part, b'm');
    out
}

/// As much of DATA as the windows allow, on every stream in turn, until nothing moves any more. `part` is
/// what goes into one frame.
fn fill(attack: &mut Attack, whole: usize, part: usize) {
    let mut sent = apart(|| vec![0; 100]);
    let mut credit = apart(|| vec![65_536_usize; 100]);
    let mut pieces = apart(|| vec![0; 100]);
    attack.releases = false;
    attack.peer(|peer| {
        for turn in 0..100 {
            peer.request(2 * turn + 1);
        }
    });
    attack.deliver();
    loop {
        let mut moved = false;
        for index in 0..100 {
            let octets = part.min(credit[index]).min(whole + 5 - sent[index]);
            if octets == 0 {
                continue;
            }
            moved = true;
            let first = sent[index] == 0;
            attack.peer(|peer| {
                let mut piece = beginning(whole, octets.max(5));
                if !first {
                    piece = vec![b'm'; octets];
                }
                peer.data(2 * u32::try_from(index).unwrap() + 1, &piece, false);
            });
            sent[index] += octets;
            credit[index] -= octets;
            pieces[index] += 1;
            attack.deliver();
            let taken = attack.credit();
            apart(|| {
                for (stream, increment) in &taken {
                    credit[*stream as usize / 2] += *increment as usize;
                }
                drop(taken);
            });
        }
        if !moved {
            break;
        }
    }
    apart(|| drop((sent, credit, pieces)));
}

/// Messages that nobody takes, on a hundred streams, each as long as may be; then one that may finish.
#[test]
fn unread_messages() {
    for part in [16_384, 10_007, 1_021] {
        run("memory_unread", Victim::Server, UNREAD + WINDOWS + GROWING + FIXED, |attack| {
            fill(attack, MESSAGE, part);
            assert!(attack.connection.unread_bytes() > 8 * MIB);
        });
    }
}

/// A short message, and a window full behind it, on a hundred streams.
/// Each message is left just before its end for that of an older call, which may take over only once.
#[test]
fn messages_overtaken_by_older_ones() {
    run("memory_overtaken", Victim::Server, UNREAD + WINDOWS + MESSAGE + GROWING + FIXED, |attack| {
        attack.releases = false;
        attack.peer(|peer| {
            for turn in 0..100 {
                peer.request(2 * turn + 1);
            }
        });
        attack.deliver();
        for stream in (0..100_u32).rev().map(|turn| 2 * turn + 1) {
            let (mut credit, mut sent) = (65_536_usize, 0_usize);
            while sent < MESSAGE - 20_000 && credit > 0 {
                let octets = 16_384.min(credit);
                attack.peer(|peer| {
                    let first = sent == 0;
                    let piece = if first { beginning(MESSAGE, octets) } else { vec![b'm'; octets] };
                    peer.data(stream, &piece, false);
                });
                sent += octets;
                credit -= octets;
                attack.deliver();
                let given = attack.credit();
                apart(|| {
                    let own = given.iter().filter(|(other, _)| *other == stream);
                    credit += own.map(|(_, octets)| *octets as usize).sum::<usize>();
                    drop(given);
                });
            }
        }
        assert!(attack.connection.unread_bytes() > UNREAD);
    });
}

#[test]
fn windows_behind_a_message() {
    for part in [16_384, 8_193, 99] {
        run("memory_windows", Victim::Server, UNREAD + WINDOWS + FIXED, |attack| {
            attack.releases = false;
            for turn in 0..100_u32 {
                attack.peer(|peer| {
                    peer.request(2 * turn + 1).message(2 * turn + 1, b"x", false);
                    let rest = beginning(MESSAGE, 65_536 - 6);
                    for piece in rest.chunks(part) {
                        peer.data(2 * turn + 1, piece, false);
                    }
                });
                attack.deliver();
            }
            assert!(attack.connection.unread_bytes() > 100 * 65_000);
        });
    }
}

/// The largest message there may be, in frames of one octet at first.
#[test]
fn the_largest_message() {
    run("memory_message", Victim::Server, GROWING + FIXED, |attack| {
        attack.peer(|peer| {
            peer.request(1);
        });
        let message = apart(|| framed(&vec![7; MESSAGE]));
        for piece in message.chunks(16_384) {
            attack.peer(|peer| {
                peer.data(1, piece, false);
            });
            attack.deliver();
        }
        assert_eq!(attack.connection.unread_bytes(), MESSAGE);
        apart(|| drop(message));
    });
}

/// Frames of one octet of message: memory is that of the message, not of the frames (RUSTSEC-2026-0258).
#[test]
fn frames_of_one_octet() {
    run("memory_tiny_frames", Victim::Server, 4 * 60_000 + 32 * 1024, |attack| {
        attack.peer(|peer| {
            peer.request(1).message(1, b"x", false);
            for octet in beginning(100_000, 60_000) {
                peer.data(1, &[octet], false);
            }
        });
        attack.deliver();
        let held = attack.connection.unread_bytes();
        assert!(held > 60_000 && held <= 2 * 60_000 + 1, "{held}");
    });
}

/// Metadata of a hundred requests that nobody takes.
#[test]
fn metadata_of_requests() {
    let value = "v".repeat(15_000);
    let tiny: Vec<(String, String)> = (0..120).map(|n| (format!("x{n}"), String::new())).collect();
    for lists in 0..2 {
        run("memory_metadata", Victim::Server, METADATA + 2 * FIXED, |attack| {
            attack.releases = false;
            for turn in 0..100_u32 {
                attack.peer(|peer| {
                    let mut fields = REQUEST.to_vec();
                    match lists {
                        0 => fields.push(("x-long", &value)),
                        _ => fields.extend(tiny.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
                    }
                    peer.headers(2 * turn + 1, &fields, false);
                });
                attack.deliver();
            }
        });
    }
}

/// Answers that the peer does not read, as many as a connection takes beyond the first of each call.
#[test]
fn answers_that_are_not_read() {
    run("memory_outgoing", Victim::Server, OUTGOING + 2 * FIXED, |attack| {
        attack.releases = false;
        attack.peer(|peer| {
            peer.settings(&[(4, 0)]);
            for turn in 0..100 {
                peer.request(2 * turn + 1);
            }
        });
        attack.deliver();
        for index in 0..100 {
            let call = attack.calls[index];
            while attack.connection.send_message(call, Bytes::from(vec![7; 1_000])).is_ok() {}
        }
        attack.drain();
        assert!(attack.connection.unsent_bytes() > MIB - 2_000);
    });
}

/// What is neither of these: a header block in pieces, tables, calls that wait, replies that are not read.
#[test]
fn all_else() {
    let limits = Limits::default().glitches_burst(u32::MAX);
    run_with("memory_fixed", Victim::Server, limits, FIXED, |attack| {
        attack.peer(|peer| {
            // Entries that fill the table.
            let mut block = peer.block(&REQUEST);
            for number in 0..100_u8 {
                block.extend([
                    0x40,
                    2,
                    b'x',
                    b'a' + number % 26,
                    3,
                    b'0' + number / 10,
                    b'0' + number % 10,
                    b'v',
                ]);
            }
            peer.frame(1, 5, 1, &block);
        });
        attack.deliver();
        attack.peer(|peer| {
            for _ in 0..6_000 {
                peer.settings(&[]);
            }
            for turn in 0..400_u32 {
                peer.rst(1, sailplane::error::ErrorCode::CANCEL).headers(3 + 2 * turn, &[("a", "b")], true);
            }
            peer.frame(1, 0, 1_001, &[0x82; 16_384]);
            for _ in 0..2 {
                peer.frame(9, 0, 1_001, &[0x82; 16_384]);
            }
            peer.bytes.extend([0, 64, 0, 9, 4, 0, 0, 3, 0xe9]);
            peer.bytes.extend([0x82; 16_000]);
        });
        while !attack.feed() {
            let mut transmit = Transmit::new();
            // The transport takes one buffer at a time.
            attack.connection.poll_transmit(attack.now, &mut transmit);
        }
    });
}

/// What a server holds of a client that says nothing any more: 1.5 KiB, its limits apart, which are shared.
#[test]
fn an_idle_connection() {
    for victim in [Victim::Server, Victim::Client] {
        let config = Config::new(Limits::default(), 1);
        let now = Instant::from_nanos(1);
        let mut held = 0;
        let counted = measure(|| {
            let mut connection = match victim {
                Victim::Server => Connection::server(now, &config),
                Victim::Client => Connection::client(now, &config),
            };
            let mut bytes = apart(|| {
                let peer = if victim == Victim::Server { Peer::client() } else { Peer::server() };
                let mut peer = peer;
                peer.take()
            });
            {
                let mut transmit = Transmit::new();
                while connection.poll_transmit(now, &mut transmit) {
                    transmit = Transmit::new();
                }
                connection.handle_received(now, &mut bytes);
                while connection.poll_event().is_some() {}
                while connection.poll_transmit(now, &mut transmit) {
                    transmit = Transmit::new();
                }
            }
            apart(|| drop(bytes));
            let alone = measure(|| drop(connection));
            held = usize::try_from(-alone.bytes_current).unwrap() + size_of::<Connection>();
        });
        assert_eq!(counted.bytes_current, 0);
        assert!(held <= 1536, "{held} octets");
        crate::meter::record(if victim == Victim::Server { "idle_server" } else { "idle_client" }, held);
    }
}

/// Writes what is received.
type Input = fn(&mut Peer);

/// Work follows what is received: no input of 64 KiB has eight times its size allocated.
#[test]
fn allocations_for_each_octet_received() {
    let horizon = 64 * 1024;
    let inputs: [(&str, Input); 8] = [
        ("requests", |peer| {
            for turn in 0..1_000 {
                peer.headers(2 * turn + 1, &[("a", "b")], true);
            }
        }),
        ("calls", |peer| {
            for turn in 0..1_000 {
                peer.request(2 * turn + 1);
            }
        }),
        ("rapid reset", |peer| {
            for turn in 0..1_000 {
                peer.request(2 * turn + 1).rst(2 * turn + 1, sailplane::error::ErrorCode::CANCEL);
            }
        }),
        ("tiny DATA", |peer| {
            peer.request(1).message(1, b"x", false);
            for _ in 0..6_000 {
                peer.data(1, b"\0", false);
            }
        }),
        ("empty messages", |peer| {
            peer.request(1);
            for _ in 0..4 {
                peer.data(1, &[0; 16_380], false);
            }
        }),
        ("SETTINGS", |peer| {
            for _ in 0..7_000 {
                peer.settings(&[]);
            }
        }),
        ("PINGs", |peer| {
            for number in 0..4_000 {
                peer.ping(number);
            }
        }),
        ("a header block in pieces", |peer| {
            peer.frame(1, 0, 1, b"");
            for _ in 0..4 {
                peer.frame(9, 0, 1, &[0x82; 16_000]);
            }
        }),
    ];
    let limits = Limits::default().ping_strikes_max(u32::MAX).concurrent_calls_max(100);
    for (name, input) in inputs {
        let mut total = 0;
        let mut octets = 0;
        let limits = limits.clone();
        run_with("allocations", Victim::Server, limits, 4 * FIXED, |attack| {
            let mut bytes = apart(|| {
                let mut peer = Peer::silent();
                input(&mut peer);
                let mut bytes = peer.take();
                bytes.truncate(horizon);
                bytes
            });
            octets = bytes.len();
            let counted = measure(|| attack.connection.handle_received(attack.now, &mut bytes));

            total = usize::try_from(counted.bytes_total).unwrap();
            apart(|| drop(bytes));
            attack.drain();
        });
        let ratio = total as f64 / octets as f64;
        println!("{name}: {total} octets allocated for {octets}, {ratio:.1}");
        assert!(total <= 8 * octets, "{name}: {total} octets for {octets}");
    }
}

/// A client's term: what it asked for and does not take.
#[test]
fn answers_that_a_client_does_not_take() {
    run("memory_client", Victim::Client, UNREAD + WINDOWS + GROWING + FIXED, |attack| {
        attack.releases = false;
        for _ in 0..100 {
            let start = crate::support::unary("x");
            attack.connection.start_call(attack.now, start).unwrap();
        }
        attack.drain();
        for turn in 0..100_u32 {
            attack.peer(|peer| {
                let stream = 2 * turn + 1;
                peer.headers(stream, &crate::support::wire::RESPONSE, false);
                for piece in beginning(MESSAGE, 65_000).chunks(10_007) {
                    peer.data(stream, piece, false);
                }
            });
            attack.deliver();
        }
        let _ = Metadata::new();
    });
}
