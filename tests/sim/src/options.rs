//! What one seed decides before anything happens.

use std::fmt;
use std::time::Duration;

use sailplane::Limits;

use crate::faults::{Fault, KINDS};
use crate::rng::Rng;

/// One millisecond of virtual time.
pub const MS: u64 = 1_000_000;
/// One second of virtual time.
pub const SECOND: u64 = 1000 * MS;

/// The set-up of one run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The seed that decided it.
    pub seed: u64,
    /// Client processes, each with one channel.
    pub clients: usize,
    /// Server processes.
    pub servers: usize,
    /// Calls of all clients.
    pub calls: usize,
    /// In how many nanoseconds they start.
    pub span: u64,
    /// One way, at least.
    pub latency: u64,
    /// How much a transport holds.
    pub pipe_bytes: usize,
    /// The usual size of messages is below it.
    pub message_bytes: u64,
    /// Messages of a streaming call are fewer.
    pub messages: u64,
    /// Bounds of the clients.
    pub client_limits: Limits,
    /// Bounds of the servers.
    pub server_limits: Limits,
    /// Each kind of fault, from 1 to 100; 0 where it is off.
    intensity: [u64; KINDS],
}

impl Options {
    /// What `seed` decides.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut intensity = [0; KINDS];
        for place in &mut intensity {
            if rng.below(2) == 0 {
                *place = 1 + rng.below(100);
            }
        }
        // A hostile peer hides what an honest one shows: most runs have none.
        if rng.below(3) > 0 {
            intensity[Fault::Hostile as usize] = 0;
        }
        let mut options = Self {
            seed,
            clients: 1 + rng.index(3),
            servers: 1 + rng.index(3),
            calls: 40 + rng.index(160),
            span: 20 * MS + rng.log(10 * SECOND),
            latency: 10_000 + rng.log(100 * MS),
            pipe_bytes: 256 + rng.log(1 << 20) as usize,
            message_bytes: 1 + rng.log(100_000),
            messages: 1 + rng.log(16),
            client_limits: Limits::default(),
            server_limits: Limits::default(),
            intensity,
        };
        let windows = [64 * 1024, 16, 1, 1000, 65_535, 200_000];
        for limits in [&mut options.client_limits, &mut options.server_limits] {
            limits.stream_window_bytes = windows[rng.index(windows.len())];
            if rng.below(3) == 0 {
                limits.header_table_bytes = rng.index(300);
            }
            if rng.below(4) == 0 {
                limits.connection_window_bytes = 65_535 + u32::try_from(rng.below(100_000)).unwrap_or(0);
            }
        }
        // A message must pass its window in a bounded number of round trips.
        let window = options.client_limits.stream_window_bytes.min(options.server_limits.stream_window_bytes);
        options.message_bytes = options.message_bytes.min(u64::from(window) * 300 + 10);
        if options.has(Fault::TinyLimits) {
            options.shrink(&mut rng);
        }
        options.set_lives(&mut rng);
        for limits in [&mut options.client_limits, &mut options.server_limits] {
            if rng.below(2) == 0 {
                limits.credit_ahead_bytes_max = u32::try_from(rng.log(1 << 20)).unwrap_or(0);
            }
        }
        options
    }

    /// How long connections live, and how they find out whether they do.
    fn set_lives(&mut self, rng: &mut Rng) {
        let some_seconds = |rng: &mut Rng| Duration::from_nanos(SECOND + rng.below(20 * SECOND));
        self.server_limits.connection_idle_max = None;
        // The policy on PINGs knows nothing of those that the proxy adds.
        self.server_limits.ping_interval_min = Duration::ZERO;
        self.server_limits.ping_interval_idle_min = Duration::ZERO;
        if self.has(Fault::Keepalive) {
            self.client_limits.client_keepalive = Some(some_seconds(rng));
            self.server_limits.server_keepalive = Some(some_seconds(rng));
            self.client_limits.keepalive_timeout = some_seconds(rng);
            self.server_limits.keepalive_timeout = some_seconds(rng);
        }
        if self.has(Fault::Aging) {
            self.server_limits.connection_idle_max = (rng.below(2) == 0).then(|| some_seconds(rng));
            self.server_limits.connection_age_max = (rng.below(2) == 0).then(|| some_seconds(rng) / 10);
        }
    }

    /// Limits of one to three, each with probability one third: every slow path.
    fn shrink(&mut self, rng: &mut Rng) {
        for limits in [&mut self.client_limits, &mut self.server_limits] {
            let mut tiny = || (rng.below(3) == 0).then(|| 1 + rng.index(3));
            if let Some(size) = tiny() {
                limits.concurrent_calls_max = u32::try_from(size).unwrap_or(1);
            }
            if let Some(size) = tiny() {
                limits.queued_replies_max = size;
            }
            if let Some(size) = tiny() {
                limits.unread_bytes_max = size;
            }
            if let Some(size) = tiny() {
                limits.unsent_call_bytes_max = size;
            }
            if let Some(size) = tiny() {
                limits.unsent_bytes_max = size;
            }
            if let Some(size) = tiny() {
                limits.replay_bytes_max = size;
            }
            if let Some(size) = tiny() {
                limits.waiting_calls_max = size;
            }
        }
    }

    /// Whether a kind of fault is on.
    #[must_use]
    pub const fn has(&self, fault: Fault) -> bool {
        self.intensity[fault as usize] > 0
    }

    /// How strong a kind of fault is: 1 to 100, or 0.
    #[must_use]
    pub const fn of(&self, fault: Fault) -> u64 {
        self.intensity[fault as usize]
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {}: {} clients, {} servers, {} calls in {} ms, latency {} us, transports of {} bytes, \
             messages below {} bytes and {} a call",
            self.seed,
            self.clients,
            self.servers,
            self.calls,
            self.span / MS,
            self.latency / 1000,
            self.pipe_bytes,
            self.message_bytes,
            self.messages,
        )?;
        for (side, limits) in [("clients", &self.client_limits), ("servers", &self.server_limits)] {
            writeln!(
                f,
                "{side}: stream window {}, {} ahead, connection window {}, table {}, calls {}, replies {}, unread {}, \
                 unsent {} and {} a call, replay {}, waiting {}",
                limits.stream_window_bytes,
                limits.credit_ahead_bytes_max,
                limits.connection_window_bytes,
                limits.header_table_bytes,
                limits.concurrent_calls_max,
                limits.queued_replies_max,
                limits.unread_bytes_max,
                limits.unsent_bytes_max,
                limits.unsent_call_bytes_max,
                limits.replay_bytes_max,
                limits.waiting_calls_max,
            )?;
        }
        f.write_str("faults:")?;
        for fault in Fault::ALL {
            if self.has(*fault) {
                write!(f, " {} {},", fault.name(), self.of(*fault))?;
            }
        }
        Ok(())
    }
}
