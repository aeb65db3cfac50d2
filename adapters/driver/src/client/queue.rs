//! The queue of calls that wait: what the machine of the channel asks for is done here.

use std::sync::Arc;

use sailplane::RefusedReason;
use sailplane::call::{Code, Status};
use sailplane::channel::{self, Action, Record, Ticket};

use super::{Client, Connector};
use crate::Link;
use crate::call::Call;
use crate::local::Place;
use crate::placing::Landed;

impl<C: Connector> Client<C> {
    /// Does what the machine asks for.
    pub(super) fn pump(&self) {
        let unwinding = Unwinding(self);
        loop {
            let (action, call, link) = {
                let mut state = self.lock();
                let Some(action) = state.machine.poll_action() else { break };
                let call = match &action {
                    Action::Place { ticket, .. } | Action::Fail { ticket, .. } => state.calls.remove(ticket),
                    _ => None,
                };
                (action, call, state.current.clone())
            };
            match action {
                Action::Connect(id) => {
                    if let Some(this) = self.this.upgrade() {
                        self.connector.connect(&this, id);
                    }
                }
                Action::Fail { status, .. } => {
                    if let Some(call) = call {
                        call.fail(status);
                    }
                }
                Action::Place { ticket, record, place } => {
                    let placing = Placing(self);
                    let landed = call.map(|call| self.place(&call, link.as_ref(), ticket, record, place));
                    drop(placing);
                    landed.into_iter().for_each(Landed::settle);
                }
                _ => {}
            }
        }
        std::mem::forget(unwinding);
        self.publish_timeout();
    }

    pub(super) fn place(
        &self,
        call: &Arc<Call<C::Io>>,
        link: Option<&Arc<Link<C::Io>>>,
        ticket: Ticket,
        record: Record,
        place: channel::Place,
    ) -> Landed<C::Io> {
        let link = link.filter(|link| link.id() == Some(place.connection));
        let (result, mut landed) = match link {
            None => (Err(Box::new((record, RefusedReason::Draining))), Landed::default()),
            Some(link) => call.place_on(link, record),
        };
        let Err(refused) = result else { return landed };
        let (record, reason) = *refused;
        self.refused(reason, place);
        let mut local = call.lock();
        if !matches!(local.place, Place::Waiting(_)) {
            return landed;
        }
        landed.wakers = if let Some(status) = refused_for_good(reason) {
            local.fail(status)
        } else {
            let mut state = self.lock();
            state.calls.insert(ticket, Arc::clone(call));
            state.machine.put_back(ticket, record);
            local.queued()
        };
        landed
    }

    pub(super) fn refused(&self, reason: RefusedReason, place: channel::Place) {
        let forgotten = {
            let mut state = self.lock();
            match reason {
                RefusedReason::NoRoom => {
                    state.machine.mark_full(place);
                    None
                }
                RefusedReason::Draining => {
                    state.machine.handle_draining(place.connection);
                    state.forget(place.connection)
                }
                _ => None,
            }
        };
        drop(forgotten);
    }

    fn publish_timeout(&self) {
        let earlier = {
            let state = self.lock();
            // Under the lock, so that no older answer replaces a newer one.
            self.timeout.set(state.machine.poll_timeout().map(|timeout| timeout.at))
        };
        if let Some((at, this)) = earlier.zip(self.this.upgrade()) {
            self.connector.timeout_earlier(&this, at);
        }
    }
}

/// A call is being placed, in whichever way that ends: then the next one in the queue has its turn.
struct Placing<'a, C: Connector>(&'a Client<C>);

impl<C: Connector> Drop for Placing<'_, C> {
    fn drop(&mut self) {
        self.0.lock().machine.placed();
    }
}

/// Dropped by a thread that unwinds: it leaves what there is to do to another one; if none is to be had, to the next
/// call.
struct Unwinding<'a, C: Connector>(&'a Client<C>);

impl<C: Connector> Drop for Unwinding<'_, C> {
    fn drop(&mut self) {
        if let Some(client) = self.0.this.upgrade() {
            let _ = std::thread::Builder::new().spawn(move || client.pump());
        }
    }
}

/// Refusals that another connection would not change.
pub(super) fn refused_for_good(reason: RefusedReason) -> Option<Status> {
    match reason {
        RefusedReason::NoRoom | RefusedReason::Draining => None,
        RefusedReason::HeadTooLarge => {
            let text = "the metadata of the call are larger than the server takes";
            Some(Status::resource_exhausted(text).never_ran())
        }
        RefusedReason::InvalidHead => {
            let text = "the authority, user agent or encoding has a character that may not be sent";
            Some(Status::internal(text).never_ran())
        }
        _ => Some(Status::new(Code::Internal, "the connection starts no calls").never_ran()),
    }
}
