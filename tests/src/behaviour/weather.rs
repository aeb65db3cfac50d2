//! What a network does to bytes: it splits, holds up, stops, and at last cuts. One seed, one sequence of
//! decisions for each connection and direction; when they are taken depends on the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// The first octets of a connection, which are treated octet by octet; what follows goes in large pieces, lest
/// large messages take for ever.
const FINE: usize = 4 * 1024;
/// Where, at the latest, a connection meets its doom.
const DOOM_MAX: u64 = 24 * 1024;

/// What becomes of what goes through a cable. Clones are the same.
#[derive(Clone, Debug)]
pub struct Weather {
    seed: u64,
    /// Connections do not last.
    storm: Arc<AtomicBool>,
}

/// How a connection ends before its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Doom {
    /// Both directions end, in order.
    End,
    /// This direction ends; the other goes on.
    HalfClose,
    /// Both ends hear a reset.
    Reset,
    /// Nothing gets through any more, and nobody says so.
    Silence,
}

impl Weather {
    /// Delays and splits, which change no outcome.
    #[must_use]
    pub fn rough(seed: u64) -> Self {
        Self { seed, storm: Arc::default() }
    }

    /// Connections end or fall silent, too, at random octets; until [`clear_up`](Self::clear_up).
    #[must_use]
    pub fn stormy(seed: u64) -> Self {
        Self { seed, storm: Arc::new(AtomicBool::new(true)) }
    }

    /// New connections last.
    pub fn clear_up(&self) {
        self.storm.store(false, Ordering::SeqCst);
    }

    /// One direction of a connection.
    pub(crate) fn pipe(&self, connection: usize, down: bool) -> Pipe {
        let mut random = Random(self.seed ^ ((connection as u64) << 1 | u64::from(down)));
        random.next();
        // One direction decides for both.
        let doomed = self.storm.load(Ordering::SeqCst) && (random.next() % 2 == 0);
        let doom = doomed.then(|| {
            let doom = match random.next() % 4 {
                0 => Doom::End,
                1 => Doom::HalfClose,
                2 => Doom::Reset,
                _ => Doom::Silence,
            };
            // Most calls are short: half of the dooms meet the preface, the settings, and the first call.
            let range = if random.next() % 2 == 0 { 400 } else { DOOM_MAX };
            (usize::try_from(random.next() % range).unwrap_or(0), doom)
        });
        Pipe { random, carried: 0, doom }
    }
}

/// One direction of one connection.
pub(crate) struct Pipe {
    random: Random,
    carried: usize,
    doom: Option<(usize, Doom)>,
}

impl Pipe {
    /// Takes octets off the front: how many go on together, after a pause; or what the end is.
    pub(crate) fn next(&mut self, waiting: usize) -> Result<usize, Doom> {
        let fine = self.carried < FINE;
        let most = if fine { 1 << (self.random.next() % 9) } else { usize::MAX };
        let mut count = waiting.min(most);
        if let Some((at, doom)) = self.doom {
            if self.carried >= at {
                return Err(doom);
            }
            count = count.min(at - self.carried);
        }
        if self.random.next() % 8 == 0 && fine {
            thread::park_timeout(Duration::from_micros(self.random.next() % 3_000));
        }
        self.carried += count;
        Ok(count)
    }
}

/// A small generator: splitmix64.
#[derive(Clone, Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
