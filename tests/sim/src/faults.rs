//! What can go wrong, by name, and how often it did.

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A kind of fault. Each seed switches each on with probability one half.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name in reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

faults! {
    /// Bytes arrive in pieces cut anywhere.
    Split = "split reads",
    /// Bytes arrive late and together.
    Coalesce = "coalesced reads",
    /// The transport takes a part of what is offered.
    PartialWrite = "partial writes",
    /// The transport takes nothing for a while.
    WouldBlock = "would-block runs",
    /// Latency that varies.
    Jitter = "jitter",
    /// So many octets a second and no more.
    Bandwidth = "bandwidth",
    /// Nothing moves in one direction for a while.
    Pause = "paused direction",
    /// The sending side of one end closes at some octet; the other direction stays.
    HalfClose = "half-close",
    /// The connection is reset at some octet.
    Reset = "reset",
    /// The byte stream ends at some octet.
    Fin = "fin",
    /// Bytes vanish, and nobody is told.
    BlackHole = "black hole",
    /// A server process dies, and another starts later.
    Crash = "server crash",
    /// A server shuts its connections down in order.
    Shutdown = "graceful shutdown",
    /// GOAWAY with a last stream id that is legal: what is above it never arrives.
    GoAway = "goaway",
    /// Smaller settings than before, and the former ones again.
    Settings = "settings change",
    /// PING in the middle of anything.
    Ping = "ping",
    /// An application reads late.
    SlowReader = "slow reader",
    /// An application writes late.
    SlowWriter = "slow writer",
    /// A call is cancelled at some step.
    Cancel = "cancelled call",
    /// A call object is dropped at some step.
    Drop = "dropped call",
    /// A deadline, early or late, at times in the very tick of completion.
    Deadline = "deadline",
    /// Time jumps forward for everybody.
    ClockJump = "clock jump",
    /// A process gets no time for a while.
    Suspend = "suspended process",
    /// A clock that is read earlier than before.
    StaleClock = "stale clock",
    /// A connection attempt is refused.
    ConnectRefused = "connect refused",
    /// A connection attempt has no answer.
    ConnectTimeout = "connect timeout",
    /// Limits of one to three.
    TinyLimits = "tiny limits",
    /// A handler that fails.
    HandlerFails = "handler fails",
    /// A handler that is gone without an answer.
    HandlerGone = "handler gone",
    /// A handler that answers before it has read.
    EarlyAnswer = "early answer",
    /// Frames of one end are damaged, lost, doubled, swapped.
    Hostile = "hostile frames",
    /// Everything is polled although nothing happened.
    SpuriousPoll = "spurious polls",
    /// A proxy that holds back what it has for a while.
    Buffering = "buffering proxy",
    /// PINGs that show whether the peer lives; where it is paused or gone they are lost.
    Keepalive = "keepalive",
    /// Connections that end when they are old, or idle.
    Aging = "aging connections",
    /// A proxy that pads DATA.
    Padding = "padding proxy",
}

/// How many kinds there are.
pub const KINDS: usize = Fault::ALL.len();

/// How often each happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts(pub [u64; KINDS]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; KINDS])
    }
}

impl Counts {
    /// One more.
    pub const fn add(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// Adds what another run counted.
    pub fn merge(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }

    /// Name and count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Fault::ALL.iter().zip(self.0).map(|(fault, count)| (fault.name(), count))
    }
}
