//! What a handler does, decided without doing it.

use sailplane::{Call, Code, Metadata, Result, Status, Value};

use crate::behaviour::stage::{Fact, Stage};
use crate::pb::{Act, Reply, Request};

/// How a method answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Once, after everything was received.
    Once,
    /// With a stream.
    Stream,
}

/// One thing to do.
#[derive(Debug)]
pub(crate) enum Step {
    /// Send initial metadata.
    SendHeaders,
    /// Panic.
    Panic,
    /// Wait until the call is cancelled; then return its status.
    WaitForCancel,
    /// Wait at the gate.
    WaitForGate,
    /// Ask the next server, and return what it says.
    Relay(Request),
    /// Send this until it fails; then return its failure.
    Flood(Reply),
    /// Send this so many times, numbered.
    Replies(Reply, u32),
    /// Return this reply.
    Return(Reply),
    /// Return.
    End(Result<()>),
}

/// One call of a handler.
pub(crate) struct Plan {
    pub(crate) key: String,
    pub(crate) stage: Stage,
    call: Call,
    kind: Kind,
    left: i64,
    received: u32,
    octets: u64,
    last: Vec<u8>,
    sent: u32,
}

impl Plan {
    pub(crate) fn new(stage: &Stage, kind: Kind, call: &Call) -> Self {
        let key = call.metadata().get("x-key").unwrap_or_default().to_owned();
        stage.note(Fact::Began(key.clone()));
        let left =
            call.time_remaining().map_or(-1, |left| i64::try_from(left.as_millis()).unwrap_or(i64::MAX));
        let plan = Self {
            key,
            stage: stage.clone(),
            call: call.clone(),
            kind,
            left,
            received: 0,
            octets: 0,
            last: Vec::new(),
            sent: 0,
        };
        plan.echo("x-echo-initial", |name, value| call.set_header(name, value));
        plan.echo("x-echo-trailing", |name, value| call.set_trailer(name, value));
        plan
    }

    /// What to do about a request.
    pub(crate) fn received(&mut self, request: Request) -> Vec<Step> {
        self.received += 1;
        self.octets += request.payload.len() as u64;
        self.stage.note(Fact::Received(self.key.clone(), self.received));
        let mut steps = Vec::new();
        for act in request.acts() {
            match act {
                Act::None => {}
                Act::SendHeaders => steps.push(Step::SendHeaders),
                Act::Panic => steps.push(Step::Panic),
                Act::WaitForCancel => steps.push(Step::WaitForCancel),
                Act::WaitForGate => steps.push(Step::WaitForGate),
                Act::Relay => {
                    steps.push(Step::Relay(request.relayed.as_deref().cloned().unwrap_or_default()));
                }
                Act::Flood => steps.push(Step::Flood(self.reply(&request))),
                Act::AnswerEarly => {
                    let reply = self.reply(&request);
                    steps.push(match self.kind {
                        Kind::Once => Step::Return(reply),
                        Kind::Stream => Step::End(Ok(())),
                    });
                }
            }
        }
        if request.code != 0 {
            let code = Code::from_number(request.code).unwrap_or(Code::Unknown);
            steps.push(Step::End(Err(Status::new(code, request.message))));
            return steps;
        }
        let reply = self.reply(&request);
        match self.kind {
            Kind::Once => self.last = reply.payload,
            Kind::Stream => steps.push(Step::Replies(reply, request.count)),
        }
        steps
    }

    /// The reply to all that was received.
    pub(crate) fn finished(&mut self) -> Reply {
        self.stage.note(Fact::HalfClosed(self.key.clone()));
        let payload = std::mem::take(&mut self.last);
        Reply {
            payload,
            requests: self.received,
            octets: self.octets,
            number: 0,
            milliseconds_left: self.left,
        }
    }

    /// The next reply of a stream.
    pub(crate) fn number(&mut self, reply: &mut Reply) {
        reply.number = self.sent;
    }

    /// A reply was sent.
    pub(crate) fn sent(&mut self) {
        self.sent += 1;
        self.stage.note(Fact::Sent(self.key.clone(), self.sent));
    }

    fn reply(&self, request: &Request) -> Reply {
        let payload = match usize::try_from(request.reply_size) {
            Ok(0) | Err(_) => request.payload.clone(),
            Ok(size) => vec![0x5a; size],
        };
        let (requests, octets) = (self.received, self.octets);
        Reply { payload, requests, octets, number: 0, milliseconds_left: self.left }
    }

    fn echo(&self, prefix: &str, mut set: impl FnMut(&str, Value) -> Result<()>) {
        for field in self.call.metadata().iter().filter(|field| field.name().starts_with(prefix)) {
            let value = match field.as_str() {
                Some(text) => Value::from(text),
                None => Value::from(field.as_bytes()),
            };
            // A call that is over by now takes none.
            let _ = set(field.name(), value);
        }
    }
}

impl Drop for Plan {
    fn drop(&mut self) {
        let cancelled = self.call.is_cancelled();
        self.stage.note(Fact::Left(self.key.clone(), cancelled));
    }
}

/// Fields as text, for comparisons: `name=value`, binary values in hexadecimal.
#[must_use]
pub fn fields(metadata: &Metadata, prefix: &str) -> Vec<String> {
    let text = |value: &[u8]| value.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    metadata
        .iter()
        .filter(|field| field.name().starts_with(prefix))
        .map(|field| match field.as_str() {
            Some(value) => format!("{}={value}", field.name()),
            None => format!("{}={}", field.name(), text(field.as_bytes())),
        })
        .collect()
}
