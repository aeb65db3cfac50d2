//! Streams that end before their time, by whoever.

use sailplane::Limits;
use sailplane::error::ErrorCode;

use crate::meter::{Attack, FIXED, Victim, run, run_with};
use crate::support::wire::{OK, Peer};

const CALM: Option<ErrorCode> = Some(ErrorCode::ENHANCE_YOUR_CALM);

/// Writes what makes a server reset the stream.
type Fault = fn(&mut Peer, u32);

/// CVE-2019-9514: every stream gets an invalid frame, and nothing is read.
#[test]
fn resets_that_are_not_read() {
    let report = run("resets_unread", Victim::Server, 3 * FIXED, |attack| {
        let mut streams = 0;
        while streams < 100_000 && attack.connection.wants_receive() {
            attack.peer(|peer| {
                peer.request(2 * streams + 1).window_update(2 * streams + 1, 0);
            });
            attack.feed();
            streams += 1;
        }
        assert!(streams <= 210, "{streams} were read with nothing written");
    });
    assert!(!report.is_over);
}

/// CVE-2023-44487, CVE-2023-39325, GHSA-m425-mq94-257g, CVE-2023-26964 (RUSTSEC-2023-0034): HEADERS and
/// RST_STREAM in one read, so that no handler ever hears of the call.
#[test]
fn rapid_reset() {
    let mut turns = 0;
    let report = run("rapid_reset", Victim::Server, FIXED, |attack| {
        while !attack.is_over {
            attack.peer(|peer| {
                peer.request(2 * turns + 1).rst(2 * turns + 1, ErrorCode::CANCEL);
            });
            attack.deliver();
            turns += 1;
            assert!(turns < 1_100);
        }
    });
    assert_eq!((report.goaway(), report.told), (CALM, 0));
}

/// CVE-2023-44487, where every call is told before its reset arrives, and no handler ever ends.
#[test]
fn rapid_reset_of_calls_whose_handlers_run_on() {
    let mut turns = 0;
    let report = run("rapid_reset_handlers", Victim::Server, 2 * FIXED, |attack| {
        attack.releases = false;
        while !attack.is_over {
            let stream = 2 * turns + 1;
            attack.peer(|peer| {
                peer.request(stream);
            });
            attack.deliver();
            assert!(attack.calls.len() <= 100, "{}", attack.calls.len());
            attack.peer(|peer| {
                peer.rst(stream, ErrorCode::CANCEL);
            });
            attack.deliver();
            turns += 1;
            assert!(turns < 1_100);
        }
    });
    assert_eq!((report.goaway(), report.told), (CALM, 100));
}

/// A read of 64 KiB full of HEADERS and RST_STREAM.
#[test]
fn rapid_reset_in_one_read() {
    let report = run("rapid_reset_read", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            for turn in 0..100_000_u32 {
                peer.request(2 * turn + 1).rst(2 * turn + 1, ErrorCode::CANCEL);
            }
        });
        attack.deliver();
    });
    assert_eq!((report.goaway(), report.told), (CALM, 0));
}

/// CVE-2025-8671 (VU#767506), CVE-2025-55163, GHSA-hrxh-6v49-42gf, RUSTSEC-2024-0003: what makes the server
/// reset a stream itself counts as if the client had.
#[test]
fn made_you_reset() {
    let faults: [(&str, Fault); 5] = [
        ("WINDOW_UPDATE of 0", |peer, stream| {
            peer.window_update(stream, 0);
        }),
        ("WINDOW_UPDATE too large", |peer, stream| {
            peer.window_update(stream, 0x7fff_ffff);
        }),
        ("PRIORITY of a wrong length", |peer, stream| {
            peer.frame(2, 0, stream, &[0; 4]);
        }),
        ("DATA after the end", |peer, stream| {
            peer.data(stream, b"", true).data(stream, b"x", false);
        }),
        ("HEADERS after the end", |peer, stream| {
            peer.data(stream, b"", true).headers(stream, &OK, true);
        }),
    ];
    for (name, fault) in faults {
        let mut turns = 0;
        let report = run("made_you_reset", Victim::Server, 2 * FIXED, |attack| {
            attack.releases = false;
            while turns < 2_000 && !attack.is_over {
                attack.peer(|peer| {
                    peer.request(2 * turns + 1);
                    fault(peer, 2 * turns + 1);
                });
                attack.deliver();
                turns += 1;
            }
        });
        assert_eq!(report.goaway(), CALM, "{name}");
        assert!(turns < 1_100 && report.told <= 100, "{name}: {turns}, {} handlers", report.told);
    }
}

/// CVE-2025-8671: a priority that depends on its own stream. RFC 9113 §5.3.2 has none left to break.
#[test]
fn a_priority_of_a_stream_on_itself_resets_nothing() {
    let report = run("self_dependency", Victim::Server, 2 * FIXED, |attack| {
        for turn in 0..2_000_u32 {
            let stream = 2 * turn + 1;
            attack.peer(|peer| {
                let mut payload = stream.to_be_bytes().to_vec();
                payload.push(7);
                peer.request(stream).frame(2, 0, stream, &payload);
            });
            attack.deliver();
            let call = attack.calls[attack.calls.len() - 1];
            attack.connection.respond(call, None, sailplane::Metadata::new(), Ok(())).unwrap();
            attack.connection.release(call);
            attack.deliver();
        }
    });
    // What is reset is the request that goes on after its complete answer.
    assert_eq!((report.goaway(), report.resets(ErrorCode::PROTOCOL_ERROR)), (None, 0));
}

#[test]
fn malformed_requests_without_end() {
    let report = run("malformed_requests", Victim::Server, FIXED, |attack| {
        for turn in 0..1_100_u32 {
            attack.peer(|peer| {
                peer.headers(2 * turn + 1, &[("a", "b")], true);
            });
            attack.deliver();
        }
    });
    assert_eq!((report.goaway(), report.told), (CALM, 0));
}

#[test]
fn refused_streams_without_end() {
    let report = run("refused_streams", Victim::Server, 2 * FIXED, |attack| {
        attack.peer(|peer| {
            for turn in 0..2_000_u32 {
                peer.request(2 * turn + 1);
            }
        });
        attack.deliver();
    });
    assert_eq!((report.goaway(), report.told), (CALM, 100));
}

/// A reset that is written frees its stream only then: the peer's limit is not exceeded by frames on their
/// way (h2#833, golang/go#21229).
#[test]
fn a_stream_counts_until_its_reset_is_written() {
    let limits = Limits::default().concurrent_calls_max(2);
    let report = run_with("reset_unwritten", Victim::Server, limits, FIXED, |attack| {
        for stream in [1, 3, 5] {
            attack.peer(|peer| {
                peer.request(stream).window_update(stream, 0);
            });
            attack.feed();
        }
        attack.drain();
    });
    assert_eq!(report.resets(ErrorCode::REFUSED_STREAM), 1);
    assert_eq!(report.resets(ErrorCode::PROTOCOL_ERROR), 2);
}

/// RFC 9113 §5.1: what was on its way when this side reset a stream is no fault of the peer.
#[test]
fn trailers_of_a_request_that_was_refused_are_ignored() {
    let trailers = |attack: &mut Attack| {
        attack.peer(|peer| {
            for turn in 0..101_u32 {
                peer.request(2 * turn + 1);
            }
            peer.headers(201, &[("a", "b")], true).headers(1, &[("a", "b")], true);
        });
        attack.deliver();
    };
    let report = run("late_trailers", Victim::Server, 2 * FIXED, trailers);
    assert_eq!((report.goaway(), report.told), (None, 100));
}

/// RFC 9113 §3.4: SETTINGS come first, also to a server that shuts down meanwhile.
#[test]
fn a_first_frame_that_is_not_settings() {
    use crate::support::scene::Scene;
    let mut scene = Scene::silent(&sailplane::Config::default());
    scene.end.connection.shutdown(scene.now, core::time::Duration::from_secs(10));
    scene.peer.bytes.extend_from_slice(sailplane::wire::CLIENT_PREFACE);
    scene.peer.ping(1);
    scene.deliver();
    assert!(!scene.end.connection.wants_receive());
}
