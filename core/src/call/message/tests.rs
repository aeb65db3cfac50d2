use super::*;
use alloc::vec::Vec;
use quickcheck::quickcheck;

fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        out.push(0);
        out.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
        out.extend_from_slice(message);
    }
    out
}

fn drain(assembler: &mut Assembler, credit: &mut usize, out: &mut Vec<Vec<u8>>) {
    while let Some((message, more)) = assembler.take() {
        out.push(message.to_vec());
        *credit += more;
    }
}

quickcheck! {
    /// Messages, order and total credit are the same in any chunking, drained early or late.
    fn any_chunking_gives_the_same_messages(messages: Vec<Vec<u8>>, cuts: Vec<u8>, drains: Vec<bool>) -> bool {
        let wire = framed(&messages);
        let (mut assembler, mut credit, mut out) = (Assembler::default(), 0, Vec::new());
        let (mut rest, mut turn) = (wire.as_slice(), 0);
        while !rest.is_empty() {
            let cut = cuts.get(turn % cuts.len().max(1)).map_or(rest.len(), |cut| usize::from(*cut)).clamp(1, rest.len());
            let (piece, behind) = rest.split_at(cut);
            credit += assembler.receive(piece, 1 << 20, 1 << 16).unwrap();
            rest = behind;
            if drains.get(turn % drains.len().max(1)) == Some(&true) {
                drain(&mut assembler, &mut credit, &mut out);
            }
            turn += 1;
        }
        drain(&mut assembler, &mut credit, &mut out);
        out == messages && credit == wire.len() && assembler.is_between_messages() && assembler.held() == 0
    }
}

quickcheck! {
    /// One message at a time or not, drained or not: the same as without the short way.
    fn one_message_is_taken_as_any_octets(pieces: Vec<(Vec<u8>, u8, bool)>) -> bool {
        let (mut short, mut long) = (Assembler::default(), Assembler::default());
        for (message, shape, drains) in pieces {
            let mut wire = framed(core::slice::from_ref(&message));
            match shape % 8 {
                0 => wire.truncate(wire.len() / 2),
                1 => wire.extend_from_slice(&message),
                2 => wire[0] = message.len() as u8,
                _ => {}
            }
            let expected = long.receive(&wire, 60, 1 << 16);
            if short.receive_one(&wire, 60) {
                assert_eq!((expected, short.held()), (Ok(wire.len()), wire.len() - PREFIX_LEN));
            } else {
                assert_eq!(short.receive(&wire, 60, 1 << 16), expected);
            }
            assert_eq!(short.held(), long.held());
            if expected.is_err() {
                return true;
            }
            if drains {
                assert_eq!(short.take(), long.take());
            }
        }
        true
    }
}

quickcheck! {
    /// Many at once are the same messages for the same credit as one by one.
    fn many_at_once_are_those_that_come_one_by_one(messages: Vec<Vec<u8>>, takes: Vec<(u8, usize)>) -> bool {
        let wire = framed(&messages);
        let (mut many, mut one) = (Assembler::default(), Assembler::default());
        let (mut rest, mut turn) = (wire.as_slice(), takes.iter().cycle());
        loop {
            let (cut, octets) = turn.next().copied().unwrap_or((255, 100));
            let (piece, behind) = rest.split_at(rest.len().min(usize::from(cut) + 1));
            assert_eq!(many.receive(piece, 1 << 20, 1 << 16), one.receive(piece, 1 << 20, 1 << 16));
            let octets = octets % 1000;
            if let Some((taken, credit)) = many.take_many(octets) {
                assert!(taken.octets() <= octets || taken.clone().count() == 1);
                let mut expected = 0;
                for message in taken {
                    let (same, more) = one.take().unwrap();
                    assert_eq!(message, same);
                    expected += more;
                }
                assert_eq!(credit, expected);
            }
            assert_eq!(many.has_message(), one.has_message());
            rest = behind;
            if rest.is_empty() && !many.has_message() {
                return many.is_idle() == one.is_idle();
            }
        }
    }
}

#[test]
fn only_the_first_message_is_credited_until_it_is_taken() {
    let wire = framed(&[b"abc".to_vec(), b"de".to_vec(), b"f".to_vec()]);
    let mut assembler = Assembler::default();
    assert_eq!(assembler.receive(&wire, 10, 1 << 20), Ok(8));
    assert_eq!(assembler.take(), Some((Bytes::from_static(b"abc"), 7)));
    assert_eq!(assembler.take(), Some((Bytes::from_static(b"de"), 6)));
    assert_eq!(assembler.take(), Some((Bytes::from_static(b"f"), 0)));
    assert_eq!(assembler.take(), None);
}

#[test]
fn a_claimed_length_allocates_nothing() {
    let mut assembler = Assembler::default();
    assert_eq!(assembler.receive(&[0, 0, 0x40, 0, 0], 1 << 22, 1 << 22), Ok(5));
    assert!(assembler.building.is_none());
    assert!(!assembler.is_between_messages());
    assert_eq!(
        Assembler::default().receive(&[0, 0xff, 0xff, 0xff, 0xff], 1 << 22, 1 << 22),
        Err(MessageError::TooLarge { length: u32::MAX, limit: 1 << 22 })
    );
}

/// The buffer of small messages serves one after the other; one that is kept has it for itself.
#[test]
fn small_messages_share_a_buffer_only_in_turn() {
    let mut assembler = Assembler::default();
    let mut kept = Vec::new();
    for turn in 0..100_u8 {
        let message = alloc::vec![turn; usize::from(turn) * 7 % 600];
        let wire = framed(core::slice::from_ref(&message));
        let (first, second) = wire.split_at(wire.len() * usize::from(turn % 3) / 2);
        assembler.receive(first, 1000, 1 << 20).unwrap();
        assembler.receive(second, 1000, 1 << 20).unwrap();
        let (received, _) = assembler.take().unwrap();
        assert_eq!(received, message);
        if turn % 10 == 3 {
            kept.push((received, message));
        }
        assert!(kept.iter().all(|(received, message)| received == message));
    }
    let wire = framed(&[b"abc".to_vec()]);
    for _ in 0..LENT_MAX {
        assembler.receive(&wire, 1000, 1 << 20).unwrap();
        assembler.take().unwrap();
    }
    let size = assembler.small_size;
    assembler.receive(&wire, 1000, 1 << 20).unwrap();
    assembler.take().unwrap();
    assert_eq!((assembler.lent, assembler.small_size), (0, size));
}

/// A call whose first message is never let go gets another buffer.
#[test]
fn a_buffer_that_stays_in_use_is_given_up() {
    let mut assembler = Assembler::default();
    let wire = framed(&[alloc::vec![7; SMALL_MIN]]);
    let mut next = || {
        assembler.receive(&wire, 1000, 1 << 20).unwrap();
        (assembler.take().unwrap().0, assembler.lent)
    };
    let (kept, _) = next();
    for lent in 1..LENT_MAX {
        assert_eq!(next(), (kept.clone(), lent));
    }
    // The last one for which it is in use, and the first ones in another.
    for _ in 0..3 {
        assert_eq!(next(), (kept.clone(), 0));
    }
}

#[test]
fn every_compressed_flag_is_judged() {
    for flag in 0..=255_u8 {
        let expected = match flag {
            0 => Ok(5),
            1 => Err(MessageError::CompressedWithoutEncoding),
            flag => Err(MessageError::InvalidFlag(flag)),
        };
        assert_eq!(Assembler::default().receive(&[flag, 0, 0, 0, 0], 10, 10), expected);
    }
}

#[test]
fn many_empty_messages_cost_no_more_than_their_octets() {
    let mut assembler = Assembler::default();
    let wire = [0; 65_535];
    assembler.receive(&wire, 10, 1 << 20).unwrap();
    assert!(assembler.rest.as_ref().map_or(0, |rest| rest.held()) <= 128 * 1024);
    let mut count = 0;
    while assembler.take().is_some() {
        count += 1;
    }
    assert_eq!(count, 13_107);
}

/// Wherever the octets are cut: two messages, then a prefix that is none.
#[test]
fn what_was_complete_before_a_fault_can_be_taken() {
    let mut wire = framed(&[alloc::vec![1, 2], alloc::vec![3]]);
    wire.extend([0, 0, 0, 1, 0, 9, 9]);
    for cut in 0..wire.len() {
        let (mut assembler, (first, second)) = (Assembler::default(), wire.split_at(cut));
        let received = assembler.receive(first, 100, 100).and_then(|_| assembler.receive(second, 100, 100));
        assert_eq!(received, Err(MessageError::TooLarge { length: 256, limit: 100 }));
        let mut out = Vec::new();
        drain(&mut assembler, &mut 0, &mut out);
        assert_eq!(
            (out, assembler.held()),
            (alloc::vec![alloc::vec![1, 2], alloc::vec![3]], 0),
            "cut at {cut}"
        );
    }
}
