//! What a call knows by itself, under its own lock: where it is, what was taken for it, who waits.

use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

use sailplane::call::{Messages, Metadata, Outcome, ResponseHead, Status};
use sailplane::channel::Ticket;
use sailplane::{CallId, Instant};

use crate::{Io, Link};

/// Where a call is.
pub(crate) enum Place<I: Io> {
    /// Client: on its way from one place to another; whoever moves it says where it arrived.
    Moving,
    /// Client: its record waits in the channel.
    Waiting(Ticket),
    /// On a connection.
    Placed(Arc<Link<I>>, CallId),
    /// Nowhere: it ended, or was released. The address of the peer that it had.
    Over(Option<Arc<str>>),
}

/// What changed for a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Headers, a message, the end of the messages.
    pub(crate) receive: bool,
    /// Room for another message.
    pub(crate) send: bool,
    /// The call ended.
    pub(crate) ended: bool,
}

pub(crate) struct Local<I: Io> {
    pub(crate) place: Place<I>,
    /// The connection may have something for the call. False: an event will come first, so there is no need
    /// to lock the connection.
    pub(crate) look: bool,
    pub(crate) head_taken: bool,
    pub(crate) messages: Stock,
    /// No message will follow those in `messages`.
    pub(crate) complete: bool,
    /// It ended; if badly, why, for whoever asks later.
    over: bool,
    failure: Option<Status>,
    /// Server: the peer's messages were complete before the call ended.
    pub(crate) messages_ended: bool,
    /// A handle cancelled it: it is not repeated.
    pub(crate) cancelled: bool,
    /// Small messages that were sent, modulo 256.
    pub(crate) added: u8,
    /// Somebody else than the thread that waits may end the wait, by other means than bytes on the connection.
    pub(crate) interruptible: bool,

    // Client: what a record says beyond the call itself, and what came and was not asked for.
    /// At the end of time, there is none.
    deadline: Instant,
    pub(crate) wait_for_ready: bool,
    pub(crate) repetitions: u32,
    head_came: bool,
    outcome_came: bool,
    pub(crate) finished: bool,
    pub(crate) extra: Option<Box<Extra>>,

    pub(crate) receive_waker: Option<Waker>,
    pub(crate) send_waker: Option<Waker>,
    pub(crate) cancel_waker: Option<Waker>,
}

/// What most calls have no need of.
#[derive(Default)]
pub(crate) struct Extra {
    /// Server: what goes with the first message. Client: the initial metadata that came, if `head_came`.
    headers: Metadata,
    /// Server: what goes with the status. Client: what came with the outcome, if `outcome_came`.
    trailers: Metadata,
    /// Client: the encoding of a response that has one.
    encoding: Bytes,
    /// Client: how the call ended, where that says how to repeat it.
    pub(crate) outcome: Option<Outcome>,
    /// Client: what could not be sent yet when the call was placed.
    pub(crate) backlog: VecDeque<Bytes>,
}

impl<I: Io> Local<I> {
    pub(crate) fn new(place: Place<I>) -> Self {
        Self {
            place,
            look: false,
            head_taken: false,
            messages: Stock::default(),
            complete: false,
            over: false,
            failure: None,
            messages_ended: false,
            cancelled: false,
            added: 0,
            interruptible: false,
            deadline: Instant::MAX,
            wait_for_ready: false,
            repetitions: 0,
            head_came: false,
            outcome_came: false,
            finished: false,
            extra: None,
            receive_waker: None,
            send_waker: None,
            cancel_waker: None,
        }
    }

    /// Becomes that of another call.
    pub(crate) fn renew(&mut self, place: Place<I>) {
        *self = Self::new(place);
    }

    pub(crate) fn place_at(&mut self, link: &Arc<Link<I>>, id: CallId) {
        self.place = Place::Placed(Arc::clone(link), id);
    }

    /// It is nowhere from now on; where it was.
    pub(crate) fn leave(&mut self) -> Place<I> {
        let peer = self.peer();
        std::mem::replace(&mut self.place, Place::Over(peer))
    }

    pub(crate) fn peer(&self) -> Option<Arc<str>> {
        match &self.place {
            Place::Placed(link, _) => link.address().cloned(),
            Place::Over(peer) => peer.clone(),
            Place::Moving | Place::Waiting(_) => None,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        Some(self.deadline).filter(|at| *at != Instant::MAX)
    }

    pub(crate) fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline.unwrap_or(Instant::MAX);
    }

    #[inline]
    pub(crate) const fn is_over(&self) -> bool {
        self.over
    }

    /// Why it failed, if it did.
    #[inline]
    pub(crate) const fn failure(&self) -> Option<&Status> {
        self.failure.as_ref()
    }

    /// It ended so.
    #[inline]
    pub(crate) fn set_over(&mut self, status: Result<(), Status>) {
        (self.over, self.failure) = (true, status.err());
    }

    /// The call ends here, with nothing to read; who waits for it.
    pub(crate) fn fail(&mut self, status: Status) -> Wakers {
        self.end(status);
        self.wakers(News { receive: true, send: true, ended: true })
    }

    /// The call ends here, with nothing to read. Those who wait are told by somebody else.
    pub(crate) fn end(&mut self, status: Status) {
        self.leave();
        self.complete = true;
        self.put_outcome(Outcome { status: Err(status), trailers: Metadata::new(), replay: None });
        if let Some(extra) = &mut self.extra {
            extra.backlog.clear();
        }
    }

    /// Whether no message waits in it to be read.
    pub(crate) fn is_light(&self) -> bool {
        self.messages.is_empty()
    }

    #[inline]
    pub(crate) const fn has_head(&self) -> bool {
        self.head_came
    }

    #[inline]
    pub(crate) const fn has_outcome(&self) -> bool {
        self.outcome_came
    }

    /// Client: the response begins.
    pub(crate) fn put_head(&mut self, head: ResponseHead) {
        self.head_came = true;
        let ResponseHead { encoding, metadata } = head;
        if self.extra.is_some() || !encoding.is_empty() || !metadata.is_empty() {
            let extra = self.extra();
            (extra.encoding, extra.headers) = (encoding, metadata);
        }
    }

    pub(crate) fn take_head(&mut self) -> Option<ResponseHead> {
        if !std::mem::take(&mut self.head_came) {
            return None;
        }
        let encoding = self.extra.as_mut().map(|extra| std::mem::take(&mut extra.encoding));
        Some(ResponseHead { encoding: encoding.unwrap_or_default(), metadata: self.take_headers() })
    }

    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Server: adds to what goes with the first message.
    pub(crate) fn add_headers(&mut self, headers: &Metadata) {
        self.extra().headers.extend(headers);
    }

    /// Server: adds to what goes with the status.
    pub(crate) fn add_trailers(&mut self, trailers: &Metadata) {
        self.extra().trailers.extend(trailers);
    }

    #[inline]
    pub(crate) fn take_headers(&mut self) -> Metadata {
        self.extra.as_mut().map_or_else(Metadata::new, |extra| std::mem::take(&mut extra.headers))
    }

    #[inline]
    pub(crate) fn take_trailers(&mut self) -> Metadata {
        self.extra.as_mut().map_or_else(Metadata::new, |extra| std::mem::take(&mut extra.trailers))
    }

    /// Client: the call ended.
    pub(crate) fn put_outcome(&mut self, outcome: Outcome) {
        self.set_over(outcome.status.clone());
        self.outcome_came = true;
        if outcome.replay.is_some() {
            self.extra().outcome = Some(outcome);
        } else if self.extra.is_some() || !outcome.trailers.is_empty() {
            self.extra().trailers = outcome.trailers;
        }
    }

    pub(crate) fn take_outcome(&mut self) -> Option<Outcome> {
        if !std::mem::take(&mut self.outcome_came) {
            return None;
        }
        if let Some(outcome) = self.extra.as_mut().and_then(|extra| extra.outcome.take()) {
            return Some(outcome);
        }
        let status = self.failure.clone().map_or(Ok(()), Err);
        Some(Outcome { status, trailers: self.take_trailers(), replay: None })
    }

    /// Client: the call is repeated, as if it had not ended.
    pub(crate) fn forget_outcome(&mut self) {
        (self.over, self.failure) = (false, None);
        self.outcome_came = false;
        if let Some(extra) = &mut self.extra {
            extra.outcome = None;
        }
    }

    /// Server: there are headers that go with the first message.
    #[inline]
    pub(crate) fn has_unsent_headers(&self) -> bool {
        !self.head_came && self.extra.as_ref().is_some_and(|extra| !extra.headers.is_empty())
    }

    /// Whether something could not be sent yet when the call was placed.
    #[inline]
    pub(crate) fn has_backlog(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| !extra.backlog.is_empty())
    }

    /// Takes note of `news`; who waits for it.
    pub(crate) fn wakers(&mut self, news: News) -> Wakers {
        self.look |= news.receive || news.ended;
        self.waiting(news)
    }

    /// Who waits for `news`.
    pub(crate) fn waiting(&mut self, news: News) -> Wakers {
        Wakers {
            receive: if news.receive || news.ended { self.receive_waker.take() } else { None },
            send: if news.send || news.ended { self.send_waker.take() } else { None },
            cancel: if news.ended { self.cancel_waker.take() } else { None },
        }
    }

    /// The call waits in the channel, which takes its messages: not so while it was on its way there.
    pub(crate) fn queued(&mut self) -> Wakers {
        self.waiting(News { send: true, ..News::default() })
    }

    /// The call has a connection. Whoever waits may send, and may have to do the reading.
    pub(crate) fn placed(&mut self) -> Wakers {
        Wakers { receive: self.receive_waker.take(), send: self.send_waker.take(), cancel: None }
    }

    /// Why the call is over, for a handle that asks after its end.
    pub(crate) fn reason(&self, early: &'static str) -> Status {
        match &self.failure {
            Some(status) => status.clone(),
            None if self.over => Status::cancelled(early),
            None => Status::cancelled("the call is over"),
        }
    }
}

/// Wakers to use, or drop, when nothing is locked: either may run foreign code.
#[must_use]
#[derive(Default)]
pub(crate) struct Wakers {
    receive: Option<Waker>,
    send: Option<Waker>,
    cancel: Option<Waker>,
}

impl Wakers {
    pub(crate) fn wake(self) {
        for waker in [self.receive, self.send, self.cancel].into_iter().flatten() {
            waker.wake();
        }
    }
}

/// Stores the waker of `cx` in `slot`; the one that was there, to be dropped when nothing is locked.
#[must_use]
pub(crate) fn register(slot: &mut Option<Waker>, cx: &Context<'_>) -> Option<Waker> {
    match slot {
        Some(waker) if waker.will_wake(cx.waker()) => None,
        _ => slot.replace(cx.waker().clone()),
    }
}

/// Messages of so many octets are taken at once for a reader that wants one. Their senders are told that they
/// were read.
pub(crate) const OCTETS_AT_ONCE: usize = 16 * 1024;

/// Messages in order; one, which is most that a unary call has, without an allocation.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    /// What came first, if it is one message.
    first: Option<Bytes>,
    /// That one is the last.
    is_last: bool,
    #[expect(clippy::box_collection, reason = "most calls stay without")]
    behind: Option<Box<VecDeque<Messages>>>,
}

impl Stock {
    pub(crate) fn push(&mut self, messages: Messages) {
        let is_last = messages.is_last();
        match messages.into_single() {
            Ok(message) if self.is_empty() => (self.first, self.is_last) = (Some(message), is_last),
            Ok(message) => self.push_behind(Messages::single(message, is_last)),
            Err(messages) => self.push_behind(messages),
        }
    }

    fn push_behind(&mut self, messages: Messages) {
        let behind = self.behind.get_or_insert_with(|| Box::new(VecDeque::with_capacity(1)));
        behind.push_back(messages);
    }

    /// What was taken at one look.
    pub(crate) fn pop(&mut self) -> Option<Messages> {
        match self.first.take() {
            Some(message) => Some(Messages::single(message, self.is_last)),
            None => self.behind.as_mut()?.pop_front(),
        }
    }

    fn looks(&self) -> usize {
        usize::from(self.first.is_some()) + self.behind.as_ref().map_or(0, |behind| behind.len())
    }

    fn is_empty(&self) -> bool {
        self.looks() == 0
    }

    /// Enough is here: what was taken last is not all, or nobody asked for what was taken before.
    pub(crate) fn is_enough(&self) -> bool {
        self.looks() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Call;
    use crate::testing::Sink;
    use sailplane::stub::Served;

    #[test]
    fn messages_keep_their_order_and_say_which_is_the_last() {
        let one = |octet: u8, is_last| Messages::single(Bytes::copy_from_slice(&[octet]), is_last);
        let mut stock = Stock::default();
        for round in 0..3 {
            assert!(stock.is_empty() && !stock.is_enough(), "{round}");
            stock.push(one(1, false));
            assert!(!stock.is_empty() && !stock.is_enough());
            stock.push(one(2, false));
            assert!(stock.is_enough());
            assert_eq!(stock.pop(), Some(one(1, false)));
            // Not ahead of the one that waits.
            stock.push(one(3, true));
            assert_eq!(
                (stock.pop(), stock.pop(), stock.pop()),
                (Some(one(2, false)), Some(one(3, true)), None)
            );
        }
    }

    #[test]
    fn an_idle_call_is_small() {
        // With what `Arc` and an allocator add to it, 352 octets.
        let words = size_of::<Served<Call<Sink>>>() / size_of::<usize>();
        assert!(words <= 41, "{words}");
    }
}
