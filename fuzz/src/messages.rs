//! gRPC messages out of body octets.

use bytes::Bytes;
use sailplane::call::message::{Assembler, MessageError, PREFIX_LEN};

use crate::Input;

/// Body octets in any chunking, messages taken at any time: the same messages and the same error as a reader
/// that has everything; all credit comes back with the last message; no more held than four times what came.
pub fn grpc_message(data: &[u8]) {
    let mut input = Input::new(data);
    let limit = input.pick(&[4 << 20, 0, 5, 100]);
    let steps = input.chunk();
    let body = body(&mut input);
    let (expected, fault) = reference(&body, limit);

    let mut assembler = Assembler::default();
    let mut steps = Input::new(steps);
    let (mut rest, mut received, mut credit) = (&body[..], Vec::new(), 0);
    let mut failed = None;
    while !rest.is_empty() && failed.is_none() {
        let most = if steps.is_empty() { rest.len() } else { steps.below(64) };
        let (piece, behind) = rest.split_at(most.min(rest.len()));
        rest = behind;
        match assembler.receive(piece, limit, limit) {
            Ok(returned) => credit += returned,
            Err(error) => failed = Some(error),
        }
        assert!(assembler.held() <= 4 * body.len() + 64);
        if steps.one_in(2) {
            take(&mut assembler, &mut received, &mut credit);
        }
    }
    assert_eq!(failed, fault);
    while assembler.has_message() {
        take(&mut assembler, &mut received, &mut credit);
    }
    assert!(assembler.take().is_none());
    if fault.is_none() {
        assert_eq!(received, expected);
        assert_eq!(credit, body.len(), "all credit is back");
        let whole: usize = expected.iter().map(|message| message.len() + PREFIX_LEN).sum();
        assert_eq!(assembler.is_between_messages(), whole == body.len());
    } else {
        assert_eq!(received, expected, "what was complete before the fault");
    }
    assembler.clear();
    assert!(!assembler.has_message() && assembler.held() == 0);
}

fn take(assembler: &mut Assembler, received: &mut Vec<Bytes>, credit: &mut usize) {
    if let Some((message, returned)) = assembler.take() {
        received.push(message);
        *credit += returned;
    }
}

/// Octets of which some are sound messages.
fn body(input: &mut Input<'_>) -> Vec<u8> {
    let mut body = Vec::new();
    while !input.is_empty() {
        match input.below(8) {
            0 => body.extend_from_slice(input.chunk()),
            1 => body.extend_from_slice(&[0, 0, 0, 0, 0].repeat(input.below(40))),
            2 => {
                let length = input.word();
                body.push(input.pick(&[0, 0, 0, 1, 2, 255]));
                body.extend(length.to_be_bytes());
            }
            _ => {
                let message = input.chunk();
                body.extend([0, 0, 0, 0, u8::try_from(message.len()).unwrap_or(0)]);
                body.extend_from_slice(message);
            }
        }
    }
    body
}

/// PROTOCOL-HTTP2.md, "Length-Prefixed-Message", read at once.
fn reference(mut body: &[u8], limit: usize) -> (Vec<Bytes>, Option<MessageError>) {
    let mut messages = Vec::new();
    while let Some((&[flag, a, b, c, d], behind)) = body.split_first_chunk() {
        let length = u32::from_be_bytes([a, b, c, d]);
        let fault = match flag {
            0 if length as usize > limit => Some(MessageError::TooLarge { length, limit }),
            0 => None,
            1 => Some(MessageError::CompressedWithoutEncoding),
            _ => Some(MessageError::InvalidFlag(flag)),
        };
        if fault.is_some() {
            return (messages, fault);
        }
        let Some((message, rest)) = behind.split_at_checked(length as usize) else { break };
        messages.push(Bytes::copy_from_slice(message));
        body = rest;
    }
    (messages, None)
}
