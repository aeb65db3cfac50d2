//! A connection that hears everything before anybody looks at it.

use bytes::Bytes;
use sailplane::call::ResponseHead;
use sailplane::{CallId, Code, Event, Instant};

use super::End;

/// Events, output and contents of a connection that was fed and drained once at the end.
#[derive(Debug, PartialEq)]
pub struct Late {
    pub events: Vec<Event>,
    pub written: Vec<u8>,
    pub heads: Vec<Option<ResponseHead>>,
    pub messages: Vec<Vec<Bytes>>,
    pub codes: Vec<Option<Result<(), (Code, String)>>>,
    pub credit: (i64, u32),
}

/// Feeds `bytes` in pieces of the sizes that `cut` chooses, and drains once.
pub fn late(mut end: End, now: Instant, bytes: &[u8], mut cut: impl FnMut(usize) -> usize) -> Late {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(cut(rest.len()).clamp(1, rest.len()));
        end.receive(now, piece);
        rest = behind;
    }
    let written = end.drain(now);
    let events = end.take_events();
    let calls: Vec<_> = (0..20).map(|index| CallId::new(index, 0)).collect();
    let known = |end: &End, call: &CallId| end.connection.has_ended(*call).is_some();
    let calls: Vec<_> = calls.into_iter().filter(|call| known(&end, call)).collect();
    Late {
        heads: calls.iter().map(|call| end.connection.take_response(*call)).collect(),
        messages: calls.iter().map(|call| end.messages(*call).0).collect(),
        codes: calls
            .iter()
            .map(|call| {
                let outcome = end.connection.take_outcome(*call)?;
                Some(outcome.status.map_err(|status| (status.code(), status.message().to_owned())))
            })
            .collect(),
        events,
        written,
        credit: end.connection.receive_credit(),
    }
}
