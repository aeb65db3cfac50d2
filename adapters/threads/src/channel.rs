//! The channel as an application sees it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sailplane::channel::{InvalidTarget, Target};
use sailplane::stub::Start;
use sailplane::{Blocking, Config, Limits, RawCall, Services};
use sailplane_driver::{Client, now};

use crate::seed;
use crate::wanted::Wanted;

/// A client's way to one server, shared by any number of threads: one connection, made at the first call and
/// again after it was lost.
///
/// Each thread writes its own requests. One of those that wait for replies reads for all; while nobody waits, a
/// thread in the background answers pings and notices that the server goes away. Clones are the same channel;
/// it ends with the last of them and of the calls that were started on it.
#[derive(Clone)]
pub struct Channel {
    client: Arc<Client<Wanted>>,
}

impl Channel {
    /// A channel without encryption. Nothing is resolved or connected before the first call; then it is on
    /// the thread that calls, for as long as the call's deadline allows.
    ///
    /// # Errors
    /// What is wrong with the target.
    pub fn plaintext(target: impl AsRef<str>) -> Result<Self, InvalidTarget> {
        Self::with_limits(target, Limits::default())
    }

    /// [`plaintext`](Self::plaintext) with other limits.
    ///
    /// # Errors
    /// What is wrong with the target.
    pub fn with_limits(target: impl AsRef<str>, limits: Limits) -> Result<Self, InvalidTarget> {
        Ok(Self::new(Wanted::new(target.as_ref().parse()?, None), limits))
    }

    /// A channel to services in this process, which run on threads of their own.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the target is a constant, and valid")]
    pub fn in_process(services: Services) -> Self {
        #[expect(clippy::unwrap_used, reason = "the target is a constant, and valid")]
        let target = "unix:in-process".parse().unwrap();
        Self::new(Wanted::new(target, Some(services)), Limits::default())
    }

    fn new(wanted: Wanted, limits: Limits) -> Self {
        Self { client: Client::new(wanted, Config::new(limits, seed())) }
    }

    /// Ends the channel in order: no more calls; those that wait for a connection fail, those that run may
    /// finish for the time of `grace`. Returns at once.
    pub fn shutdown(&self, grace: Duration) {
        self.client.shutdown(grace);
        self.end_background();
    }

    /// Ends the channel: calls that run or wait fail, and no more can be started.
    pub fn close(&self) {
        self.client.close();
        self.end_background();
    }

    /// The target, as it was given.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.client.connector().target
    }

    fn end_background(&self) {
        if let Some(chair) = self.client.connector().chair() {
            chair.close();
        }
    }
}

impl sailplane::Channel for Channel {
    type Mode = Blocking;

    /// Starts a call: connects on this thread if it must, and writes.
    fn start(&self, start: Start<'_>) -> RawCall {
        let wanted = self.client.connector();
        if let Some(chair) = wanted.chair() {
            chair.freshen();
        }
        let now = now();
        let deadline = start.options.deadline_at(now);
        let call = self.client.start_call(now, start, wanted.target.authority());
        wanted.connect_if_wanted(&self.client, deadline);
        call
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("target", &self.target().as_str()).finish_non_exhaustive()
    }
}
