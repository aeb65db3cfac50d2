//! One direction of a transport: octets in order, with delay, a capacity, and an end.

use std::collections::VecDeque;

/// How a direction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The byte stream ends.
    Fin,
    /// The connection is reset, in both directions.
    Reset,
    /// Nothing arrives any more, and nobody is told.
    BlackHole,
}

/// What arrived.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Octets.
    Octets(Vec<u8>),
    /// The end.
    Fin,
    /// The connection is gone.
    Reset,
    /// Nothing before this time; never, where it is `u64::MAX`.
    Later(u64),
}

/// One direction.
#[derive(Debug)]
pub struct Pipe {
    segments: VecDeque<(u64, Vec<u8>)>,
    /// Octets of the first segment that were read.
    read: usize,
    held: usize,
    capacity: usize,
    /// When the last octet arrives: order is kept.
    last: u64,
    /// Octets that arrived.
    pub arrived: u64,
    /// Nothing arrives before.
    pub paused_until: u64,
    /// Nothing is taken before.
    pub blocked_until: u64,
    /// It ends in this way once so many octets have arrived.
    pub cut: Option<(u64, Cut)>,
    /// The writer closed it; when that arrives.
    fin: Option<u64>,
    /// The end was told.
    ended: bool,
    /// What is written vanishes.
    pub is_black: bool,
}

impl Pipe {
    /// An empty one that holds `capacity` octets.
    #[must_use]
    pub const fn new(capacity: usize) -> Self {
        Self {
            segments: VecDeque::new(),
            read: 0,
            held: 0,
            capacity,
            last: 0,
            arrived: 0,
            paused_until: 0,
            blocked_until: 0,
            cut: None,
            fin: None,
            ended: false,
            is_black: false,
        }
    }

    /// How much it takes now.
    #[must_use]
    pub fn room(&self, now: u64) -> usize {
        if now < self.blocked_until { 0 } else { self.capacity.saturating_sub(self.held) }
    }

    /// Octets on their way.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Octets that arrive at `at`, or later where those before them do.
    pub fn write(&mut self, at: u64, octets: Vec<u8>) {
        if self.is_black || self.ended || octets.is_empty() {
            return;
        }
        self.last = self.last.max(at);
        self.held += octets.len();
        self.segments.push_back((self.last, octets));
    }

    /// The writer is done; that arrives at `at`.
    pub fn close(&mut self, at: u64) {
        if self.fin.is_none() && !self.is_black {
            self.last = self.last.max(at);
            self.fin = Some(self.last);
        }
    }

    /// Whether the end was told.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended
    }

    /// The reader is gone.
    pub fn abandon(&mut self) {
        self.ended = true;
        self.segments.clear();
        (self.read, self.held) = (0, 0);
    }

    /// What arrives at `now`, at most `most` octets.
    pub fn read(&mut self, now: u64, most: usize) -> Arrival {
        if self.ended {
            return Arrival::Later(u64::MAX);
        }
        if now < self.paused_until {
            return Arrival::Later(self.paused_until);
        }
        let left = self.cut.map_or(u64::MAX, |(at, _)| at.saturating_sub(self.arrived));
        if let Some((_, cut)) = self.cut.filter(|_| left == 0) {
            return self.end(cut);
        }
        let most = most.min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut octets = Vec::new();
        while let Some((at, segment)) = self.segments.front() {
            if *at > now || octets.len() >= most {
                break;
            }
            let piece = &segment[self.read..];
            let piece = &piece[..piece.len().min(most - octets.len())];
            octets.extend_from_slice(piece);
            self.read += piece.len();
            if self.read == segment.len() {
                self.segments.pop_front();
                self.read = 0;
            }
        }
        if !octets.is_empty() {
            self.held -= octets.len();
            self.arrived += octets.len() as u64;
            return Arrival::Octets(octets);
        }
        match (self.segments.front(), self.fin) {
            (Some((at, _)), _) => Arrival::Later(*at),
            (None, Some(at)) if at <= now => self.end(Cut::Fin),
            (None, fin) => Arrival::Later(fin.unwrap_or(u64::MAX)),
        }
    }

    fn end(&mut self, cut: Cut) -> Arrival {
        self.abandon();
        match cut {
            Cut::Fin => Arrival::Fin,
            Cut::Reset => Arrival::Reset,
            Cut::BlackHole => {
                self.is_black = true;
                Arrival::Later(u64::MAX)
            }
        }
    }
}
