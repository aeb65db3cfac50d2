//! The connection preface of a client (RFC 9113 §3.4).

/// What a client sends first. A SETTINGS frame follows.
pub const CLIENT_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How far a received preface has been compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// So many octets match, and more are to come.
    Partial(usize),
    /// The preface is there.
    Complete,
    /// The first octet of `input` that was not taken differs.
    Differs,
}

/// Takes from `input` what continues the preface, of which `matched` octets came before.
pub(super) fn compare(matched: usize, input: &mut &[u8]) -> Comparison {
    let expected = CLIENT_PREFACE.get(matched..).unwrap_or_default();
    let equal = expected.iter().zip(*input).take_while(|(a, b)| a == b).count();
    *input = input.get(equal..).unwrap_or_default();
    let matched = matched.saturating_add(equal);
    if equal == expected.len() {
        Comparison::Complete
    } else if input.is_empty() {
        Comparison::Partial(matched)
    } else {
        Comparison::Differs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preface_matches_under_every_split() {
        for split in 0..CLIENT_PREFACE.len() {
            let (mut first, mut second) = CLIENT_PREFACE.split_at(split);
            assert_eq!(compare(0, &mut first), Comparison::Partial(split));
            assert_eq!(compare(split, &mut second), Comparison::Complete);
            assert!(second.is_empty());
        }
    }

    #[test]
    fn what_follows_the_preface_is_left() {
        let mut input = &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0"[..];
        assert_eq!(compare(0, &mut input), Comparison::Complete);
        assert_eq!(input, b"\0\0");
    }

    #[test]
    fn every_changed_octet_is_found() {
        for changed in 0..CLIENT_PREFACE.len() {
            let mut bytes = *CLIENT_PREFACE;
            bytes[changed] ^= 1;
            let mut input = &bytes[..];
            assert_eq!(compare(0, &mut input), Comparison::Differs);
            assert_eq!(input.len(), CLIENT_PREFACE.len() - changed);
        }
    }
}
