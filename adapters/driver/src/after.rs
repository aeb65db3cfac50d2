//! What follows from a command or an event, once nothing is locked: writing, waking, telling the owner.

use bytes::Buf;
use std::io::ErrorKind;
use std::sync::Arc;

use sailplane::{End, Instant, Transmit};

use crate::state::{Change, Notice, Tell};
use crate::{Io, Link, writer};

/// Collected under a connection's lock, [`settle`](Self::settle)d with nothing locked. Holds the writer's
/// role where there is something to write, and gives it back on unwind.
#[must_use]
pub(crate) struct After<I: Io> {
    pub(crate) link: Arc<Link<I>>,
    pub(crate) tell: Tell<I>,
    pub(crate) changes: Vec<Change>,
    /// The writer's role.
    pub(crate) writing: Option<Transmit>,
    /// What is being written is all that there was, and nothing depends on its having been written.
    pub(crate) is_all: bool,
    pub(crate) kick: bool,
    pub(crate) earlier: Option<Instant>,
    pub(crate) finished: bool,
    pub(crate) calls_waiting: bool,
}

impl<I: Io> After<I> {
    pub(crate) const fn new(link: Arc<Link<I>>) -> Self {
        Self {
            link,
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

    /// Writes, wakes, tells; and again, as long as writing gives something to do.
    pub(crate) fn settle(mut self) {
        loop {
            let wrote = self.write();
            let done = wrote && self.is_all && self.link.writer.done();
            if done {
                self.writing.take().into_iter().for_each(writer::keep);
            }
            self.inform();
            if !wrote || done {
                return;
            }
            let link = Arc::clone(&self.link);
            link.look_again(&mut self);
        }
    }

    /// Writes all there is; whether the role is still held.
    fn write(&mut self) -> bool {
        let Self { link, writing, .. } = self;
        let Some(transmit) = writing else { return false };
        while transmit.has_remaining() {
            match link.io().write(transmit) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if link.io().wait_writable(link) {
                        continue;
                    }
                    let transmit = writing.take();
                    link.stuck(transmit);
                    link.io().want_writable();
                    return false;
                }
                Err(error) => {
                    // The rest cannot be sent; the role goes back when the lock is taken again.
                    *transmit = Transmit::default();
                    let link = Arc::clone(link);
                    link.failed(End::Failed(Arc::new(error)), self);
                    return true;
                }
            }
        }
        true
    }

    fn inform(&mut self) {
        if std::mem::take(&mut self.kick) {
            self.link.left_output();
        }
        self.tell.drain(..).for_each(Notice::tell);
        for change in self.changes.drain(..) {
            self.link.tell_owner(&change);
        }
        if std::mem::take(&mut self.calls_waiting) {
            self.link.io().calls_waiting();
        }
        if let Some(at) = self.earlier.take() {
            self.link.io().timeout_earlier(at);
        }
        if std::mem::take(&mut self.finished) {
            self.link.io().finished();
        }
    }
}

impl<I: Io> Drop for After<I> {
    fn drop(&mut self) {
        if let Some(transmit) = self.writing.take() {
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
