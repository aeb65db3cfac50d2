//! Peers that are slow, silent or half dead, in virtual time.

use core::time::Duration;

use crate::meter::apart;
use bytes::Bytes;
use sailplane::error::ErrorCode;
use sailplane::{Code, Limits, Metadata};

use crate::meter::{FIXED, Victim, run, run_with};
use crate::support::wire::{REQUEST, Sent};
use crate::support::{streaming, unary};

const CALM: Option<ErrorCode> = Some(ErrorCode::ENHANCE_YOUR_CALM);

/// One octet at a time: a frame that begins must end.
#[test]
fn a_frame_that_drips_in() {
    let report = run("slow_frame", Victim::Server, FIXED, |attack| {
        let frame = apart(|| {
            let mut frame = vec![0, 64, 0, 0, 0, 0, 0, 0, 1];
            frame.resize(16_393, 7);
            frame
        });
        attack.peer(|peer| {
            peer.request(1);
        });
        attack.deliver();
        let mut octets = frame.iter();
        while let (false, Some(octet)) = (attack.is_over, octets.next()) {
            attack.peer(|peer| peer.bytes.push(*octet));
            attack.deliver();
            attack.pass(Duration::from_secs(1));
        }
        // Thirty seconds for the header, and from it on for the rest.
        assert!(octets.len() > 16_393 - 41, "{} came", 16_393 - octets.len());
        apart(|| drop(frame));
    });
    assert_eq!(report.goaway(), CALM);
}

/// A block is bounded in time also when its frames keep coming.
#[test]
fn a_header_block_that_drips_in() {
    let report = run("slow_header_block", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            let block = peer.block(&REQUEST);
            peer.frame(1, 0, 1, &block);
        });
        attack.deliver();
        for _ in 0..7 {
            attack.pass(Duration::from_secs(2));
            attack.peer(|peer| {
                peer.frame(9, 0, 1, b"");
            });
            attack.deliver();
        }
    });
    assert_eq!((report.goaway(), report.told), (CALM, 0));
}

/// The time for the rest of a frame runs whenever this side reads, also after a pause.
#[test]
fn a_frame_that_began_while_reading_was_paused() {
    run("slow_after_pause", Victim::Client, FIXED, |attack| {
        attack.peer(|peer| {
            for number in 0..100 {
                peer.ping(number);
            }
            peer.bytes.extend([0, 0, 8, 6]);
        });
        attack.feed();
        assert!(!attack.connection.wants_receive());
        attack.drain();
        assert!(attack.connection.wants_receive());
        attack.pass(Duration::from_secs(30));
        assert!(attack.is_over);
    });
}

/// CVE-2019-9517, CVE-2019-9511: windows of no octet, and a large answer to each of as many calls as there
/// may be. Each call may hold one message; no more is taken.
#[test]
fn a_peer_that_opens_no_window() {
    const REPLY: usize = 1 << 20;
    let reply = Bytes::from(vec![7; REPLY]);
    let report = run("zero_window", Victim::Server, 2 * FIXED, |attack| {
        attack.releases = false;
        attack.peer(|peer| {
            peer.settings(&[(4, 0)]);
            for turn in 0..256 {
                peer.request(2 * turn + 1);
            }
        });
        attack.deliver();
        for index in 0..attack.calls.len() {
            let call = attack.calls[index];
            // The message is the application's; the connection refers to it.
            attack.connection.send_message(call, apart(|| reply.clone())).unwrap();
            attack.drain();
            let more = attack.connection.send_message(call, apart(|| reply.clone()));
            assert!(matches!(more, Err(sailplane::connection::SendError::Blocked(_))));
            drop(more);
        }
        assert_eq!(attack.connection.unsent_bytes(), 100 * (REPLY + 5));
        attack.pass(Duration::from_secs(600));
        assert!(!attack.is_over, "the connection is read, and the windows are the peer's own matter");
    });
    let data = report.sent.iter().filter(|frame| matches!(frame, Sent::Data { .. })).count();
    assert_eq!((report.told, data), (100, 0));
}

/// CVE-2019-9511: one octet at a time.
#[test]
fn a_window_that_opens_octet_by_octet() {
    let report = run("window_drip", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            peer.settings(&[(4, 0)]).request(1);
        });
        attack.deliver();
        let call = attack.calls[0];
        let reply = Bytes::from(vec![7; 2_000]);
        attack.connection.respond(call, Some(reply), Metadata::new(), Ok(())).unwrap();
        attack.connection.release(call);
        for _ in 0..2_005 {
            attack.peer(|peer| {
                peer.window_update(1, 1);
            });
            attack.deliver();
        }
    });
    assert_eq!((report.statuses(), report.goaway()), (vec!["0".to_owned()], None));
}

/// CVE-2016-1544, CVE-2019-9517: the transport takes nothing more.
#[test]
fn a_peer_that_reads_nothing() {
    run("zero_tcp_window", Victim::Server, FIXED, |attack| {
        attack.releases = false;
        attack.peer(|peer| {
            peer.request(1);
        });
        attack.deliver();
        let call = attack.calls[0];
        let reply = Bytes::from(vec![7; 1000]);
        attack.connection.respond(call, Some(reply), Metadata::new(), Ok(())).unwrap();
        assert!(attack.connection.poll_transmit(attack.now, &mut attack.transmit));
        let due = attack.connection.poll_timeout().unwrap();
        assert_eq!(due.at, attack.now.saturating_add(Duration::from_secs(30)));
        attack.connection.handle_timeout(due.at);
        while attack.connection.poll_event().is_some() {}
        assert!(attack.connection.is_finished());
    });
}

/// tonic#1254, grpc-rust#2746: half of the way is gone, and nobody says so.
#[test]
fn a_peer_that_vanished() {
    let limits = Limits::default().client_keepalive(Some(Duration::from_secs(10)));
    run_with("half_open", Victim::Client, limits, FIXED, |attack| {
        for _ in 0..10 {
            let start = streaming();
            attack.connection.start_call(attack.now, start).unwrap();
        }
        attack.pass(Duration::from_secs(29));
        assert!(attack.ended.is_empty());
        attack.pass(Duration::from_secs(1));
        assert_eq!(attack.ended.len(), 10);
        assert!(attack.ended.iter().all(|(_, status)| *status == Err(Code::Unavailable)));
    });
}

/// CVE-2022-27664: a connection that shuts down ends at its bound, whatever the peer does not do.
#[test]
fn a_peer_that_does_not_let_go() {
    for acknowledges in [false, true] {
        run("shutdown", Victim::Server, FIXED, |attack| {
            attack.releases = false;
            attack.peer(|peer| {
                peer.request(1);
            });
            attack.deliver();
            attack.connection.shutdown(attack.now, Duration::from_secs(60));
            attack.drain();
            if acknowledges {
                attack.peer(|peer| {
                    peer.frame(6, 1, 0, b"sailplan");
                });
                attack.deliver();
            }
            attack.pass(Duration::from_millis(59_999));
            assert!(!attack.is_over);
            attack.pass(Duration::from_millis(1));
            assert!(attack.is_over && attack.connection.is_finished());
        });
    }
}

/// CVE-2022-27664: an error while it shuts down ends it at once.
#[test]
fn an_error_during_shutdown() {
    let report = run("error_in_shutdown", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            peer.request(1);
        });
        attack.deliver();
        attack.connection.shutdown(attack.now, Duration::from_secs(3600));
        attack.drain();
        attack.peer(|peer| {
            peer.window_update(0, 0);
        });
        attack.deliver();
        assert!(attack.is_over && attack.connection.is_finished());
    });
    assert_eq!(report.goaway(), Some(ErrorCode::PROTOCOL_ERROR));
}

/// Requests that are begun and never completed hold no more than their calls.
#[test]
fn calls_that_say_nothing() {
    let report = run("silent_calls", Victim::Server, 2 * FIXED, |attack| {
        attack.releases = false;
        attack.peer(|peer| {
            for turn in 0..100 {
                peer.request(2 * turn + 1);
            }
        });
        attack.deliver();
        attack.pass(Duration::from_secs(3600));
    });
    assert_eq!((report.told, report.goaway()), (100, None));
}

/// A client's own bound: a deadline ends a call whose server is silent.
#[test]
fn a_server_that_never_answers() {
    run("silent_server", Victim::Client, FIXED, |attack| {
        let now = attack.now;
        let mut start = unary("x");
        start.head.deadline = Some(now.saturating_add(Duration::from_secs(5)));
        attack.connection.start_call(now, start).unwrap();
        attack.drain();
        attack.pass(Duration::from_secs(6));
        assert_eq!(attack.ended[0].1, Err(Code::DeadlineExceeded));
    });
}
