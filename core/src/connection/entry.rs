//! One call of a connection with the stream that serves it.

use alloc::boxed::Box;

use crate::call::message::Assembler;
use crate::call::outgoing::Outgoing;
use crate::call::response::Ending;
use crate::call::state::Receiving;
use crate::call::{Metadata, Outcome, Replay, RequestHead, ResponseHead, Status};
use crate::error::ErrorCode;
use crate::stream::Stream;
use crate::time::Instant;

/// All that a connection knows of one call. Which fields mean something depends on the role.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) stream: Stream,
    pub(super) receiving: Receiving,
    pub(super) incoming: Assembler,
    pub(super) outgoing: Outgoing,
    /// Client: the head to be written, kept until the call is committed. Server: until it is taken.
    pub(super) request: Apart<RequestHead>,
    /// Client: the response head came and was not taken.
    has_response: bool,
    extra: Option<Box<Extra>>,
    /// HEADERS are to be written.
    pub(super) send_head: bool,
    /// The head was written.
    pub(super) head_written: bool,
    /// Server: trailers to be written once the messages are.
    pub(super) ending: Option<Ending>,
    /// Server: the HTTP status of a response that is one header list only.
    pub(super) http_status: u16,
    /// RST_STREAM is to be written.
    pub(super) reset: Option<ErrorCode>,
    fate: Fate,
    /// Why it failed, if it ended and nobody has asked.
    failure: Option<Status>,
    pub(super) has_deadline: bool,
    pub(super) interim_responses: u32,
    /// What was received is so much less than content-length said, if `has_length`.
    length_left: u64,
    has_length: bool,
    /// Size of a message that was answered `Blocked`; zero for none.
    pub(super) blocked: u32,
    /// Flow-control credit that is withheld while the connection holds too much.
    pub(super) withheld: u32,
    /// Size of the request's metadata, as counted for the connection.
    pub(super) metadata_bytes: u32,
    /// One bit for each kind of pending event.
    pub(super) events: u8,
    /// Counted among the streams that are open.
    pub(super) counted: bool,
    /// Its events are told. A server's call is told once there is room for one more handler, and counts
    /// as a live handler from then on.
    pub(super) told: bool,
    /// Server: it waits for a handler to end.
    pub(super) waiting: bool,
    /// When it was started, for what its status says.
    pub(super) started: Instant,
    /// Nobody refers to it any more.
    pub(super) released: bool,
    /// The table finds it by its stream.
    pub(super) bound: bool,
}

/// What most calls have no need of.
#[derive(Debug, Default)]
struct Extra {
    /// Server: what initial metadata go out. Written when `send_head` is set.
    initial: Metadata,
    /// Client: the response head until it is taken, where it says anything.
    response: Option<ResponseHead>,
    /// Client: what a peer that is no gRPC server said, until its body is known.
    not_grpc: Option<NotGrpc>,
    /// Client: what came with the end of the call.
    trailers: Metadata,
    /// Client: what is needed to start it again.
    replay: Option<Box<Replay>>,
}

/// Something large that most calls are soon without: in memory of its own, which stays for the next one until it
/// is given up.
#[derive(Debug)]
pub(super) struct Apart<T>(Option<Box<Option<T>>>);

impl<T> Default for Apart<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Apart<T> {
    #[inline]
    pub(super) fn get(&self) -> Option<&T> {
        self.0.as_deref()?.as_ref()
    }

    /// Where to put something. To be asked for before that is made, which then needs no copy.
    #[inline(always)]
    pub(super) fn place(&mut self) -> &mut Option<T> {
        match &mut self.0 {
            Some(place) => place,
            none => add_place(none),
        }
    }

    #[inline(always)]
    pub(super) fn take(&mut self) -> Option<T> {
        self.0.as_deref_mut()?.take()
    }

    /// The same where the call will be there for a while, and has no use for the memory.
    #[inline(never)]
    pub(super) fn take_whole(&mut self) -> Option<T> {
        *self.0.take()?
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        if let Some(place) = self.0.as_deref_mut() {
            *place = None;
        }
    }
}

#[cold]
fn add_place<T>(none: &mut Option<Box<Option<T>>>) -> &mut Box<Option<T>> {
    none.insert(Box::new(None))
}

/// Whether a call has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Running,
    /// Ended, and nobody has asked how.
    Decided,
    /// Ended, and taken.
    Taken,
}

/// A response that is not gRPC.
#[derive(Debug)]
pub(super) struct NotGrpc {
    pub(super) status: Status,
    pub(super) body: alloc::vec::Vec<u8>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            stream: Stream::idle(),
            receiving: Receiving::Head,
            incoming: Assembler::default(),
            outgoing: Outgoing::default(),
            request: Apart::default(),
            has_response: false,
            extra: None,
            send_head: false,
            head_written: false,
            ending: None,
            http_status: 200,
            reset: None,
            fate: Fate::Running,
            failure: None,
            has_deadline: false,
            interim_responses: 0,
            length_left: 0,
            has_length: false,
            blocked: 0,
            withheld: 0,
            metadata_bytes: 0,
            events: 0,
            counted: false,
            told: false,
            waiting: false,
            started: Instant::ZERO,
            released: false,
            bound: false,
        }
    }
}

impl Entry {
    /// Makes it a fresh one that keeps small buffers. Field by field: moving a whole new one here would
    /// cost several times as much, once for each call.
    pub(super) fn reset(&mut self) {
        // Without `..`, so that no field can be forgotten.
        let Self {
            stream,
            receiving,
            incoming,
            outgoing,
            request,
            has_response,
            extra,
            send_head,
            head_written,
            ending,
            http_status,
            reset,
            fate,
            failure,
            has_deadline,
            interim_responses,
            length_left,
            has_length,
            blocked,
            withheld,
            metadata_bytes,
            events,
            counted,
            told,
            waiting,
            started,
            released,
            bound,
        } = self;
        *stream = Stream::idle();
        *receiving = Receiving::Head;
        incoming.clear();
        outgoing.clear();
        request.clear();
        // Mostly there is none: to look costs less than to drop.
        if ending.is_some() || extra.is_some() || failure.is_some() {
            (*ending, *extra, *failure) = (None, None, None);
        }
        *reset = None;
        *http_status = 200;
        *fate = Fate::Running;
        *interim_responses = 0;
        (*length_left, *has_length) = (0, false);
        (*blocked, *withheld, *metadata_bytes) = (0, 0, 0);
        *events = 0;
        (*has_response, *send_head, *head_written, *has_deadline) = (false, false, false, false);
        (*counted, *told, *waiting, *released, *bound) = (false, false, false, false, false);
        *started = Instant::ZERO;
    }

    /// HEADERS were never written: the peer does not know the call.
    pub(super) const fn is_unsent(&self) -> bool {
        self.stream.id.is_zero()
    }

    /// RFC 9113 §8.1.1: a content-length that differs from the sum of the DATA is malformed.
    pub(super) fn contradicts_length(&self) -> bool {
        self.has_length && self.length_left != 0
    }

    pub(super) const fn set_content_length(&mut self, length: Option<u64>) {
        (self.has_length, self.length_left) = match length {
            Some(length) => (true, length),
            None => (false, 0),
        };
    }

    /// So many octets of DATA came.
    #[inline]
    pub(super) const fn received(&mut self, octets: usize) {
        // Modulo 2^64, it is zero only for as many as were said.
        self.length_left = self.length_left.wrapping_sub(octets as u64);
    }

    pub(super) const fn is_running(&self) -> bool {
        matches!(self.fate, Fate::Running)
    }

    /// It ended.
    #[inline(always)]
    pub(super) fn decide(
        &mut self,
        status: Result<(), Status>,
        trailers: Metadata,
        replay: Option<Box<Replay>>,
    ) {
        self.fate = Fate::Decided;
        if let Err(status) = status {
            self.failure = Some(status);
        }
        if !trailers.is_empty() || replay.is_some() {
            let extra = self.extra();
            (extra.trailers, extra.replay) = (trailers, replay);
        }
    }

    /// It ended, and nobody asks how.
    #[inline]
    pub(super) const fn decide_unasked(&mut self) {
        self.fate = Fate::Taken;
    }

    /// How it ended, once.
    pub(super) fn take_outcome(&mut self) -> Option<Outcome> {
        if self.fate != Fate::Decided {
            return None;
        }
        self.fate = Fate::Taken;
        let mut outcome = Outcome { status: Ok(()), trailers: Metadata::new(), replay: None };
        if let Some(status) = self.failure.take() {
            outcome.status = Err(status);
        }
        if let Some(extra) = self.extra.as_deref_mut() {
            (outcome.trailers, outcome.replay) = (core::mem::take(&mut extra.trailers), extra.replay.take());
        }
        Some(outcome)
    }

    #[cold]
    fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Server: initial metadata to go out, unless there are none.
    pub(super) fn set_initial(&mut self, metadata: Metadata) {
        if !metadata.is_empty() {
            self.extra().initial = metadata;
        }
    }

    #[inline]
    pub(super) fn has_initial(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| !extra.initial.is_empty())
    }

    pub(super) fn initial(&self) -> &Metadata {
        self.extra.as_ref().map_or(const { &Metadata::new() }, |extra| &extra.initial)
    }

    /// Client: the response head came, which perhaps says something.
    #[inline]
    pub(super) fn set_response(&mut self, head: Option<ResponseHead>) {
        self.has_response = true;
        if head.is_some() {
            self.extra().response = head;
        }
    }

    /// Client: the response head, once.
    #[inline]
    pub(super) fn take_response(&mut self) -> Option<ResponseHead> {
        if !core::mem::take(&mut self.has_response) {
            return None;
        }
        let head = self.extra.as_deref_mut().and_then(|extra| extra.response.take());
        Some(head.unwrap_or_default())
    }

    pub(super) fn set_not_grpc(&mut self, status: Status) {
        self.extra().not_grpc = Some(NotGrpc { status, body: alloc::vec::Vec::new() });
    }

    #[inline]
    pub(super) fn not_grpc(&mut self) -> Option<&mut NotGrpc> {
        self.extra.as_deref_mut()?.not_grpc.as_mut()
    }

    #[inline]
    pub(super) fn take_not_grpc(&mut self) -> Option<NotGrpc> {
        self.extra.as_deref_mut()?.not_grpc.take()
    }

    /// Whether the call's sending side has something that no window holds back: the head, the end, a
    /// reset, credit for the peer.
    pub(super) fn is_urgent(&self) -> bool {
        self.reset.is_some()
            || self.send_head
            || (self.outgoing.unsent() == 0 && (self.ending.is_some() || self.outgoing.finished))
            || self.stream.receive_window.wants_update()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_call_is_small() {
        // With what an allocator adds to it, 336 octets: a server may have many streams on which nothing happens.
        assert!(size_of::<Entry>() <= 41 * size_of::<usize>(), "{}", size_of::<Entry>());
    }

    #[test]
    fn what_stands_apart_keeps_its_memory_until_it_is_taken_whole() {
        let mut apart = Apart::default();
        assert_eq!((apart.get().copied(), apart.take(), apart.take_whole()), (None::<u32>, None, None));
        *apart.place() = Some(1_u32);
        assert_eq!((apart.get().copied(), apart.take(), apart.take()), (Some(1), Some(1), None));
        assert!(apart.0.is_some());
        *apart.place() = Some(2);
        apart.clear();
        assert!(apart.get().is_none() && apart.0.is_some());
        *apart.place() = Some(3);
        assert_eq!((apart.take_whole(), apart.0.is_none()), (Some(3), true));
    }
}
