use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use sailplane::call::Batch;
use sailplane::channel::Action;

use sailplane::Config;

use crate::call::Call;
use crate::local::Place;
use crate::testing::{ANY, Net, Sink, connected, start};
use crate::{Client, Parker};

#[test]
fn a_message_that_waits_while_its_call_is_tried_on_a_full_connection_goes_into_the_queue_after_all() {
    let (client, link, first) = connected();
    let mut calls = vec![first];
    while client.lock().machine.waiting() == 0 {
        calls.push(start(&client));
    }
    let last = calls.last().unwrap();
    // A call ended, so there is room; but before the one that waits gets there, another takes it.
    let (call, action) = {
        let mut state = client.lock();
        state.machine.handle_room(link.id().unwrap());
        let action = state.machine.poll_action().unwrap();
        let Action::Place { ticket, .. } = &action else { panic!("{action:?}") };
        (state.calls.remove(ticket).unwrap(), action)
    };
    let Action::Place { ticket, record, place } = action else { unreachable!() };
    let parker = Parker::current();
    let message = &mut Batch::from(Bytes::from_static(b"one"));
    assert!(last.poll_send(ANY, message, &mut parker.context()).is_pending(), "its record is on its way");
    client.place(&call, Some(&link), ticket, record, place).settle();
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
    let (client, link, first) = connected();
    let mut calls = vec![first];
    while client.lock().machine.waiting() == 0 {
        calls.push(start(&client));
    }
    // The one that waits is on its way to the connection, which takes a while; there a call ends.
    let (call, action) = {
        let mut state = client.lock();
        state.machine.handle_room(link.id().unwrap());
        let action = state.machine.poll_action().unwrap();
        let Action::Place { ticket, .. } = &action else { panic!("{action:?}") };
        (state.calls.remove(ticket).unwrap(), action)
    };
    let Action::Place { ticket, record, place } = action else { unreachable!() };
    calls.swap_remove(0).release(ANY);
    calls.push(start(&client));
    client.place(&call, Some(&link), ticket, record, place).settle();
    let waits = |call: &Call<Sink>| matches!(call.lock().place, Place::Waiting(_));
    assert!(!waits(&call), "a call that came later has its room");
    assert_eq!(client.lock().machine.waiting(), 1);
    for call in calls {
        call.release(ANY);
    }
}

#[test]
fn a_panic_while_a_call_is_placed_holds_up_no_other() {
    let client = Client::new(Net::default(), Config::default());
    let (first, second) = (start(&client), start(&client));
    let id = client.connector().0.lock().unwrap().pop().unwrap();
    let link = client.link(id, Sink::default(), None);
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
    let client = Client::new(Net::default(), Config::default());
    let first = start(&client);
    let id = client.connector().0.lock().unwrap().pop().unwrap();
    let link = client.link(id, Sink::default(), None);
    let (tell, calls) = std::sync::mpsc::channel();
    let other = Arc::clone(&client);
    link.io().on_write(move || tell.send((start(&other), other.lock().machine.waiting())).unwrap());
    client.connected(&link);
    let (second, waiting) = calls.try_recv().unwrap();
    assert_eq!(waiting, 0, "it is on the connection while the call before it is still being written");
    first.release(ANY);
    second.release(ANY);
}
