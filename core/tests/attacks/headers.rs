//! HPACK and header lists.

use crate::meter::apart;
use sailplane::error::ErrorCode;
use sailplane::hpack::{Encoder, Indexing};
use sailplane::{Code, Limits, Metadata};

use crate::meter::{Attack, FIXED, Report, Victim, run, run_with};
use crate::support::unary;
use crate::support::wire::{REQUEST, RESPONSE, Sent};

const CALM: Option<ErrorCode> = Some(ErrorCode::ENHANCE_YOUR_CALM);

/// A field without indexing, lengths below 127.
fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = vec![0, u8::try_from(name.len()).unwrap()];
    out.extend_from_slice(name);
    out.push(u8::try_from(value.len()).unwrap());
    out.extend_from_slice(value);
    out
}

/// A block as HEADERS and as many CONTINUATIONs as it takes.
fn send(attack: &mut Attack, stream: u32, end: bool, block: &[u8]) {
    attack.peer(|peer| {
        let mut pieces = block.chunks(16_384).peekable();
        let first = pieces.next().unwrap_or_default();
        let last = |more: bool| if more { 0 } else { 4 };
        peer.frame(1, u8::from(end) | last(pieces.peek().is_some()), stream, first);
        while let Some(piece) = pieces.next() {
            peer.frame(9, last(pieces.peek().is_some()), stream, piece);
        }
    });
    attack.deliver();
}

/// A request whose block ends with this.
fn request(attack: &mut Attack, stream: u32, more: &[u8]) {
    let block = apart(|| {
        let mut block = attack.peer.block(&REQUEST);
        block.extend_from_slice(more);
        block
    });
    send(attack, stream, true, &block);
    apart(|| drop(block));
}

/// Requests with these fields besides the usual ones, one after the other.
fn requests(name: &str, limits: Limits, cases: &[Vec<(&str, &str)>]) -> Report {
    run_with(name, Victim::Server, limits, 8 * FIXED, |attack| {
        for (index, fields) in cases.iter().enumerate() {
            let stream = 2 * u32::try_from(index).unwrap() + 1;
            attack.peer(|peer| {
                peer.headers(stream, fields, true);
            });
            attack.deliver();
            if let Some(call) = attack.calls.last().copied() {
                let _ = attack.connection.respond(call, None, Metadata::new(), Ok(()));
                attack.connection.release(call);
                attack.drain();
            }
        }
    })
}

/// What became of each stream: `ok`, a gRPC status, or the code of its reset.
fn fates(report: &Report, count: usize) -> Vec<String> {
    let mut fates = vec![String::new(); count];
    for frame in &report.sent {
        let (stream, fate) = match frame {
            Sent::Headers { stream, fields, .. } => {
                let status = fields.iter().find(|(name, _)| name == "grpc-status");
                (*stream, status.map_or(String::new(), |(_, value)| value.clone()))
            }
            Sent::Rst { stream, code } if *code != ErrorCode::NO_ERROR => (*stream, format!("{code}")),
            _ => continue,
        };
        fates[stream as usize / 2].push_str(&fate);
    }
    fates
}

/// CVE-2016-6581: one large entry, many references.
#[test]
fn hpack_bomb() {
    let report = run("hpack_bomb", Victim::Server, FIXED, |attack| {
        let more = apart(|| {
            let mut more = vec![0x40, 1, b'x', 0x7f, 0xa1, 0x1e];
            more.extend([b'v'; 4_000]);
            more.extend([0xbe; 16_000]);
            more
        });
        request(attack, 1, &more);
        apart(|| drop(more));
    });
    assert_eq!((report.goaway(), report.told), (CALM, 0));
}

/// CVE-2026-49975, CVE-2026-47774: one tiny entry, many references, on every stream; nothing can be answered.
/// Each crumb of a cookie counts.
#[test]
fn http2_bomb() {
    for (references, ends) in [(16_383, true), (1_600, false), (120, false)] {
        let bound = FIXED + (1 << 20) + 100 * 8 * 1024;
        let report = run("http2_bomb", Victim::Server, bound, |attack| {
            attack.peer(|peer| {
                peer.settings(&[(4, 0)]);
            });
            let field = apart(|| vec![0x40, 6, b'c', b'o', b'o', b'k', b'i', b'e', 1, b'x']);
            let many = apart(|| vec![0xbe; references]);
            for turn in 0..256 {
                if attack.is_over {
                    break;
                }
                let more = apart(|| if turn == 0 { [&field[..], &many].concat() } else { many.clone() });
                request(attack, 2 * turn + 1, &more);
                apart(|| drop(more));
            }
            apart(|| drop((field, many)));
        });
        let expected = if ends { CALM } else { None };
        assert_eq!(report.goaway(), expected, "{references}");
        // Too many fields: answered at once. Few enough: as many calls as there may be.
        assert_eq!(report.told, if references == 120 { 100 } else { 0 }, "{references}");
        assert!(report.statuses().iter().all(|status| status == "8"));
    }
}

/// CVE-2019-9516: names and values of no length.
#[test]
fn fields_of_no_length() {
    for count in [1, 100, 8_193] {
        let report = run("empty_fields", Victim::Server, FIXED, |attack| {
            let more = apart(|| literal(b"", b"").repeat(count));
            request(attack, 1, &more);
            apart(|| drop(more));
        });
        let expected = if count == 8_193 { CALM } else { None };
        assert_eq!((report.goaway(), report.told), (expected, 0), "{count}");
    }
}

/// CVE-2022-41723: twice the input costs twice the memory traffic, not four times.
#[test]
fn long_strings_cost_what_they_weigh() {
    let allocated = |octets: usize| {
        let limits = Limits::default().header_decode_bytes_max(1 << 20).header_list_bytes_max(1 << 20);
        let report = run_with("long_strings", Victim::Server, limits, 8 * FIXED, |attack| {
            let rest = octets - 127;
            let more = apart(|| {
                let mut more =
                    vec![0, 1, b'x', 0xff, (rest % 128) as u8 | 0x80, (rest / 128 % 128) as u8 | 0x80];
                more.push((rest / 128 / 128) as u8);
                more.extend(vec![0; octets]);
                more
            });
            request(attack, 1, &more);
            apart(|| drop(more));
        });
        assert_eq!((report.goaway(), report.told), (None, 1));
        report.allocated
    };
    let (one, two) = (allocated(40_000), allocated(80_000));
    assert!(two * 10 <= one * 22, "{one} {two}");
}

/// CVE-2023-33953, CVE-2022-24667, RUSTSEC-2023-0085: integers and strings that claim more than there is.
#[test]
fn blocks_that_claim_more_than_there_is() {
    let blocks: [&[u8]; 9] = [
        &[0x3f],
        &[0xff],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x80],
        &[0xbf],
        &[0x40, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0x00, 0x01, b'x', 0x7f, 0xff, 0xff, 0xff, 0x7f],
        &[0x00, 0x81, 0xff, 0x00],
        &[0x0f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
    ];
    for more in blocks {
        let report = run("hpack_claims", Victim::Server, 32 * 1024, |attack| request(attack, 1, more));
        assert_eq!((report.goaway(), report.told), (Some(ErrorCode::COMPRESSION_ERROR), 0), "{more:x?}");
    }
}

/// Adds to a header block what makes a server not take it.
type Spoil = fn(&mut Encoder, &mut Vec<u8>);

/// CVE-2023-32731, CVE-2024-7246: a block that is refused, too large, malformed or late changes the table all
/// the same, and poisons nothing.
#[test]
fn tables_stay_in_step_with_blocks_that_are_not_taken() {
    let cases: [(&str, Spoil); 4] = [
        ("too large", |encoder, block| {
            for _ in 0..20 {
                encoder.literal(block, b"x-large", &[b'v'; 1_000], Indexing::NotIndexed);
            }
        }),
        ("malformed", |encoder, block| encoder.literal(block, b"X-Upper", b"v", Indexing::Indexed)),
        ("binary garbage", |encoder, block| encoder.literal(block, b"x-bin", b"#", Indexing::Indexed)),
        ("no gRPC", |_, _| {}),
    ];
    for (name, spoil) in cases {
        let mut seen = Vec::new();
        run("table_desync", Victim::Server, FIXED, |attack| {
            let mut encoder = apart(Encoder::new);
            for (turn, bad) in [(0_u32, true), (1, false), (2, true), (3, false)] {
                let block = apart(|| {
                    let mut block = Vec::new();
                    encoder.begin(&mut block);
                    for (name, value) in REQUEST {
                        let value = if bad && name == ":method" { "GET" } else { value };
                        encoder.literal(&mut block, name.as_bytes(), value.as_bytes(), Indexing::Indexed);
                    }
                    if bad {
                        spoil(&mut encoder, &mut block);
                    }
                    // An entry that is made by a block which is not taken, and used by the next.
                    let text = format!("value-{}", turn / 2);
                    encoder.literal(&mut block, b"x-kept", text.as_bytes(), Indexing::Indexed);
                    block
                });
                send(attack, 2 * turn + 1, true, &block);
                apart(|| drop(block));
            }
            for index in 0..attack.calls.len() {
                let call = attack.calls[index];
                let head = attack.connection.take_request(call).unwrap();
                apart(|| seen.push(head.metadata.get("x-kept").map(|value| format!("{value:?}"))));
            }
            assert!(!attack.is_over, "{name}");
            apart(|| drop(encoder));
        });
        assert_eq!(seen.len(), 2, "{name}");
        assert!(seen[0].as_ref().unwrap().contains("value-0"), "{name}: {seen:?}");
        assert!(seen[1].as_ref().unwrap().contains("value-1"), "{name}: {seen:?}");
    }
}

/// h2#909: many names, as like each other as can be.
#[test]
fn names_that_collide() {
    let names: Vec<String> = (0..122).map(|number| format!("x-{:0>3}{}", number, "a".repeat(60))).collect();
    let report = run("names", Victim::Server, FIXED, |attack| {
        let more = apart(|| names.iter().flat_map(|name| literal(name.as_bytes(), b"")).collect::<Vec<_>>());
        request(attack, 1, &more);
        apart(|| drop(more));
    });
    assert_eq!((report.goaway(), report.told), (None, 1));
}

/// RUSTSEC-2017-0002, CVE-2019-9900, and request splitting: octets that no name and no value may have, at
/// either end and in the middle.
#[test]
fn octets_that_do_not_belong_into_fields() {
    let limits = Limits::default().glitches_burst(u32::MAX).resets_burst(u32::MAX);
    let is_name = |octet: u8| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.');
    let is_value = |octet: u8, edge: bool| matches!(octet, 0x21..=0x7e) || (octet == 0x20 && !edge);
    let mut taken = Vec::new();
    let report = run_with("octets", Victim::Server, limits, 2 * FIXED, |attack| {
        let mut stream = 1;
        for place in 0..3 {
            for octet in 0..=255_u8 {
                for in_name in [true, false] {
                    let mut odd = *b"abc";
                    odd[place] = octet;
                    let more = apart(|| if in_name { literal(&odd, b"v") } else { literal(b"x", &odd) });
                    let before = attack.calls.len();
                    request(attack, stream, &more);
                    apart(|| drop(more));
                    stream += 2;
                    let call = (attack.calls.len() > before).then(|| attack.calls[before]);
                    if let Some(call) = call {
                        let _ = attack.connection.respond(call, None, Metadata::new(), Ok(()));
                        attack.connection.release(call);
                        attack.drain();
                    }
                    apart(|| taken.push((place, octet, in_name, call.is_some())));
                }
            }
        }
    });
    assert_eq!(report.goaway(), None);
    for (place, octet, in_name, taken) in taken {
        // RFC 9113 §8.2.1 forbids less in names than gRPC does.
        let token = matches!(octet, 0x21..=0x7e) && !octet.is_ascii_uppercase() && octet != b':';
        let sound = if in_name { is_name(octet) } else { is_value(octet, place != 1) };
        // RFC 9113 §8.2.1 forbids three octets in values, and white space at their edges.
        let may = if in_name { token } else { !matches!(octet, 0 | b'\n' | b'\r') };
        assert!(!sound || taken, "{octet:#x} at {place} in name: {in_name} was refused");
        assert!(!taken || may, "{octet:#x} at {place} in name: {in_name} was taken");
        // What is sent is held to gRPC's own alphabet.
        let mut odd = *b"abc";
        odd[place] = octet;
        let mut metadata = Metadata::new();
        let text = std::str::from_utf8(&odd);
        let sent = match (in_name, text) {
            // Names are sent in lower case.
            (true, Ok(name)) => !octet.is_ascii_uppercase() && metadata.append(name, "v").is_ok(),
            (false, Ok(value)) => metadata.append("x", value).is_ok(),
            _ => false,
        };
        assert!(!sent || sound || (!in_name && octet == b' '), "{octet:#x} at {place}, name: {in_name}");
    }
}

/// RFC 9113 §8.3: every list of up to five pseudo-header fields; only those with each once are requests.
#[test]
fn pseudo_headers_in_all_orders() {
    let fields = [REQUEST[0], REQUEST[1], REQUEST[2], REQUEST[3], (":other", "x")];
    let mut cases = Vec::new();
    let mut lists: Vec<Vec<usize>> = vec![vec![]];
    for _ in 0..5 {
        lists = lists
            .iter()
            .flat_map(|list| (0..fields.len()).map(move |next| [&list[..], &[next]].concat()))
            .collect();
        cases.extend(lists.iter().cloned());
    }
    let limits = Limits::default().glitches_burst(u32::MAX).resets_burst(u32::MAX);
    for chunk in cases.chunks(1_000) {
        let requests_of: Vec<Vec<(&str, &str)>> = chunk
            .iter()
            .map(|list| list.iter().map(|at| fields[*at]).chain(REQUEST[4..].iter().copied()).collect())
            .collect();
        let report = requests("pseudo_headers", limits.clone(), &requests_of);
        assert_eq!(report.goaway(), None);
        for (list, fate) in chunk.iter().zip(fates(&report, chunk.len())) {
            let times = |field: usize| list.iter().filter(|at| **at == field).count();
            // The authority may be missing (RFC 9113 §8.3.1).
            let sound = (0..3).all(|field| times(field) == 1) && times(3) <= 1 && times(4) == 0;
            let expected = if sound { "0" } else { "PROTOCOL_ERROR" };
            assert_eq!(fate, expected, "{list:?}");
        }
    }
    // After a regular field, and in trailers.
    let late: Vec<_> = [("x", "y")].into_iter().chain(REQUEST).collect();
    let report = requests("pseudo_headers", limits, &[late]);
    assert_eq!(fates(&report, 1), ["PROTOCOL_ERROR"]);
    let report = run("pseudo_in_trailers", Victim::Server, FIXED, |attack| {
        attack.peer(|peer| {
            peer.request(1).headers(1, &[(":path", "/a/b")], true);
        });
        attack.deliver();
    });
    assert_eq!(report.resets(ErrorCode::PROTOCOL_ERROR), 1);
}

fn with(fields: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    REQUEST.iter().chain(fields).copied().collect()
}

/// RFC 9113 §8.2.2, CVE-2023-1428 (`te: x`), and a host that contradicts the authority.
#[test]
fn fields_of_the_connection() {
    let te = |value| vec![REQUEST[0], REQUEST[1], REQUEST[2], REQUEST[3], ("te", value), REQUEST[5]];
    let table = [
        (with(&[("connection", "close")]), "PROTOCOL_ERROR"),
        (with(&[("keep-alive", "1")]), "PROTOCOL_ERROR"),
        (with(&[("proxy-connection", "x")]), "PROTOCOL_ERROR"),
        (with(&[("transfer-encoding", "chunked")]), "PROTOCOL_ERROR"),
        (with(&[("upgrade", "h2c")]), "PROTOCOL_ERROR"),
        (te("x"), "PROTOCOL_ERROR"),
        (te("gzip"), "PROTOCOL_ERROR"),
        (te(""), "PROTOCOL_ERROR"),
        (te("trailers"), "0"),
        (with(&[("host", "localhost")]), "0"),
    ];
    let cases: Vec<_> = table.iter().map(|(fields, _)| fields.clone()).collect();
    let report = requests("connection_fields", Limits::default(), &cases);
    let expected: Vec<_> = table.iter().map(|(_, fate)| (*fate).to_owned()).collect();
    assert_eq!(fates(&report, cases.len()), expected);
    let mixed = [with(&[("host", "elsewhere")]), with(&[("host", "localhost"), ("host", "elsewhere")])];
    for fate in fates(&requests("connection_fields", Limits::default(), &mixed), 2) {
        assert_ne!(fate, "0", "an authority that is not clear");
    }
}

/// RFC 9110 §8.6, RFC 9113 §8.1.1: digits, the same each time, and what DATA says.
#[test]
fn content_lengths() {
    let table = [
        (&["0"][..], "0"),
        (&["00"], "0"),
        (&["1"], "PROTOCOL_ERROR"),
        (&["5"], "PROTOCOL_ERROR"),
        (&[""], "PROTOCOL_ERROR"),
        (&["-0"], "PROTOCOL_ERROR"),
        (&["+0"], "PROTOCOL_ERROR"),
        (&[" 0"], "PROTOCOL_ERROR"),
        (&["0 "], "PROTOCOL_ERROR"),
        (&["0x0"], "PROTOCOL_ERROR"),
        (&["0.0"], "PROTOCOL_ERROR"),
        (&["18446744073709551616"], "PROTOCOL_ERROR"),
        (&["0", "1"], "PROTOCOL_ERROR"),
        (&["0", "0"], "0"),
    ];
    let cases: Vec<Vec<(&str, &str)>> = table
        .iter()
        .map(|(values, _)| {
            REQUEST.iter().copied().chain(values.iter().map(|value| ("content-length", *value))).collect()
        })
        .collect();
    let report = requests("content_length", Limits::default(), &cases);
    for ((values, expected), fate) in table.iter().zip(fates(&report, cases.len())) {
        assert_eq!(fate, *expected, "{values:?}");
    }
}

/// CVE-2026-33186: one reading of a path. A handler gets the very octets that were sent, or none runs.
#[test]
fn paths_that_mean_something_else() {
    let paths = [
        "/greet.Greeter/SayHello",
        "greet.Greeter/SayHello",
        "//greet.Greeter/SayHello",
        "/greet.Greeter//SayHello",
        "/greet.Greeter/SayHello/",
        "/greet.Greeter",
        "/greet.Greeter/",
        "/",
        "//",
        "///",
        "*",
        "",
        "/greet.Greeter%2fSayHello",
        "/greet.Greeter/%53ayHello",
        "/greet.Greeter/SayHello?x=y",
        "/greet.Greeter/SayHello#x",
        "/greet.Greeter/../SayHello",
        "/./greet.Greeter/SayHello",
        "/a/greet.Greeter/SayHello",
        "/greet.Greeter/SayHello;x",
        "/greet.Greeter/Say Hello",
        "/greet.Greeter\\SayHello",
        "http://localhost/greet.Greeter/SayHello",
        "/GREET.GREETER/SAYHELLO",
        "/greet.Greeter/SayHello%00",
        "/greet.Greeter/SayHello\u{1}",
        "/greet.Greeter/SayHello\u{7f}",
        "/gr\u{e9}et/SayHello",
        "/greet.Greeter/SayHello%",
        "/greet.Greeter/%zz",
        "/a",
        "a",
        "/a/b",
        "/a/b/c",
        "/a//b",
        "//a/b",
        "/a/ b",
        "/ a/b",
        "/a/b ",
        "/\u{0}/b",
    ];
    let limits = Limits::default().glitches_burst(u32::MAX);
    let mut seen: Vec<Option<(String, String, String)>> = Vec::new();
    run_with("paths", Victim::Server, limits, 2 * FIXED, |attack| {
        for (turn, path) in paths.iter().enumerate() {
            let before = attack.calls.len();
            attack.peer(|peer| {
                let fields: Vec<_> = REQUEST
                    .iter()
                    .map(|(name, value)| (*name, if *name == ":path" { *path } else { *value }))
                    .collect();
                peer.headers(2 * u32::try_from(turn).unwrap() + 1, &fields, true);
            });
            attack.deliver();
            let call = (attack.calls.len() > before).then(|| attack.calls[before]);
            let head = call.and_then(|call| attack.connection.take_request(call));
            apart(|| {
                seen.push(head.as_ref().map(|head| {
                    let path = &head.path;
                    let text = String::from_utf8_lossy(path.as_bytes()).into_owned();
                    (text, path.service().to_owned(), path.method().to_owned())
                }));
            });
            drop(head);
        }
    });
    for (path, seen) in paths.iter().zip(seen) {
        let Some((text, service, method)) = seen else {
            assert!(!["/greet.Greeter/SayHello", "/a/b"].contains(path), "{path:?} is a path");
            continue;
        };
        assert_eq!(text, *path);
        assert_eq!(format!("/{service}/{method}"), text, "one reading of {path:?}");
        assert!(!service.is_empty() && !method.is_empty(), "{path:?}");
        assert!(!method.contains('/'), "{path:?}");
    }
}

/// CVE-2023-32732: base64 that is none ends its call, and nothing else.
#[test]
fn binary_metadata_that_are_garbage() {
    let letters = ["A", "/", "=", "#", ",", " ", "-", "\u{e9}", "z"];
    let mut values = vec![String::new()];
    let mut all = Vec::new();
    for _ in 0..3 {
        values = values
            .iter()
            .flat_map(|value| letters.iter().map(move |letter| format!("{value}{letter}")))
            .collect();
        all.extend(values.clone());
    }
    let cases: Vec<Vec<(&str, &str)>> = all
        .iter()
        .map(|value| REQUEST.iter().copied().chain([("x-bin", value.as_str())]).collect())
        .collect();
    let limits = Limits::default().glitches_burst(u32::MAX).resets_burst(u32::MAX);
    let report = requests("binary_garbage", limits, &cases);
    assert_eq!(report.goaway(), None);
    let fates = fates(&report, cases.len());
    assert!(fates.iter().all(|fate| ["0", "13", "PROTOCOL_ERROR"].contains(&fate.as_str())));
    let fate = |wanted: &str| &fates[all.iter().position(|value| value == wanted).unwrap()];
    assert_eq!([fate("AA"), fate("A"), fate("###"), fate("A#A")], ["0", "13", "13", "13"]);
}

type Pair = (&'static str, &'static str);

/// A response whose status is missing, twice, no number or out of range never is OK (tonic#2543).
#[test]
fn statuses_that_are_none() {
    let table: [(&[Pair], Result<(), Code>); 14] = [
        (&[("grpc-status", "0")], Ok(())),
        (&[], Err(Code::Unknown)),
        (&[("grpc-status", "")], Err(Code::Unknown)),
        (&[("grpc-status", "17")], Err(Code::Unknown)),
        (&[("grpc-status", "-1")], Err(Code::Unknown)),
        (&[("grpc-status", "+0")], Err(Code::Unknown)),
        (&[("grpc-status", "0x0")], Err(Code::Unknown)),
        (&[("grpc-status", "99999999999999999999")], Err(Code::Unknown)),
        (&[("grpc-status", "zero")], Err(Code::Unknown)),
        (&[("grpc-status", "5")], Err(Code::NotFound)),
        (&[("grpc-status", "16")], Err(Code::Unauthenticated)),
        (&[("grpc-message", "fine")], Err(Code::Unknown)),
        (&[("grpc-status", "5"), ("grpc-message", "%zz%e4%b8%ad%ff%")], Err(Code::NotFound)),
        (&[("grpc-status", "5"), ("grpc-message", "%00%0a%7f")], Err(Code::NotFound)),
    ];
    for (trailers, expected) in table {
        let mut ended = None;
        run("statuses", Victim::Client, FIXED, |attack| {
            let start = unary("x");
            attack.connection.start_call(attack.now, start).unwrap();
            attack.drain();
            attack.peer(|peer| {
                peer.headers(1, &RESPONSE, false).headers(1, trailers, true);
            });
            attack.deliver();
            assert_eq!(attack.ended.len(), 1);
            ended = Some(attack.ended[0].1);
        });
        assert_eq!(ended, Some(expected), "{trailers:?}");
    }
}

/// h2 0.4.7: header blocks, DATA and ends in all orders; the call ends once, if it is told at all.
#[test]
fn trailers_in_all_orders() {
    let limits = Limits::default().glitches_burst(u32::MAX).resets_burst(u32::MAX);
    for number in 0..5_u32.pow(5) {
        run_with("trailer_orders", Victim::Server, limits.clone(), FIXED, |attack| {
            attack.peer(|peer| {
                let mut rest = number;
                for _ in 0..5 {
                    match rest % 5 {
                        0 => peer.headers(1, &REQUEST, false),
                        1 => peer.headers(1, &REQUEST, true),
                        2 => peer.data(1, b"\0\0\0\0\x01x", false),
                        3 => peer.data(1, b"", true),
                        _ => peer.headers(1, &[("x-trailer", "y")], true),
                    };
                    rest /= 5;
                }
            });
            attack.deliver();
            assert!(attack.calls.len() <= 1 && attack.ended.len() <= 1);
        });
    }
}
