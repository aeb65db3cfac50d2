//! What may be between a client and a server: something that counts, cuts, and answers in their place.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::behaviour::server::Thread;
use crate::behaviour::socket::{Listener, Stream, fresh_address};
use crate::behaviour::weather::{Doom, Pipe, Weather};
use crate::behaviour::{Transport, World};

/// What becomes of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It goes to the server.
    Forward,
    /// It ends at once, before the client hears a byte.
    Close,
    /// It is open, and the first request is answered with GOAWAY that names no stream, and the end.
    GoAway,
    /// It is open, and every request is answered with `RST_STREAM` `REFUSED_STREAM`.
    Refuse,
    /// It is open, and the first request is answered with the end.
    Drop,
}

/// Listens for a client. Dropped, it is gone, with all its connections.
pub struct Cable {
    target: String,
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    upstream: String,
    fates: Vec<Fate>,
    weather: Option<Weather>,
    ending: AtomicBool,
    count: AtomicUsize,
    requests: AtomicUsize,
    lines: Mutex<Vec<Line>>,
}

/// One connection.
struct Line {
    client: Stream,
    /// None where this cable is the server.
    server: Option<Stream>,
    /// The server hears nothing more.
    deaf: Arc<AtomicBool>,
    /// Nor does the client.
    deaf_client: Arc<AtomicBool>,
}

impl Line {
    fn cut(&self) {
        self.client.shutdown(Shutdown::Both);
        if let Some(server) = &self.server {
            server.shutdown(Shutdown::Both);
        }
    }
}

impl Cable {
    /// A cable to the world's server; the first connections have these fates, others go there.
    ///
    /// # Panics
    /// If it cannot listen.
    #[must_use]
    pub fn new(world: &World, fates: &[Fate]) -> Self {
        Self::between(world.pairing.transport, world.target(), fates, world.weather.clone())
    }

    /// A cable to `upstream`, whose bytes go through this weather.
    pub(crate) fn between(
        transport: Transport,
        upstream: String,
        fates: &[Fate],
        weather: Option<Weather>,
    ) -> Self {
        let listener = Listener::bind(&fresh_address(transport)).expect("an address");
        let shared = Arc::new(Shared {
            upstream,
            fates: fates.to_vec(),
            weather,
            ending: AtomicBool::new(false),
            count: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            lines: Mutex::default(),
        });
        let target = listener.target();
        let accepting = Arc::clone(&shared);
        Self { target, shared, thread: Thread::spawn(move || accepting.accept(&listener)) }
    }

    /// Where it listens.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// How many connections were made.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.count.load(Ordering::SeqCst)
    }

    /// How many requests it answered itself.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Nothing gets through the connections that there are any more, and nobody says so. New ones work.
    pub fn fall_silent(&self) {
        for line in self.shared.lines().iter() {
            line.deaf.store(true, Ordering::SeqCst);
            line.deaf_client.store(true, Ordering::SeqCst);
        }
    }

    /// Says once on each connection, in the place of a server that is idle, that it processed all streams up to
    /// `last` and goes; and says no more.
    ///
    /// # Panics
    /// If the connection is gone.
    pub fn say_goodbye(&self, last: u32) {
        for line in std::mem::take(&mut *self.shared.lines()) {
            line.deaf.store(true, Ordering::SeqCst);
            (&line.client).write_all(&goaway(last)).expect("a connection");
            line.client.shutdown(Shutdown::Write);
            if let Some(server) = &line.server {
                server.shutdown(Shutdown::Both);
            }
        }
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        self.shared.cut();
        // Wakes the one who accepts.
        drop(Stream::connect(&self.target));
        self.thread.try_join();
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &Listener) {
        let mut threads: Vec<Thread> = Vec::new();
        loop {
            let stream = listener.accept().expect("a connection");
            if self.ending.load(Ordering::SeqCst) {
                break;
            }
            let number = self.count.fetch_add(1, Ordering::SeqCst);
            let fate = self.fates.get(number).copied().unwrap_or(Fate::Forward);
            let server = match fate {
                Fate::Forward => Stream::connect(&self.upstream).ok(),
                _ => None,
            };
            if fate == Fate::Forward && server.is_none() {
                // A server that is gone ends the connection.
                continue;
            }
            let again = |stream: &Stream| stream.try_clone().expect("another descriptor");
            let line = Line {
                client: again(&stream),
                server: server.as_ref().map(again),
                deaf: Arc::default(),
                deaf_client: Arc::default(),
            };
            let (deaf, deaf_client) = (Arc::clone(&line.deaf), Arc::clone(&line.deaf_client));
            // Before anything passes: whoever had an answer over this line can do something to it.
            self.lines().push(line);
            if let Some(server) = server {
                let (client, other) = (again(&stream), again(&server));
                let pipe = |down| self.weather.as_ref().map(|weather| weather.pipe(number, down));
                let (up, down) = (pipe(false), pipe(true));
                threads.push(Thread::spawn(move || forward(&client, &server, &deaf, up)));
                threads.push(Thread::spawn(move || forward(&other, &stream, &deaf_client, down)));
            } else {
                let shared = Arc::clone(self);
                threads.push(Thread::spawn(move || {
                    // The client may be faster in leaving.
                    _ = shared.answer(&stream, fate);
                    stream.shutdown(Shutdown::Both);
                }));
            }
        }
        self.cut();
        for mut thread in threads {
            thread.try_join();
        }
    }

    fn cut(&self) {
        std::mem::take(&mut *self.lines()).iter().for_each(Line::cut);
    }

    /// Is the server, as far as `fate` wants one.
    fn answer(&self, stream: &Stream, fate: Fate) -> io::Result<()> {
        if fate == Fate::Close {
            return Ok(());
        }
        let (mut reader, mut writer) = (stream, stream);
        writer.write_all(&frame(SETTINGS, 0, &[]))?;
        let mut preface = [0; 24];
        reader.read_exact(&mut preface)?;
        loop {
            let request = read_request(&mut reader)?;
            self.requests.fetch_add(1, Ordering::SeqCst);
            match fate {
                Fate::Refuse => {
                    const REFUSED_STREAM: u32 = 7;
                    writer.write_all(&frame(RST_STREAM, request, &REFUSED_STREAM.to_be_bytes()))?;
                }
                Fate::GoAway => {
                    writer.write_all(&goaway(0))?;
                    // What the client still has to say is read, lest a reset overtake the frame.
                    stream.shutdown(Shutdown::Write);
                    io::copy(&mut reader, &mut io::sink())?;
                    return Ok(());
                }
                Fate::Forward | Fate::Close | Fate::Drop => return Ok(()),
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Copies until the end of `from`, which becomes the end of `to`. What `to` will not hear is read all the same.
fn forward(from: &Stream, to: &Stream, deaf: &AtomicBool, mut pipe: Option<Pipe>) {
    let mut reader = from;
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        if deaf.load(Ordering::SeqCst) {
            continue;
        }
        match carry(&buffer[..count], to, &mut pipe) {
            Ok(true) => {}
            Ok(false) | Err(Doom::Silence) => deaf.store(true, Ordering::SeqCst),
            Err(Doom::HalfClose) => break,
            Err(Doom::End) => {
                from.shutdown(Shutdown::Both);
                to.shutdown(Shutdown::Both);
            }
            Err(Doom::Reset) => {
                from.reset();
                to.reset();
            }
        }
    }
    to.shutdown(Shutdown::Write);
}

/// Whether all of it went on; or how the pipe ends.
fn carry(mut bytes: &[u8], to: &Stream, pipe: &mut Option<Pipe>) -> Result<bool, Doom> {
    let mut writer = to;
    while !bytes.is_empty() {
        let count = match pipe {
            Some(pipe) => pipe.next(bytes.len())?,
            None => bytes.len(),
        };
        let (piece, rest) = bytes.split_at(count);
        if writer.write_all(piece).is_err() {
            return Ok(false);
        }
        bytes = rest;
    }
    Ok(true)
}

/// Reads up to and with the next HEADERS; their stream.
fn read_request(reader: &mut impl Read) -> io::Result<u32> {
    loop {
        let mut head = [0; 9];
        reader.read_exact(&mut head)?;
        let [high, mid, low, kind, _, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, high, mid, low]) as usize];
        reader.read_exact(&mut payload)?;
        if kind == HEADERS {
            return Ok(u32::from_be_bytes(stream));
        }
    }
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

fn goaway(last: u32) -> Vec<u8> {
    const NO_ERROR: u32 = 0;
    frame(GOAWAY, 0, &[last.to_be_bytes(), NO_ERROR.to_be_bytes()].concat())
}

fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    [&length[1..], &[kind, 0], &stream.to_be_bytes(), payload].concat()
}
