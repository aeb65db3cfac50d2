//! Floods of frames about the connection, and odd ones.

use sailplane::error::ErrorCode;

use crate::meter::{FIXED, Victim, run, run_with};
use crate::support::unary;
use crate::support::wire::{PADDED, Peer, Sent};
use sailplane::Limits;

const CALM: Option<ErrorCode> = Some(ErrorCode::ENHANCE_YOUR_CALM);

/// Writes what means nothing.
type Flood = fn(&mut Peer);

/// CVE-2019-9512. The victim is a client, which has no policy on PINGs.
#[test]
fn pings_whose_answers_are_not_read() {
    let report = run("pings_unread", Victim::Client, FIXED, |attack| {
        let mut sent = 0;
        while sent < 1_000_000 && attack.connection.wants_receive() {
            sent += 1;
            attack.peer(|peer| {
                peer.ping(sent);
            });
            attack.feed();
        }
        assert!(sent <= 100 && !attack.is_over, "{sent} PINGs were read with nothing written");
        attack.drain();
        assert!(attack.connection.wants_receive());
    });
    let acks = report.sent.iter().filter(|frame| matches!(frame, Sent::Ping { ack: true, .. })).count();
    assert_eq!(acks, 100);
}

/// CVE-2019-9512, as many as fit a read.
#[test]
fn a_read_full_of_pings() {
    let report = run("pings_at_once", Victim::Client, FIXED, |attack| {
        attack.peer(|peer| {
            for number in 0..100_000 {
                peer.ping(number);
            }
        });
        assert!(!attack.feed());
        attack.deliver();
    });
    assert_eq!(report.goaway(), CALM);
}

/// CVE-2019-9512: a server bears with two strikes.
#[test]
fn pings_to_a_server() {
    let report = run("pings_to_a_server", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            for number in 0..1_000 {
                peer.ping(number);
            }
        });
        attack.deliver();
    });
    let acks = report.sent.iter().filter(|frame| matches!(frame, Sent::Ping { ack: true, .. })).count();
    assert!(acks <= 4 && report.goaway() == CALM, "{acks}");
}

/// CVE-2019-9515.
#[test]
fn settings_without_end() {
    let report = run("settings", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            for _ in 0..100_000 {
                peer.settings(&[]);
            }
        });
        attack.deliver();
    });
    assert_eq!(report.goaway(), CALM);
}

/// CVE-2019-9515, where nothing is read.
#[test]
fn settings_whose_acknowledgements_are_not_read() {
    run("settings_unread", Victim::Server, FIXED, |attack| {
        for count in 0..200 {
            attack.peer(|peer| {
                peer.settings(&[]);
            });
            if !attack.feed() {
                assert!(count >= 100);
                return;
            }
        }
        panic!("all of it was read");
    });
}

/// CVE-2020-11080.
#[test]
fn settings_of_many_entries() {
    let report = run("settings_huge", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            peer.settings(&vec![(0x99, 1); 2_400]);
        });
        attack.deliver();
    });
    assert_eq!(report.goaway(), CALM);
}

/// CVE-2026-33814: every setting at and beyond its bounds; a call still ends, or the connection does.
#[test]
fn settings_of_odd_values() {
    let values = [0, 1, 2, 16_383, 16_384, 16_777_215, 16_777_216, 0x7fff_ffff, 0x8000_0000, u32::MAX];
    for setting in 0..=9_u16 {
        for value in values {
            let expected = match (setting, value) {
                (2, 2..) | (5, ..16_384 | 16_777_216..) => Some(ErrorCode::PROTOCOL_ERROR),
                (4, 0x8000_0000..) => Some(ErrorCode::FLOW_CONTROL_ERROR),
                _ => None,
            };
            let report = run("settings_odd", Victim::Server, FIXED, |attack| {
                attack.peer(|peer| {
                    peer.settings(&[(setting, value)]).request(1).message(1, b"x", true);
                });
                attack.deliver();
                if let Some(call) = attack.calls.first().copied() {
                    let trailers = sailplane::Metadata::new();
                    attack.connection.respond(call, None, trailers, Ok(())).unwrap();
                    attack.connection.release(call);
                }
                attack.deliver();
            });
            assert_eq!(report.goaway(), expected, "setting {setting} = {value}");
            if expected.is_none() {
                assert_eq!(report.statuses(), ["0"], "setting {setting} = {value}");
            }
        }
    }
}

/// CVE-2026-50560: a peer that takes no headers still gets a status, and no handler runs in vain.
#[test]
fn a_peer_that_takes_one_octet_of_headers() {
    let report = run("tiny_header_list", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            peer.settings(&[(6, 1)]).request(1).message(1, b"x", true);
        });
        attack.deliver();
        let call = attack.calls[0];
        let status = sailplane::Status::not_found("a text that is longer than one octet");
        attack.connection.respond(call, None, sailplane::Metadata::new(), Err(status)).unwrap();
        attack.connection.release(call);
        attack.drain();
    });
    assert_eq!((report.statuses(), report.goaway()), (vec!["5".to_owned()], None));
}

/// VU#421644: CVE-2024-27316, CVE-2024-28182, CVE-2024-30255, CVE-2024-27919, CVE-2024-31309,
/// CVE-2024-24549, CVE-2024-27983, CVE-2024-2653, CVE-2023-45288, RUSTSEC-2024-0332, CVE-2026-33871.
#[test]
fn header_blocks_without_end() {
    for size in [0, 1, 16_384] {
        for count in [8, 9, 100_000] {
            // Eight are allowed, and 64 KiB in all.
            let allowed = count == 8 && size < 16_384;
            let report = run("continuations", Victim::Server, FIXED, |attack| {
                attack.peer(|peer| {
                    peer.frame(1, 0, 1, b"");
                });
                for _ in 0..count {
                    attack.peer(|peer| {
                        peer.frame(9, 0, 1, &vec![0x82; size]);
                    });
                    attack.deliver();
                    if attack.is_over {
                        break;
                    }
                }
            });
            let expected = if allowed { None } else { CALM };
            assert_eq!(report.goaway(), expected, "{count} of {size}");
        }
    }
}

/// Nothing comes between the frames of a header block (RFC 9113 §6.10).
#[test]
fn a_header_block_of_two_streams() {
    for other in 0..=9_u8 {
        let report = run("interleaved", Victim::Server, FIXED, |attack| {
            attack.peer(|peer| {
                let block = peer.block(&crate::support::wire::REQUEST);
                peer.frame(1, 0, 1, &block[..10]);
                let (flags, stream) = if other == 9 { (4, 3) } else { (0, 0) };
                match other {
                    0..=3 | 5 | 9 => peer.frame(other, flags, 3, &[0; 4]),
                    7 => peer.frame(other, flags, stream, &[0; 8]),
                    6 => peer.ping(1),
                    8 => peer.window_update(0, 1),
                    _ => peer.settings(&[]),
                };
            });
            attack.deliver();
        });
        let codes = [Some(ErrorCode::PROTOCOL_ERROR), Some(ErrorCode::FRAME_SIZE_ERROR)];
        assert!(codes.contains(&report.goaway()), "{other}: {:?}", report.goaway());
    }
}

/// CVE-2026-21714: a window that overflows ends the connection, and frees it.
#[test]
fn a_connection_window_that_overflows() {
    let report = run("window_overflow", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            peer.request(1).window_update(0, 0x7fff_ffff);
        });
        attack.deliver();
    });
    assert_eq!((report.goaway(), report.is_over), (Some(ErrorCode::FLOW_CONTROL_ERROR), true));
}

/// WINDOW_UPDATEs that nobody needs: those on a stream that is closed count, and none costs memory.
#[test]
fn window_updates_without_end() {
    let report = run("window_updates", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            peer.request(1).rst(1, ErrorCode::CANCEL);
            for _ in 0..20_000 {
                peer.window_update(1, 1);
            }
        });
        attack.deliver();
    });
    assert_eq!(report.goaway(), CALM);
}

/// CVE-2019-9513: there is no tree of priorities.
#[test]
fn priorities_without_end() {
    let report = run("priorities", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            for turn in 0..100_000_u32 {
                let on = turn.wrapping_mul(2_654_435_761) & 0x7fff_ffff;
                let mut payload = on.to_be_bytes().to_vec();
                payload.push(7);
                peer.frame(2, 0, (2 * turn + 1) & 0x7fff_ffff, &payload);
            }
        });
        attack.deliver();
    });
    assert_eq!(report.goaway(), CALM);
    assert!(report.peak < 16 * 1024, "{}", report.peak);
}

/// CVE-2019-9518, RUSTSEC-2026-0258.
#[test]
fn empty_data_without_end() {
    let mut held = Vec::new();
    let report = run("empty_data", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            peer.request(1).data(1, &[0, 0, 0, 0, 9, 1], false);
        });
        for _ in 0..1_000 {
            attack.peer(|peer| {
                for _ in 0..1_000 {
                    peer.data(1, b"", false);
                }
            });
            attack.deliver();
            crate::meter::apart(|| held.push(attack.connection.unread_bytes()));
            if attack.is_over {
                break;
            }
        }
    });
    assert_eq!(report.goaway(), CALM);
    held.dedup();
    assert!(held.len() <= 2, "{held:?}");
}

/// CVE-2019-9518: empty CONTINUATIONs and the rest of what means nothing.
#[test]
fn frames_without_a_purpose() {
    let floods: [(&str, Flood); 5] = [
        ("unknown", |peer| {
            peer.frame(0x42, 0, 0, b"x");
        }),
        ("unknown on a stream that is idle", |peer| {
            peer.frame(0x42, 0xff, 9, b"x");
        }),
        ("SETTINGS acknowledgements", |peer| {
            peer.settings_ack();
        }),
        ("PING acknowledgements", |peer| {
            peer.frame(6, 1, 0, &[0; 8]);
        }),
        ("RST_STREAM on a closed stream", |peer| {
            peer.rst(1, ErrorCode::CANCEL);
        }),
    ];
    for (name, flood) in floods {
        let report = run("pointless", Victim::Server, FIXED, |attack| {
            attack.peer(|peer| {
                peer.request(1);
                for _ in 0..20_000 {
                    flood(peer);
                }
            });
            attack.deliver();
        });
        assert_eq!(report.goaway(), CALM, "{name}");
    }
}

/// RFC 9113 §6.1: padding that does not fit ends the connection; what fits is returned as credit.
#[test]
fn paddings_of_all_lengths() {
    for pad in 0..=255_u8 {
        for octets in 0..=3_usize {
            let fits = usize::from(pad) <= octets;
            let report = run("padding", Victim::Server, FIXED, |attack| {
                attack.peer(|peer| {
                    let mut payload = vec![pad];
                    payload.resize(1 + octets, 0);
                    peer.request(1).frame(0, PADDED, 1, &payload);
                });
                attack.deliver();
                if fits {
                    let (available, owed) = attack.connection.receive_credit();
                    assert_eq!(available + i64::from(owed), 4 << 20, "all credit is there, or owed");
                }
            });
            let expected = if fits { None } else { Some(ErrorCode::PROTOCOL_ERROR) };
            assert_eq!(report.goaway(), expected, "{pad} of {octets}");
        }
    }
}

/// CVE-2022-24777, and a GOAWAY that names more streams than the one before.
#[test]
fn goaways_of_all_kinds() {
    let falling = |attack: &mut crate::meter::Attack| {
        attack.connection.start_call(attack.now, unary("x")).unwrap();
        attack.drain();
        attack.peer(|peer| {
            for turn in 0..11_000_u32 {
                peer.goaway(0x7fff_ffff - turn, ErrorCode::NO_ERROR);
            }
        });
        attack.deliver();
    };
    assert_eq!(run("goaways", Victim::Client, FIXED, falling).goaway(), CALM);
    for (ids, expected) in [
        (&[7, 9][..], Some(ErrorCode::PROTOCOL_ERROR)),
        (&[0x7fff_ffff, 8, 8, 3], None),
        (&[0, 0], Some(ErrorCode::NO_ERROR)),
    ] {
        let report = run("goaways", Victim::Client, FIXED, |attack| {
            attack.connection.start_call(attack.now, unary("x")).unwrap();
            attack.drain();
            attack.peer(|peer| {
                for id in ids {
                    peer.goaway(*id, ErrorCode::NO_ERROR);
                }
            });
            attack.deliver();
        });
        // With the last call the connection ends in order: nothing needs to be said.
        let found = report.goaway();
        assert!(found == expected || (expected == Some(ErrorCode::NO_ERROR) && found.is_none()), "{ids:?}");
    }
    // 16 KiB of debug data, which nobody keeps.
    let report = run("goaway_debug", Victim::Client, FIXED, |attack| {
        attack.peer(|peer| {
            let mut payload = vec![0; 16_384];
            payload[3] = 9;
            peer.frame(7, 0, 0, &payload);
        });
        attack.deliver();
    });
    assert!(report.peak < 16 * 1024, "{}", report.peak);
}

/// CVE-2022-24668 (ALTSVC, ORIGIN), CVE-2026-27141 (types 0x0a to 0x0f).
#[test]
fn types_that_nobody_knows() {
    let limits = Limits::default().glitches_burst(u32::MAX);
    let report = run_with("unknown_types", Victim::Server, limits, FIXED, |attack| {
        attack.peer(|peer| {
            for kind in 10..=255 {
                for flags in [0, 1, 4, 8, 0x20, 0xff] {
                    for octets in [0, 1, 4, 8, 20] {
                        for stream in 0..=3 {
                            peer.frame(kind, flags, stream, &vec![0xff; octets]);
                        }
                    }
                }
            }
            peer.request(1);
        });
        attack.deliver();
    });
    assert_eq!((report.goaway(), report.told), (None, 1));
}
