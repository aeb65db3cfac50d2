//! What a step did, in words that name a difference: the frame, the state of its stream, what was odd in it.

use std::collections::BTreeMap;

use super::wire::{ACK, END_HEADERS, END_STREAM, PADDED, PRIORITY, RawFrame, Splitter, kinds};
use super::{Reaction, Role, Step};

/// Follows a script.
#[derive(Clone, Debug)]
pub struct Model {
    role: Role,
    splitter: Splitter,
    streams: BTreeMap<u32, State>,
    highest: u32,
    /// The stream of a header block that is not complete.
    block: Option<u32>,
    settings_seen: bool,
    goaway_seen: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Open,
    PeerEnded,
    WeEnded,
    Ended,
    ResetByPeer,
    ResetByUs,
}

impl Model {
    /// At the start of a script.
    #[must_use]
    pub fn new(role: Role) -> Self {
        let streams = match role {
            Role::Client => [1, 3, 5].map(|stream| (stream, State::WeEnded)).into(),
            Role::Server => BTreeMap::new(),
        };
        let splitter = Splitter::new(role == Role::Server);
        let highest = if role == Role::Client { 5 } else { 0 };
        Self { role, splitter, streams, highest, block: None, settings_seen: false, goaway_seen: false }
    }

    /// Says what a step does, and the stream that it concerns.
    pub fn describe(&mut self, step: &Step) -> (String, u32) {
        let octets = match step {
            Step::Receive(octets) => octets,
            Step::Respond(stream) => return ("the application responds".into(), *stream),
            Step::Reset(stream) => {
                let before = self.streams.get(stream).copied();
                if matches!(before, Some(State::Open | State::PeerEnded | State::WeEnded)) {
                    self.streams.insert(*stream, State::ResetByUs);
                }
                return ("the application resets".into(), *stream);
            }
        };
        let mut said = ("part of a frame".to_owned(), 0);
        for frame in self.splitter.take(octets) {
            said = (self.frame(&frame), frame.id());
            self.apply(&frame);
        }
        said
    }

    fn frame(&self, frame: &RawFrame) -> String {
        let name = match frame.kind {
            kinds::DATA => "DATA",
            kinds::HEADERS => "HEADERS",
            kinds::PRIORITY => "PRIORITY",
            kinds::RST_STREAM => "RST_STREAM",
            kinds::SETTINGS => "SETTINGS",
            kinds::PUSH_PROMISE => "PUSH_PROMISE",
            kinds::PING => "PING",
            kinds::GOAWAY => "GOAWAY",
            kinds::WINDOW_UPDATE => "WINDOW_UPDATE",
            kinds::CONTINUATION => "CONTINUATION",
            _ => "unknown type",
        };
        let odd = match self.odd(frame) {
            "" => String::new(),
            odd => format!(", {odd}"),
        };
        format!("{name}{odd} on {}", self.state(frame.id()))
    }

    fn odd(&self, frame: &RawFrame) -> &'static str {
        let length = frame.payload.len();
        let padding = if frame.has(PADDED) {
            frame.payload.first().map_or(usize::MAX, |pad| usize::from(*pad) + 1)
        } else {
            0
        };
        let priority = if frame.kind == kinds::HEADERS && frame.has(PRIORITY) { 5 } else { 0 };
        let may_pad = matches!(frame.kind, kinds::DATA | kinds::HEADERS | kinds::PUSH_PROMISE);
        if !self.settings_seen && frame.kind != kinds::SETTINGS {
            return "before SETTINGS";
        }
        if self.block.is_some() && (frame.kind != kinds::CONTINUATION || self.block != Some(frame.id())) {
            return "within a header block";
        }
        match frame.kind {
            _ if may_pad && padding.saturating_add(priority) > length => {
                "too short for its padding and priority"
            }
            kinds::HEADERS
                if priority > 0
                    && frame.number(usize::from(frame.has(PADDED))) & 0x7fff_ffff == frame.id() =>
            {
                "depending on itself"
            }
            kinds::PRIORITY if length == 5 && frame.number(0) & 0x7fff_ffff == frame.id() => {
                "depending on itself"
            }
            kinds::PRIORITY if length != 5 => "of a wrong length",
            kinds::PING if length != 8 => "of a wrong length",
            kinds::RST_STREAM | kinds::WINDOW_UPDATE if length != 4 => "of a wrong length",
            kinds::GOAWAY if length < 8 => "of a wrong length",
            kinds::SETTINGS if frame.has(ACK) && length > 0 || length % 6 != 0 => "of a wrong length",
            kinds::SETTINGS if frame.has(ACK) => "acknowledging",
            kinds::WINDOW_UPDATE if frame.number(0) & 0x7fff_ffff == 0 => "of 0",
            kinds::CONTINUATION if self.block.is_none() => "after nothing",
            kinds::HEADERS | kinds::CONTINUATION if !frame.has(END_HEADERS) => "unfinished",
            kinds::HEADERS | kinds::DATA if frame.has(END_STREAM) => "ending the stream",
            _ => "",
        }
    }

    fn state(&self, stream: u32) -> &'static str {
        match self.streams.get(&stream) {
            None if stream == 0 => "stream 0",
            None if stream % 2 == 0 => "an even stream",
            None if stream <= self.highest => "a skipped stream",
            None => "an idle stream",
            Some(State::Open) => "an open stream",
            Some(State::PeerEnded) => "a half-closed (remote) stream",
            Some(State::WeEnded) => "a half-closed (local) stream",
            Some(State::Ended) => "an ended stream",
            Some(State::ResetByPeer) => "a stream reset by the peer",
            Some(State::ResetByUs) => "a stream reset by us",
        }
    }

    fn apply(&mut self, frame: &RawFrame) {
        let stream = frame.id();
        match frame.kind {
            kinds::SETTINGS if !frame.has(ACK) => self.settings_seen = true,
            kinds::GOAWAY => self.goaway_seen = true,
            kinds::HEADERS => {
                if self.role == Role::Server && stream % 2 == 1 && stream > self.highest {
                    self.highest = stream;
                    self.streams.insert(stream, State::Open);
                }
                self.block = (!frame.has(END_HEADERS)).then_some(stream);
                if frame.has(END_STREAM) {
                    self.peer_ends(stream);
                }
            }
            kinds::CONTINUATION if frame.has(END_HEADERS) => self.block = None,
            kinds::DATA if frame.has(END_STREAM) => self.peer_ends(stream),
            kinds::RST_STREAM => {
                if let Some(state) = self.streams.get_mut(&stream) {
                    if !matches!(state, State::Ended | State::ResetByUs) {
                        *state = State::ResetByPeer;
                    }
                }
            }
            _ => {}
        }
    }

    fn peer_ends(&mut self, stream: u32) {
        if let Some(state) = self.streams.get_mut(&stream) {
            *state = match *state {
                State::Open => State::PeerEnded,
                State::WeEnded => State::Ended,
                other => other,
            };
        }
    }

    /// Whether a frame or a header block is not complete.
    #[must_use]
    pub fn is_midway(&self) -> bool {
        self.block.is_some() || self.splitter.is_midway()
    }

    /// Whether the peer sent GOAWAY.
    #[must_use]
    pub const fn peer_goes(&self) -> bool {
        self.goaway_seen
    }

    /// Learns what our side did.
    pub fn learn(&mut self, ours: &Reaction) {
        for (stream, _) in &ours.resets {
            self.streams.insert(*stream, State::ResetByUs);
        }
        for stream in &ours.answers {
            if let Some(state) = self.streams.get_mut(stream) {
                *state = match *state {
                    State::Open => State::WeEnded,
                    State::PeerEnded => State::Ended,
                    other => other,
                };
            }
        }
    }
}
