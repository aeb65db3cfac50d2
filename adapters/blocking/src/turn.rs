//! What a thread does while it waits for a call: read for everybody, or sleep while another reads.

use std::sync::Arc;

use sailplane::Instant;
use sailplane_driver::{Blocked, Interrupt, Io, Link, last_command, now};

use crate::socket::{Readiness, Socket};

/// Blocks until the call of a server's handler has what it waits for.
pub(crate) fn block(blocked: &mut Blocked<'_, Socket>) {
    loop {
        if blocked.poll() {
            return;
        }
        match blocked.link() {
            Some(link) => turn(&link, blocked),
            None => {
                blocked.parker().park(None);
            }
        }
    }
}

/// One turn of a thread whose call is on `link`: until something happened for the call, or a while.
pub(crate) fn turn(link: &Arc<Link<Socket>>, blocked: &mut Blocked<'_, Socket>) {
    let Some(reading) = link.read_or_wait(blocked.parker().waker()) else {
        blocked.park_until(now(), link.timeout());
        link.leave(blocked.parker().waker());
        expire(link);
        return;
    };
    let interruptible = blocked.is_interruptible();
    while !blocked.is_notified() && !link.is_over() {
        if link.wants_receive() {
            read(link, blocked, interruptible);
        } else {
            // Nothing may be taken in before the output is written, which somebody is about to do.
            link.io().wait_for_room(link.timeout());
            link.flush();
            std::thread::yield_now();
            expire(link);
        }
    }
    drop(reading);
}

fn read(link: &Arc<Link<Socket>>, blocked: &mut Blocked<'_, Socket>, interruptible: bool) {
    let socket = link.io();
    let bell = if interruptible { socket.bell() } else { None };
    let Some(bell) = bell else {
        match socket.read(link, (now(), link.timeout()), |bytes| link.received(bytes)) {
            Readiness::Bytes => expire_at(link, last_command()),
            Readiness::Nothing | Readiness::Ended => expire(link),
        }
        return;
    };
    if let Readiness::Nothing = socket.read_now(link, |bytes| link.received(bytes)) {
        let interrupt: Arc<dyn Interrupt> = Arc::clone(bell) as _;
        let parker = blocked.parker();
        if parker.sleep(&interrupt, || socket.wait_readable(bell, link.timeout())) {
            // The sleep took the notification.
            parker.waker().wake_by_ref();
        }
    }
    expire(link);
}

/// Tells the connection that its timeout passed, if it has.
pub(crate) fn expire<I: Io>(link: &Arc<Link<I>>) {
    expire_at(link, link.io().now());
}

pub(crate) fn expire_at<I: Io>(link: &Arc<Link<I>>, now: Instant) {
    if link.timeout().is_some_and(|at| at <= now) {
        link.timed_out();
    }
}
