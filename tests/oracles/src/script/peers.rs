//! A script through somebody else's connection.

use super::ours::{Done, Ours, WINDOW, note};
use super::wire::Splitter;
use super::{Reaction, Role, Script, Step, essential};
use crate::python::{Answer, Python, Worker, put_number, put_string};

/// An implementation of HTTP/2 in a process of Python's.
#[derive(Debug)]
pub struct Peer {
    /// What it is called.
    pub name: &'static str,
    worker: Worker,
}

impl Peer {
    /// libnghttp2. The Python has to be [`Python::with_nghttp2`].
    #[must_use]
    pub fn nghttp2(python: &Python) -> Self {
        Self { name: "nghttp2", worker: python.worker("nghttp2_worker.py", &[]) }
    }

    /// Python's `h2`.
    #[must_use]
    pub fn h2(python: &Python) -> Self {
        Self { name: "python h2", worker: python.worker("h2_worker.py", &[]) }
    }

    /// What each script causes, step by step, as far as ours went.
    pub fn run(&mut self, scripts: &[(Script, Vec<Done>)]) -> Vec<Vec<Reaction>> {
        let mut request = Vec::new();
        put_number(&mut request, scripts.len());
        for (script, done) in scripts {
            request.push(u8::from(script.role == Role::Client));
            put_number(&mut request, WINDOW as usize);
            put_number(&mut request, done.len());
            for (step, done) in script.steps.iter().zip(done) {
                match step {
                    Step::Receive(octets) => {
                        request.push(0);
                        put_string(&mut request, octets);
                    }
                    Step::Respond(stream) => {
                        request.push(if done.also_resets { 2 } else { 1 });
                        put_number(&mut request, *stream as usize);
                    }
                    Step::Reset(stream) => {
                        request.push(3);
                        put_number(&mut request, *stream as usize);
                    }
                }
            }
        }
        let answer = self.worker.ask(&request);
        let mut answer = Answer(&answer);
        scripts.iter().map(|(script, done)| read(&mut answer, script, done)).collect()
    }
}

/// The reactions to one script; no more after the connection is over.
fn read(answer: &mut Answer<'_>, script: &Script, done: &[Done]) -> Vec<Reaction> {
    // The preface went before.
    let mut written = Splitter::new(false);
    let count = answer.number();
    let all = (0..count).zip(&script.steps).zip(done).map(|((_, step), done)| {
        let mut reaction = Reaction { dead: answer.octet() != 0, ..Reaction::default() };
        for frame in written.take(answer.string()) {
            note(&frame, &mut reaction);
        }
        for _ in 0..answer.number() {
            match answer.octet() {
                0 => {
                    let stream = answer.number();
                    let fields: Vec<_> = (0..answer.number())
                        .map(|_| (answer.string().to_vec(), answer.string().to_vec()))
                        .collect();
                    let is = |name: &[u8], start: &[u8]| {
                        fields.iter().any(|(other, value)| other == name && value.starts_with(start))
                    };
                    // Of a request's trailers, and of interim responses, our application learns nothing.
                    let hidden =
                        if script.role == Role::Server { !is(b":method", b"") } else { is(b":status", b"1") };
                    let value =
                        |name: &[u8]| fields.iter().find(|(other, _)| other == name).map(|(_, value)| value);
                    if value(b"host")
                        .is_some_and(|host| value(b":authority").is_some_and(|other| other != host))
                    {
                        reaction.notes.push("another host");
                    }
                    if !hidden {
                        reaction.headers.push((stream, essential(fields)));
                    }
                }
                1 => {
                    let stream = answer.number();
                    reaction.data.push((stream, answer.string().to_vec()));
                }
                _ => reaction.ends.push(answer.number()),
            }
        }
        if matches!(step, Step::Respond(_)) {
            reaction.resets.retain(|reset| *reset != (done.stream, 0));
        }
        reaction.dead |= reaction.goaway.is_some_and(|code| code != 0);
        reaction
    });
    all.collect()
}

/// Ours beforehand: what it did says how far a peer has to go.
#[must_use]
pub fn with_ours(script: Script) -> (Script, Vec<Done>) {
    let done = Ours::run(&script);
    (script, done)
}
