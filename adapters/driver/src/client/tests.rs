use std::task::Context;

use bytes::Bytes;
use sailplane::call::Batch;
use sailplane::channel::Action;

use crate::Parker;
use crate::testing::{ANY, connected, start};

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
    client.place(&call, Some(&link), ticket, record, place);
    assert!(parker.is_notified());
    assert!(last.poll_send(ANY, message, &mut Context::from_waker(parker.waker())).is_ready());
    let queued = client.lock().machine.record_mut(ticket).map(|record| record.call.messages.len());
    assert_eq!(queued, Some(1));
    for call in calls {
        call.release(ANY);
    }
}
