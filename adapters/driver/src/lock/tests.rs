use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Context;

use bytes::{Buf, Bytes};
use sailplane::call::{Batch, Code};

use crate::Parker;
use crate::testing::{ANY, connected, start};

#[test]
fn a_panic_under_the_lock_ends_the_connection_and_wakes_who_waits() {
    let (client, link, call) = connected();
    let parker = Parker::current();
    assert!(call.poll_outcome(ANY, &mut parker.context()).is_pending());
    let panicking = catch_unwind(AssertUnwindSafe(|| {
        let after = link.run(|_, _, _| panic!("as asked"));
        after.settle();
    }));
    assert!(panicking.is_err());
    while !parker.park(None) {}
    let outcome = loop {
        if let std::task::Poll::Ready(outcome) = call.poll_outcome(ANY, &mut parker.context()) {
            break outcome;
        }
        parker.park(None);
    };
    let status = outcome.status.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "the connection ended: a thread panicked inside it");
    call.release(ANY);
    // The channel has given the connection up: the next call asks for another.
    link.flush();
    assert!(link.is_over());
    let next = start(&client);
    assert_eq!(client.connector().0.lock().unwrap().len(), 1);
    next.release(ANY);
}

#[test]
fn a_writer_that_unwinds_gives_its_role_back() {
    let (_, link, call) = connected();
    link.io().on_write(|| panic!("as asked"));
    let message = &mut Batch::from(Bytes::from_static(b"one"));
    let cx = &mut Context::from_waker(std::task::Waker::noop());
    let panicking = catch_unwind(AssertUnwindSafe(|| call.poll_send(ANY, message, cx)));
    assert!(panicking.is_err());
    let (writing, after) = link.command(|_, _, _| !link.writer.is_free());
    after.settle();
    assert!(!writing);
    link.flush();
    let (left, after) =
        link.command(|state, _, _| state.transmit.as_ref().map_or(0, |transmit| transmit.remaining()));
    after.settle();
    assert_eq!(left, 0);
    call.release(ANY);
}
