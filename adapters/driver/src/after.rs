//! What follows from a command or an event, once nothing is locked: writing, waking, telling the owner.

use bytes::Buf;
use std::io::ErrorKind;
use std::sync::Arc;

use sailplane::{End, Instant, Transmit};

use crate::state::{Change, Notice, Tell};
use crate::{Io, Link, writer};

/// What was collected under the lock of a connection, [`settle`](Self::settle)d with nothing locked. Holds the
/// writer's role where there is something to write, and gives it back on unwind.
#[must_use]
pub(crate) struct After<I: Io> {
    pub(crate) link: Arc<Link<I>>,
    pub(crate) due: Due<I>,
}

/// What is collected.
pub(crate) struct Due<I: Io> {
    pub(crate) tell: Tell<I>,
    pub(crate) changes: Vec<Change>,
    /// The writer's role.
    pub(crate) writing: Option<Box<Transmit>>,
    /// What is being written is all that there was, and nothing depends on its having been written.
    pub(crate) is_all: bool,
    pub(crate) kick: bool,
    pub(crate) earlier: Option<Instant>,
    pub(crate) finished: bool,
    pub(crate) calls_waiting: bool,
}

impl<I: Io> Due<I> {
    const fn new() -> Self {
        Self {
            tell: Vec::new(),
            changes: Vec::new(),
            writing: None,
            is_all: false,
            kick: false,
            earlier: None,
            finished: false,
            calls_waiting: false,
        }
    }
}

impl<I: Io> After<I> {
    pub(crate) const fn new(link: Arc<Link<I>>) -> Self {
        Self { link, due: Due::new() }
    }

    /// Writes, wakes, tells; and again, as long as writing gives something to do.
    pub(crate) fn settle(mut self) {
        loop {
            let wrote = self.write();
            let done = wrote && self.due.is_all && self.link.writer.done();
            if done {
                self.due.writing.take().into_iter().for_each(writer::keep);
            }
            self.inform();
            if !wrote || done {
                return;
            }
            self.link.look_again(&mut self.due);
        }
    }

    /// Writes all there is; whether the role is still held.
    fn write(&mut self) -> bool {
        let Self { link, due } = self;
        let Some(transmit) = &mut due.writing else { return false };
        while transmit.has_remaining() {
            match link.io().write(transmit) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if link.io().wait_writable(link) {
                        continue;
                    }
                    link.stuck(due.writing.take());
                    link.io().want_writable();
                    return false;
                }
                Err(error) => {
                    // The rest cannot be sent; the role goes back when the lock is taken again.
                    transmit.clear();
                    link.failed(End::Failed(Arc::new(error)), due);
                    return true;
                }
            }
        }
        true
    }

    fn inform(&mut self) {
        let Self { link, due } = self;
        if std::mem::take(&mut due.kick) {
            link.left_output();
        }
        due.tell.drain(..).for_each(Notice::tell);
        for change in due.changes.drain(..) {
            link.tell_owner(&change);
        }
        if std::mem::take(&mut due.calls_waiting) {
            link.io().calls_waiting();
        }
        if let Some(at) = due.earlier.take() {
            link.io().timeout_earlier(at);
        }
        if std::mem::take(&mut due.finished) {
            link.io().finished();
        }
    }
}

impl<I: Io> Drop for After<I> {
    fn drop(&mut self) {
        if let Some(transmit) = self.due.writing.take() {
            self.link.give_back(transmit);
        }
        if std::thread::panicking() {
            // This thread may hold the lock of the very call that has to be told, so another one tells. If
            // there is none to be had, the next command does.
            let link = Arc::clone(&self.link);
            let _ = std::thread::Builder::new().spawn(move || link.recover());
        }
    }
}
