//! A script through our connection.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};
use sailplane::call::RequestHead;
use sailplane::{
    CallId, Config, Connection, Event, Instant, Limits, Metadata, Path, Received, Start, Status, Transmit,
};

use super::model::Model;
use super::wire::{ACK, RawFrame, Splitter, kinds};
use super::{Fields, Reaction, Role, Script, Step, essential};

/// A stream's window: small, so that scripts reach it.
pub const WINDOW: u32 = 2000;

/// Our side.
pub struct Ours {
    role: Role,
    now: Instant,
    connection: Connection,
    written: Splitter,
    calls: BTreeMap<u32, CallId>,
    streams: BTreeMap<CallId, u32>,
    /// The stream of the header block that came last, or is not complete.
    block: u32,
    /// The type of the frame that came last.
    last_kind: u8,
    received: Splitter,
    /// The application does something.
    is_by_script: bool,
    /// What it wrote before anything came.
    pub opening: Vec<u8>,
}

/// A step, with what ours did about it.
#[derive(Clone, Debug)]
pub struct Done {
    /// The step in words.
    pub what: String,
    /// The stream that it concerns.
    pub stream: u32,
    /// What it caused.
    pub reaction: Reaction,
    /// A frame or a header block is not complete after it.
    pub is_midway: bool,
    /// The peer has said that it goes, and the connection may close.
    pub peer_goes: bool,
    /// The step's answer was followed by RST_STREAM, for the request is not complete (PROTOCOL-HTTP2.md).
    pub also_resets: bool,
}

impl Ours {
    /// At the start.
    #[must_use]
    pub fn new(role: Role) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let limits = Limits::default().stream_window_bytes(WINDOW).ping_strikes_max(1000);
        let config = Config { limits: limits.into(), seed: 1, ..Config::default() };
        let connection = match role {
            Role::Client => Connection::client(now, &config),
            Role::Server => Connection::server(now, &config),
        };
        let mut ours = Self {
            role,
            now,
            connection,
            written: Splitter::new(role == Role::Client),
            calls: BTreeMap::new(),
            streams: BTreeMap::new(),
            block: 0,
            last_kind: kinds::SETTINGS,
            received: Splitter::new(role == Role::Server),
            is_by_script: false,
            opening: Vec::new(),
        };
        if role == Role::Client {
            for stream in [1, 3, 5] {
                let head = RequestHead::new(Path::from_static("/a/b"), Bytes::from_static(b"localhost"));
                let start = Start { head, message: None, finished: true };
                let call = ours.connection.start_call(now, start).expect("room for three");
                ours.calls.insert(stream, call);
                ours.streams.insert(call, stream);
            }
        }
        ours.opening = ours.drain(&mut Reaction::default());
        ours
    }

    /// Runs a script until the connection is over.
    #[must_use]
    pub fn run(script: &Script) -> Vec<Done> {
        let mut ours = Self::new(script.role);
        let mut model = Model::new(script.role);
        let mut all = Vec::new();
        for step in &script.steps {
            let (what, stream) = model.describe(step);
            let mut reaction = ours.step(step);
            // What follows an answer is no reaction to a fault.
            let count = reaction.resets.len();
            if matches!(step, Step::Respond(_)) {
                reaction.resets.retain(|reset| *reset != (stream, 0));
            }
            let also_resets = reaction.resets.len() < count;
            model.learn(&reaction);
            let over = reaction.dead;
            all.push(Done {
                what,
                stream,
                reaction,
                also_resets,
                is_midway: model.is_midway(),
                peer_goes: model.peer_goes(),
            });
            if over {
                break;
            }
        }
        all
    }

    fn step(&mut self, step: &Step) -> Reaction {
        let mut reaction = Reaction::default();
        self.is_by_script = !matches!(step, Step::Receive(_));
        match step {
            Step::Receive(octets) => {
                for frame in self.received.take(octets) {
                    self.last_kind = frame.kind;
                    if frame.kind == kinds::HEADERS {
                        self.block = frame.id();
                    }
                }
                self.connection.handle_received(self.now, &mut octets.clone());
            }
            Step::Respond(stream) => {
                if let Some(call) = self.calls.get(stream) {
                    // It may have ended, as it may for any application.
                    _ = self.connection.respond(*call, None, Metadata::new(), Ok(()));
                }
            }
            Step::Reset(stream) => {
                if let Some(call) = self.calls.get(stream) {
                    _ = self.connection.cancel(*call, Status::cancelled("by the script"));
                }
            }
        }
        self.drain(&mut reaction);
        reaction.dead = self.connection.is_finished() || reaction.goaway.is_some_and(|code| code != 0);
        reaction
    }

    fn drain(&mut self, reaction: &mut Reaction) -> Vec<u8> {
        let mut written = Vec::new();
        let mut transmit = Transmit::new();
        loop {
            while let Some(event) = self.connection.poll_event() {
                self.event(&event, reaction);
            }
            while self.connection.poll_transmit(self.now, &mut transmit) {
                written.extend_from_slice(transmit.chunk());
                transmit.advance(transmit.chunk().len());
            }
            if !self.connection.has_event() {
                break;
            }
        }
        for frame in self.written.take(&written) {
            note(&frame, reaction);
        }
        written
    }

    fn event(&mut self, event: &Event, reaction: &mut Reaction) {
        match event {
            Event::Call(call) => {
                let Some(head) = self.connection.take_request(*call) else { return };
                self.calls.insert(self.block, *call);
                self.streams.insert(*call, self.block);
                let mut fields = metadata(&head.metadata);
                fields.push((b":path".to_vec(), head.path.as_bytes().to_vec()));
                if head.authority.is_empty() {
                    reaction.notes.push("no authority");
                } else {
                    fields.push((b":authority".to_vec(), head.authority.to_vec()));
                }
                reaction.headers.push((self.block, essential(fields)));
            }
            Event::Headers(call) => {
                let Some(head) = self.connection.take_response(*call) else { return };
                reaction.headers.push((self.streams[call], essential(metadata(&head.metadata))));
            }
            Event::Message(call) => self.messages(*call, reaction),
            Event::Ended(call) => {
                let stream = self.streams[call];
                let outcome = self.connection.take_outcome(*call).expect("it has ended");
                let reset = outcome.status.as_ref().is_err_and(|status| status.http2_code().is_some());
                if self.role == Role::Client && !reset && !self.is_by_script {
                    self.messages(*call, reaction);
                    if matches!(self.last_kind, kinds::HEADERS | kinds::CONTINUATION) {
                        reaction.headers.push((stream, essential(metadata(&outcome.trailers))));
                    }
                    reaction.ends.push(stream);
                }
                self.connection.release(*call);
                self.calls.remove(&stream);
            }
            _ => {}
        }
    }

    fn messages(&mut self, call: CallId, reaction: &mut Reaction) {
        let stream = self.streams[&call];
        loop {
            match self.connection.receive_message(call) {
                Ok(Received::Message(message)) => {
                    let mut octets = vec![0];
                    octets.extend((message.len() as u32).to_be_bytes());
                    octets.extend_from_slice(&message);
                    reaction.data.push((stream, octets));
                }
                Ok(Received::End) if self.role == Role::Server => return reaction.ends.push(stream),
                _ => return,
            }
        }
    }
}

fn metadata(metadata: &Metadata) -> Fields {
    metadata.iter().map(|field| (field.name().as_bytes().to_vec(), field.as_bytes().to_vec())).collect()
}

/// Takes down a frame that one side wrote.
pub fn note(frame: &RawFrame, reaction: &mut Reaction) {
    match frame.kind {
        kinds::RST_STREAM => reaction.resets.push((frame.id(), frame.number(0))),
        kinds::GOAWAY => reaction.goaway = Some(frame.number(4)),
        kinds::HEADERS => reaction.answers.push(frame.id()),
        kinds::SETTINGS if frame.has(ACK) => reaction.settings_acks += 1,
        kinds::PING if frame.has(ACK) => reaction.ping_acks.push(frame.payload.clone()),
        _ => {}
    }
}
