//! The observer of what an end sends (`support/audit.rs`) sees what it should: every rule, broken once.

use crate::support::audit::Auditor;
use crate::support::wire::{END_HEADERS, OK, Peer, REQUEST, RESPONSE};
use sailplane::error::ErrorCode;

type Script = for<'a> fn(&'a mut Peer) -> &'a mut Peer;

/// What is wrong with what a side gave out, after what it took in: each line by `>` and `<`.
fn fault(is_client: bool, took: Script, gave: Script) -> Option<String> {
    let mut auditor = Auditor::new(is_client);
    let (mut own, mut other) = (Peer::silent(), Peer::silent());
    let preface = |peer: &mut Peer| peer.bytes.extend_from_slice(sailplane::wire::CLIENT_PREFACE);
    preface(if is_client { &mut own } else { &mut other });
    own.settings(&[]);
    other.settings(&[]);
    auditor.gave(&own.take());
    auditor.took(&other.take());
    took(&mut other);
    auditor.took(&other.take());
    gave(&mut own);
    auditor.gave(&own.take());
    auditor.fault().map(str::to_owned)
}

/// RFC 9113, by the section that each fault names.
#[test]
fn every_rule_is_seen_when_it_is_broken() {
    let as_client: [(&str, Script, Script); 18] = [
        ("", |p| p, |p| p.settings_ack().request(1).data(1, b"x", true)),
        ("§6.5.3", |p| p, |p| p.settings_ack().settings_ack()),
        ("§5.1.1", |p| p, |p| p.request(2)),
        ("§5.1.1", |p| p, |p| p.request(3).request(1)),
        ("§5.1)", |p| p, |p| p.data(1, b"", true)),
        ("§5.1)", |p| p, |p| p.request(1).data(1, b"", true).data(1, b"", true)),
        ("§5.1)", |p| p, |p| p.request(1).rst(1, ErrorCode::CANCEL).rst(1, ErrorCode::CANCEL)),
        ("§5.1)", |p| p, |p| p.request(1).rst(1, ErrorCode::CANCEL).window_update(1, 1)),
        ("§5.1)", |p| p, |p| p.rst(1, ErrorCode::CANCEL)),
        ("§6.9)", |p| p, |p| p.window_update(0, 0)),
        ("§6.9.1", |p| p, |p| p.window_update(0, 0x7fff_ffff)),
        ("§6.9.1", |p| p.settings(&[(4, 4)]), |p| p.request(1).data(1, b"12345", false)),
        ("§5.1.2", |p| p.settings(&[(3, 1)]), |p| p.request(1).request(3)),
        ("§6.8", |p| p.goaway(0, ErrorCode::NO_ERROR), |p| p.request(1)),
        ("§6.7", |p| p.ping(1), |p| p.frame(6, 1, 0, &[9; 8])),
        ("§6.10", |p| p, |p| p.frame(1, 0, 1, b"").ping(1)),
        ("§8.1", |p| p, |p| p.request(1).headers(1, &[("x", "y")], false)),
        ("§5.4.1", |p| p, |p| p.goaway(0, ErrorCode::PROTOCOL_ERROR).ping(1)),
    ];
    for (section, took, gave) in as_client {
        let found = fault(true, took, gave).unwrap_or_default();
        assert!(found.contains(section) && found.is_empty() == section.is_empty(), "{section}: {found:?}");
    }
    let as_server: [(&str, Script, Script); 8] = [
        ("", |p| p.request(1), |p| p.headers(1, &RESPONSE, false).headers(1, &OK, true)),
        ("§5.1)", |p| p, |p| p.headers(1, &RESPONSE, false)),
        ("§5.1)", |p| p.request(1).rst(1, ErrorCode::CANCEL), |p| p.headers(1, &RESPONSE, false)),
        ("§8.3", |p| p.request(1), |p| p.headers(1, &REQUEST, false)),
        ("§8.2.1", |p| p.request(1), |p| p.headers(1, &[RESPONSE[0], ("X", "y")], false)),
        ("§8.2.1", |p| p.request(1), |p| p.headers(1, &[RESPONSE[0], ("x", " y")], false)),
        ("§8.2.2", |p| p.request(1), |p| p.headers(1, &[RESPONSE[0], ("upgrade", "y")], false)),
        ("§6.8", |p| p.request(1), |p| p.goaway(1, ErrorCode::NO_ERROR).goaway(3, ErrorCode::NO_ERROR)),
    ];
    for (section, took, gave) in as_server {
        let found = fault(false, took, gave).unwrap_or_default();
        assert!(found.contains(section) && found.is_empty() == section.is_empty(), "{section}: {found:?}");
    }
    let lowered = fault(
        true,
        |p| p.settings(&[(1, 0)]),
        |p| p.settings_ack().settings_ack().frame(1, END_HEADERS, 1, &[0x83]),
    );
    assert!(lowered.is_some_and(|found| found.contains("cannot be decoded")), "RFC 7541 §4.2");
    let large = fault(true, |p| p, |p| p.frame(0xfe, 0, 0, &[0; 16_385]));
    assert!(large.is_some_and(|found| found.contains("no HTTP/2")), "RFC 9113 §4.2");
}
