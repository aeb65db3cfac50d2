//! Small grammars: percent-encoding, base64, timeouts, paths, targets. What is accepted is judged by a second
//! description of each grammar, and survives being written and read again.

use bytes::Bytes;
use core::time::Duration;
use sailplane::Path;
use sailplane::call::{base64, percent, timeout};
use sailplane::channel::{Endpoint, Target};

use crate::Input;

/// The first octet chooses the grammar, the rest is the text.
pub fn texts(data: &[u8]) {
    let mut input = Input::new(data);
    match input.below(5) {
        0 => check_percent(input.rest()),
        1 => check_base64(input.rest()),
        2 => check_timeout(input),
        3 => check_path(input.rest()),
        _ => check_target(&String::from_utf8_lossy(input.rest())),
    }
}

/// PROTOCOL-HTTP2.md, `Percent-Encoded`.
fn check_percent(octets: &[u8]) {
    let text = percent::decode(octets);
    let wire = percent::encode(&text);
    assert!(wire.iter().all(|octet| (0x20..=0x7e).contains(octet)));
    assert_eq!(percent::decode(&wire), text);
    if !octets.contains(&b'%') {
        assert_eq!(text, String::from_utf8_lossy(octets));
    }
    let mut rest = &wire[..];
    while let Some((octet, behind)) = rest.split_first() {
        rest = behind;
        if *octet == b'%' {
            let (digits, behind) = rest.split_first_chunk::<2>().expect("an escape is whole");
            assert!(digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F')));
            rest = behind;
        }
    }
}

/// RFC 4648 §4, padding optional.
fn check_base64(text: &[u8]) {
    let mut octets = Vec::new();
    let accepted = base64::decode(text, &mut octets).is_some();
    let padding = text.iter().rev().take_while(|octet| **octet == b'=').count();
    let digits = &text[..text.len() - padding];
    let legal = digits.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/'));
    let padded = padding == 0 || (padding <= 2 && text.len() % 4 == 0);
    assert_eq!(accepted, legal && padded && digits.len() % 4 != 1);
    let octets = if accepted { &octets } else { text };
    if accepted {
        assert_eq!(octets.len(), digits.len() * 3 / 4);
    }
    let (mut wire, mut back) = (Vec::new(), Vec::new());
    base64::encode(octets, &mut wire);
    assert_eq!(wire.len(), (octets.len() * 4).div_ceil(3));
    assert!(base64::decode(&wire, &mut back).is_some() && back == octets);
}

/// PROTOCOL-HTTP2.md, `Timeout`.
fn check_timeout(mut input: Input<'_>) {
    let nanoseconds = u64::from(input.word()) << 32 | u64::from(input.word());
    let duration = Duration::from_nanos(nanoseconds >> (input.byte() % 64));
    let wire = timeout::TimeoutText::new(duration);
    let back = timeout::parse(wire.as_bytes()).expect("our own timeout is sound");
    assert!(back >= duration && back - duration <= duration / 1000 + Duration::from_micros(1));

    let text = input.rest();
    let sound = text.len() >= 2
        && text.len() <= 9
        && text[..text.len() - 1].iter().all(u8::is_ascii_digit)
        && b"HMSmun".contains(&text[text.len() - 1]);
    let parsed = timeout::parse(text);
    assert_eq!(parsed.is_some(), sound);
    if let Some(parsed) = parsed {
        let count: u128 = String::from_utf8_lossy(&text[..text.len() - 1]).parse().expect("digits");
        let unit: u128 = match text[text.len() - 1] {
            b'H' => 3_600_000_000_000,
            b'M' => 60_000_000_000,
            b'S' => 1_000_000_000,
            b'm' => 1_000_000,
            b'u' => 1_000,
            _ => 1,
        };
        assert_eq!(parsed.as_nanos(), count * unit);
    }
}

/// One canonical form: `/service/method`, visible ASCII.
fn check_path(octets: &[u8]) {
    let parts: Vec<_> = octets.split(|octet| *octet == b'/').collect();
    let sound = parts.len() == 3
        && parts[0].is_empty()
        && parts[1..].iter().all(|part| !part.is_empty() && part.iter().all(u8::is_ascii_graphic));
    let path = Path::new(Bytes::copy_from_slice(octets));
    assert_eq!(path.is_ok(), sound);
    if let Ok(path) = path {
        assert_eq!((path.service().as_bytes(), path.method().as_bytes()), (parts[1], parts[2]));
        assert_eq!((path.as_bytes(), path.to_string().as_bytes()), (octets, octets));
    }
}

fn check_target(text: &str) {
    let target = match text.parse::<Target>() {
        Ok(target) => target,
        Err(error) => {
            assert!(error.to_string().len() > "invalid target ``: ".len() + text.len());
            return;
        }
    };
    assert_eq!((&**target.as_str(), target.to_string().as_str()), (text, text));
    assert_eq!(text.parse::<Target>().as_ref(), Ok(&target));
    let authority = core::str::from_utf8(target.authority()).expect("an authority is text");
    assert!(!authority.is_empty() && authority.bytes().all(|octet| octet.is_ascii_graphic()), "{authority}");
    match target.endpoint() {
        Endpoint::Name { host, port } => assert_eq!(format!("{host}:{port}"), canonical(authority)),
        Endpoint::Addresses(list) => assert!(!list.is_empty()),
        Endpoint::Unix(path) => assert!(!path.is_empty() && !path.contains('\0')),
        _ => {}
    }
    if !matches!(target.endpoint(), Endpoint::Unix(_)) {
        let again: Target = authority.parse().expect("an authority is a target");
        assert_eq!(again.authority(), target.authority());
    }
}

/// The port without zeros in front.
fn canonical(authority: &str) -> String {
    let (host, port) = authority.rsplit_once(':').expect("an authority has a port");
    format!("{host}:{}", port.parse::<u16>().expect("a port"))
}
