//! What was seen before changes nothing but the cost.

use super::*;
use quickcheck::quickcheck;

/// Names and values of which lists are made: legal ones, and some that are not in some place.
const FIELDS: [(&str, &str); 16] = [
    (":path", "/a/b"),
    (":path", "/a/c"),
    ("te", "trailers"),
    ("grpc-timeout", "1S"),
    ("grpc-timeout", "20m"),
    ("grpc-timeout", "x"),
    ("grpc-timeout", "5\0"),
    ("grpc-timeout", " 5S"),
    ("x-id", "1"),
    ("x-id", "2"),
    ("x-id", "\n"),
    ("user-agent", "me"),
    ("content-length", "5"),
    ("host", "h"),
    ("grpc-encoding", "gzip"),
    ("grpc-timeout", "99999999H"),
];

fn list(choice: &[u8]) -> FieldList {
    let mut fields = FieldList::new();
    for (name, value) in [(":method", "POST"), (":scheme", "http"), (":authority", "h")] {
        fields.push(name.as_bytes(), value.as_bytes(), false);
    }
    if choice.first().is_none_or(|first| first & 0x40 == 0) {
        fields.push(b":path", b"/a/b", false);
    }
    for octet in choice {
        if let Some((name, value)) = FIELDS.get(usize::from(octet % 32)) {
            fields.push(name.as_bytes(), value.as_bytes(), octet & 0x80 != 0);
        }
    }
    fields.push(b"content-type", b"application/grpc", false);
    fields
}

quickcheck! {
    /// What was seen before changes nothing but the cost.
    fn a_request_means_the_same_whatever_was_seen(lists: Vec<Vec<u8>>) -> bool {
        let mut seen = Seen::default();
        lists.iter().flat_map(|choice| {
            // The same once more, and with other timeouts.
            let swap = |to: u8| choice.iter().map(|octet| if matches!(octet % 32, 3..=7 | 15) { to } else { *octet }).collect();
            let lists: [Vec<u8>; 5] = [choice.clone(), choice.clone(), swap(3), swap(4), swap(6)];
            lists
        }).all(|choice| {
            let fields = list(&choice);
            let text = |parsed: Result<Request, Rejected>| match parsed {
                Ok(Request { head, facts }) => {
                    let metadata: Vec<_> = head.metadata.iter().map(|field| (field.name().as_bytes().to_vec(), field.as_bytes().to_vec(), field.is_sensitive())).collect();
                    format!("{head:?} {facts:?} {metadata:?}")
                }
                Err(rejected) => format!("{rejected:?}"),
            };
            text(parse(&fields, &mut seen)) == text(parse(&fields, &mut Seen::default()))
        })
    }
}

#[test]
fn only_the_timeout_may_differ() {
    let mut seen = Seen::default();
    let kept = |seen: &Seen, choice: &[u8]| seen.timed(&list(choice)).map(|request| request.facts.timeout);
    assert!(parse(&list(&[3, 8]), &mut seen).is_ok());
    assert_eq!(kept(&seen, &[4, 8]), Some(Some(Duration::from_millis(20))));
    for other in [&[4, 9][..], &[5, 8], &[6, 8], &[4], &[8], &[4, 8, 8], &[8, 4], &[4, 0x88]] {
        assert_eq!(kept(&seen, other), None, "{other:?}");
    }
}
