use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use sailplane::call::Batch;
use sailplane::channel::{self, Action, Record, Ticket};
use sailplane::stub::Driver;

use crate::call::Call;
use crate::local::Place;
use crate::testing::{ANY, Net, Sink, connected, connecting, start};
use crate::{Client, Link, Parker};

type Full = (Arc<Client<Net>>, Arc<Link<Sink>>, Vec<Arc<dyn Driver>>);

/// A channel whose connection is full, the calls that fill it, and one that waits.
fn full() -> Full {
    let (client, link, first) = connected();
    let mut calls = vec![first];
    while client.lock().machine.waiting() == 0 {
        calls.push(start(&client));
    }
    (client, link, calls)
}

/// A call on its way from the queue to the connection.
struct OnItsWay {
    call: Arc<Call<Sink>>,
    ticket: Ticket,
    record: Record,
    place: channel::Place,
}

impl OnItsWay {
    /// There is room, as the channel has heard, and so the next one goes.
    fn next(client: &Client<Net>, link: &Link<Sink>) -> Self {
        let mut state = client.lock();
        state.machine.handle_room(link.id().unwrap());
        match state.machine.poll_action().unwrap() {
            Action::Place { ticket, record, place } => {
                Self { call: state.calls.remove(&ticket).unwrap(), ticket, record, place }
            }
            other => panic!("{other:?}"),
        }
    }

    fn arrive(self, client: &Client<Net>, link: &Arc<Link<Sink>>) {
        client.place(&self.call, Some(link), self.ticket, self.record, self.place).settle();
    }
}

#[test]
fn a_message_that_waits_while_its_call_is_tried_on_a_full_connection_goes_into_the_queue_after_all() {
    let (client, link, calls) = full();
    let last = calls.last().unwrap();
    // A call ended, so there is room; but before the one that waits gets there, another takes it.
    let moving = OnItsWay::next(&client, &link);
    let ticket = moving.ticket;
    let parker = Parker::current();
    let message = &mut Batch::from(Bytes::from_static(b"one"));
    assert!(last.poll_send(ANY, message, &mut parker.context()).is_pending(), "its record is on its way");
    moving.arrive(&client, &link);
    assert!(parker.is_notified());
    assert!(last.poll_send(ANY, message, &mut Context::from_waker(parker.waker())).is_ready());
    let queued = client.lock().machine.record_mut(ticket).map(|record| record.call.messages.len());
    assert_eq!(queued, Some(1));
    for call in calls {
        call.release(ANY);
    }
}

#[test]
fn a_call_that_starts_while_another_is_being_placed_comes_after_it() {
    let (client, link, mut calls) = full();
    // The one that waits is on its way to the connection, which takes a while; there a call ends.
    let moving = OnItsWay::next(&client, &link);
    let call = Arc::clone(&moving.call);
    calls.swap_remove(0).release(ANY);
    calls.push(start(&client));
    moving.arrive(&client, &link);
    assert!(!matches!(call.lock().place, Place::Waiting(_)), "a call that came later has its room");
    assert_eq!(client.lock().machine.waiting(), 1);
    for call in calls {
        call.release(ANY);
    }
}

#[test]
fn a_panic_while_a_call_is_placed_holds_up_no_other() {
    let (client, link, first) = connecting();
    let second = start(&client);
    let parker = Parker::current();
    assert!(second.poll_headers(ANY, &mut parker.context()).is_pending());
    link.io().on_write(|| panic!("as asked"));
    assert!(catch_unwind(AssertUnwindSafe(|| client.connected(&link))).is_err());
    parker.park(None);
    assert_eq!(client.lock().machine.waiting(), 0);
    first.release(ANY);
    second.release(ANY);
}

#[test]
fn a_write_that_takes_long_holds_up_no_other_call() {
    let (client, link, first) = connecting();
    let (tell, calls) = std::sync::mpsc::channel();
    let other = Arc::clone(&client);
    link.io().on_write(move || tell.send((start(&other), other.lock().machine.waiting())).unwrap());
    client.connected(&link);
    let (second, waiting) = calls.try_recv().unwrap();
    assert_eq!(waiting, 0, "it is on the connection while the call before it is still being written");
    first.release(ANY);
    second.release(ANY);
}
