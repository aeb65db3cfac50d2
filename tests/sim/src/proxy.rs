//! What stands between two ends and sees whole frames: it adds legal ones, pads, and on a hostile side
//! damages them.

use std::collections::{HashMap, VecDeque};

use crate::frames::{END_STREAM, Frame, kind, word};
use crate::link::{CLIENT, SERVER, ends_block};
use crate::rng::Rng;
use crate::watch::padded;

/// The payload of PINGs that it adds.
pub const PING_PAYLOAD: &[u8; 8] = b"injected";
/// What it holds back of the connection's window, to have something to pad with.
const RESERVE: usize = 4096;

/// The state of one proxy.
#[derive(Debug, Default)]
pub struct Proxy {
    /// SETTINGS on their way to each end that were not acknowledged: whether they were added here.
    unacknowledged: [VecDeque<bool>; 2],
    /// Each direction is inside a header block.
    inside_block: [bool; 2],
    /// SETTINGS of the other end have passed towards each end.
    pub settings_passed: [bool; 2],
    /// A GOAWAY of the server has passed.
    pub goaway_passed: bool,
    /// Nothing of the client passes any more.
    pub is_frozen: bool,
    /// The highest stream that passed.
    pub last_stream: u32,
    /// Damages what this side sends, so often in a thousand frames.
    pub hostile: Option<(usize, u64)>,
    /// A frame that was swapped with the next.
    swapped: Option<Frame>,
    /// Pads so often in a thousand frames.
    pub padding: u64,
    reserve: usize,
    padded: usize,
    sent_on: HashMap<u32, usize>,
    window: usize,
}

impl Proxy {
    /// Whether the end at `side` was sent SETTINGS that it did not acknowledge.
    #[must_use]
    pub fn awaits_acknowledgement(&self, side: usize) -> bool {
        !self.unacknowledged[side].is_empty()
    }

    /// Whether frames are damaged.
    #[must_use]
    pub const fn is_hostile(&self) -> bool {
        self.hostile.is_some()
    }

    /// Pads DATA of the client, whose streams have `window` octets.
    pub fn pad(&mut self, share: u64, window: u32) {
        self.padding = share;
        self.window = usize::try_from(window.min(65_535)).unwrap_or(0);
    }

    /// Whether a frame may be added in front of the next one that `side` sends.
    #[must_use]
    pub fn may_add(&self, side: usize) -> bool {
        !self.inside_block[side] && self.settings_passed[1 - side]
    }

    /// A frame goes from `side` to the other end, added or not.
    pub fn note_passing(&mut self, side: usize, frame: &Frame) {
        self.inside_block[side] = !ends_block(frame);
        if side == CLIENT && frame.is(kind::HEADERS) {
            self.last_stream = self.last_stream.max(frame.stream());
        }
        if frame.is(kind::SETTINGS) && !frame.has(END_STREAM) {
            self.settings_passed[1 - side] = true;
        }
        self.goaway_passed |= side == SERVER && frame.is(kind::GOAWAY);
    }

    /// SETTINGS are added, towards the other end of `side`.
    pub fn adds_settings(&mut self, side: usize) {
        self.unacknowledged[1 - side].push_back(true);
    }

    /// What passes on of a frame that `side` sent, and whether it was damaged or padded.
    pub fn pass(&mut self, side: usize, frame: Frame, rng: &mut Rng) -> Passed {
        if side == CLIENT && self.is_frozen {
            return Passed::default();
        }
        if frame.is(kind::SETTINGS) {
            if !frame.has(END_STREAM) {
                self.unacknowledged[1 - side].push_back(false);
            } else if self.unacknowledged[side].pop_front() == Some(true) {
                return Passed::default();
            }
        }
        let added_here = frame.is(kind::PING) && frame.payload() == PING_PAYLOAD;
        // The server has said already that it takes no more, as far as the client knows.
        let contradicts = self.is_frozen && frame.is(kind::GOAWAY);
        if added_here || contradicts {
            return Passed::default();
        }
        if let Some((hostile, share)) = self.hostile {
            if hostile == side && rng.per_mille(share) {
                return Passed { frames: self.damage(frame, rng), damaged: true, padded: false };
            }
            if hostile == side {
                let mut frames = vec![frame];
                frames.extend(self.swapped.take());
                return Passed { frames, ..Passed::default() };
            }
        }
        if self.padding > 0 { self.with_padding(side, frame, rng) } else { Passed::one(frame) }
    }

    fn damage(&mut self, mut frame: Frame, rng: &mut Rng) -> Vec<Frame> {
        match rng.below(7) {
            0 => {
                let at = rng.index(frame.bytes.len());
                frame.bytes[at] ^= 1 << rng.below(8);
            }
            1 => return Vec::new(),
            2 => return vec![frame.clone(), frame],
            3 => {
                if let Some(earlier) = self.swapped.replace(frame) {
                    return vec![earlier];
                }
                return Vec::new();
            }
            4 if !frame.is_preface => {
                let stream = rng.log(40);
                frame.bytes[5..9].copy_from_slice(&u32::try_from(stream).unwrap_or(0).to_be_bytes());
            }
            5 if !frame.is_preface => frame.bytes[2] = frame.bytes[2].wrapping_add(1 + rng.log(20) as u8),
            _ => {
                let len = frame.bytes.len();
                frame.bytes.truncate(len - rng.index(len));
            }
        }
        vec![frame]
    }

    /// Pads DATA that end a request, as far as the reserve allows, and keeps what the server gives back for
    /// it from the client, who never sent it.
    fn with_padding(&mut self, side: usize, frame: Frame, rng: &mut Rng) -> Passed {
        if side == SERVER {
            if !frame.is(kind::WINDOW_UPDATE) || frame.stream() != 0 {
                return Passed::one(frame);
            }
            let increment = word(frame.payload()) as usize;
            let mut kept = self.padded.min(increment);
            self.padded -= kept;
            self.reserve += kept;
            if self.reserve == 0 && increment > RESERVE {
                self.reserve = RESERVE;
                kept += RESERVE;
            }
            let left = u32::try_from(increment - kept).unwrap_or(0);
            if left == 0 {
                return Passed::default();
            }
            return Passed::one(Frame::new(kind::WINDOW_UPDATE, 0, 0, &left.to_be_bytes()));
        }
        if !frame.is(kind::DATA) {
            return Passed::one(frame);
        }
        let sent = self.sent_on.entry(frame.stream()).or_default();
        *sent += frame.payload().len();
        let padding = rng.index(256);
        let fits = *sent + padding < self.window && self.reserve > padding + 1;
        let frame_fits = frame.payload().len() + padding < 16_384;
        if !frame.has(END_STREAM) || !fits || !frame_fits || !rng.per_mille(self.padding) {
            return Passed::one(frame);
        }
        self.reserve -= padding + 1;
        self.padded += padding + 1;
        let frames = vec![padded(&frame, u8::try_from(padding).unwrap_or(0))];
        Passed { frames, damaged: false, padded: true }
    }
}

/// What passes on.
#[derive(Debug, Default)]
pub struct Passed {
    /// Frames.
    pub frames: Vec<Frame>,
    /// They are not what was sent.
    pub damaged: bool,
    /// It is padded now.
    pub padded: bool,
}

impl Passed {
    fn one(frame: Frame) -> Self {
        Self { frames: vec![frame], ..Self::default() }
    }
}
