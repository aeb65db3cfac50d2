//! Ours and the crate `h2` as peers, over pipes in memory that split and delay as a seed says.

mod ours;
mod pipe;
mod theirs;

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use sailplane::Limits;

use self::ours::Ours;
use self::pipe::Pipe;
use crate::rng::Rng;

/// What becomes of a call, by the last part of its path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// All that came goes back, then OK with a trailer.
    Echo,
    /// NOT_FOUND, once the request is complete.
    Fail,
    /// ABORTED at once, with the request still on its way.
    Early,
    /// The server resets the stream.
    Reset,
}

/// A call that the client makes.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What becomes of it.
    pub kind: Kind,
    /// What it sends.
    pub messages: Vec<Vec<u8>>,
    /// The step at which the client gives it up.
    pub cancel_at: Option<usize>,
}

/// What the client saw of a call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// How it ended: a status of gRPC, or that the stream was reset or the connection went.
    pub end: Option<End>,
    /// The messages that came, with their prefixes.
    pub octets: Vec<u8>,
    /// The trailer of the server.
    pub trailer: Option<String>,
}

/// How a call ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// With this status.
    Status(u32),
    /// Without one.
    Error(String),
}

/// Who is who.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Our client, their server.
    OurClient,
    /// Their client, our server.
    OurServer,
}

/// What a run may meet, from its seed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who is who.
    pub side: Side,
    /// The calls.
    pub plans: Vec<Plan>,
    /// Their window for each stream.
    pub their_window: u32,
    /// Their limit of streams.
    pub their_streams: u32,
    /// Ours.
    pub limits: Limits,
    /// The step at which the server begins to shut down.
    pub shutdown_at: Option<usize>,
    /// Steps at which their window for streams changes, and to what.
    pub windows: Vec<(usize, u32)>,
}

impl Options {
    fn new(rng: &mut Rng, side: Side) -> Self {
        let limits = Limits::default()
            .stream_window_bytes(*rng.one_of(&[1, 10, 1000, 65_535, 65_536]))
            .connection_window_bytes(*rng.one_of(&[65_535, 100_000, 4 << 20]))
            .concurrent_calls_max(*rng.one_of(&[1, 2, 100]))
            // Windows of one octet make frames of one octet.
            .glitches_burst(100_000_000);
        let windows = if rng.once_in(4) {
            (0..3).map(|_| (rng.below(400), *rng.one_of(&[0, 100, 500, 65_535, 200_000]))).collect()
        } else {
            Vec::new()
        };
        let their_window = *rng.one_of(&[1, 100, 3000, 65_535, 1 << 20]);
        // A frame for every few octets takes its time.
        let largest = if their_window.min(limits.stream_window_bytes) < 1000 { 400 } else { 70_000 };
        let mut options = Self {
            side,
            plans: (0..1 + rng.below(8)).map(|_| Plan::new(rng, largest)).collect(),
            their_window,
            their_streams: *rng.one_of(&[1, 3, 100]),
            limits,
            shutdown_at: rng.once_in(6).then(|| rng.below(200)),
            windows,
        };
        // `h2` does not give credit back when its window shrinks below what it was sent (RFC 9113 §6.9.2): the
        // last window is large enough for all of it. It takes a change only when the one before is acknowledged.
        if !options.windows.is_empty() {
            options.windows.extend((10..20).map(|turn| (turn * 41, 4 << 20)));
        }
        options
    }
}

impl Plan {
    fn new(rng: &mut Rng, largest: usize) -> Self {
        let sizes = [0, 1, 100, 5000, 16_384, 70_000];
        let message = |rng: &mut Rng| {
            let size = largest.min(*rng.one_of(&sizes));
            let start = rng.octet();
            (0..size).map(|at: usize| (at as u8).wrapping_mul(31) ^ (at >> 8) as u8 ^ start).collect()
        };
        Self {
            kind: *rng.one_of(&[Kind::Echo, Kind::Echo, Kind::Echo, Kind::Fail, Kind::Early, Kind::Reset]),
            messages: (0..rng.below(5)).map(|_| message(rng)).collect(),
            cancel_at: rng.once_in(8).then(|| rng.below(300)),
        }
    }

    /// Its path.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        match self.kind {
            Kind::Echo => "/pair.Pair/echo",
            Kind::Fail => "/pair.Pair/fail",
            Kind::Early => "/pair.Pair/early",
            Kind::Reset => "/pair.Pair/reset",
        }
    }

    /// Its messages with their prefixes.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        self.messages.iter().flat_map(|message| framed(message)).collect()
    }
}

/// PROTOCOL-HTTP2.md, Length-Prefixed-Message.
#[must_use]
pub fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0];
    out.extend((message.len() as u32).to_be_bytes());
    out.extend(message);
    out
}

type Task = Pin<Box<dyn Future<Output = ()>>>;
type Results = Rc<RefCell<Vec<Seen>>>;

/// Their side: tasks that are polled by hand, and the pipe.
struct Theirs {
    pipe: Pipe,
    connection: theirs::Connection,
    /// The tasks, and the call of each.
    tasks: Rc<RefCell<Vec<(usize, Task)>>>,
}

impl Theirs {
    /// Polls the connection and every task once.
    fn poll(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        self.connection.poll(&mut context, &self.tasks);
        let mut tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        tasks.retain_mut(|(_, task)| matches!(task.as_mut().poll(&mut context), Poll::Pending));
        self.tasks.borrow_mut().extend(tasks);
    }
}

/// Runs one seed.
///
/// # Panics
/// If a call ends otherwise than it must, or never.
pub fn run(seed: u64) {
    let rng = &mut Rng::new(seed);
    let side = if rng.once_in(2) { Side::OurClient } else { Side::OurServer };
    let options = Options::new(rng, side);
    let mut ours = Ours::new(&options);
    let mut theirs = theirs::start(&options);
    let results = match side {
        Side::OurClient => Rc::clone(&ours.results),
        Side::OurServer => theirs.1,
    };
    let theirs = &mut theirs.0;
    let (mut quiet, mut step) = (0, 0);
    loop {
        step += 1;
        apply_plan(&options, step, &mut ours, theirs, &results);
        let before = (theirs.pipe.moved(), ours.told);
        if step % 40 == 0 {
            for _ in 0..3 {
                theirs.poll();
                ours.write(&theirs.pipe, usize::MAX);
                ours.read(&theirs.pipe, usize::MAX);
            }
            let still = before == (theirs.pipe.moved(), ours.told);
            quiet = if still && step > 840 { quiet + 1 } else { 0 };
            let done = results.borrow().iter().all(|seen| seen.end.is_some());
            if quiet >= 3 && done {
                break;
            }
            assert!(
                quiet < 50 && step < 20_000_000,
                "SEED={seed}: it hangs\n{}\n{}",
                dump(&options, &results, &ours),
                theirs.pipe.frames()
            );
            continue;
        }
        let some = 1 + rng.below(*rng.clone().one_of(&[40, 1000, 20_000]));
        match rng.below(3) {
            0 => theirs.poll(),
            1 => ours.write(&theirs.pipe, some),
            _ => ours.read(&theirs.pipe, some),
        }
    }
    for (at, plan) in options.plans.iter().enumerate() {
        let seen = &results.borrow()[at];
        if let Err(what) = judge(plan, seen, &options) {
            let (all, frames) = (dump(&options, &results, &ours), theirs.pipe.frames());
            panic!("SEED={seed}: call {at} {what}\n{all}\n{frames}");
        }
    }
    ours.check(seed, &options);
}

fn apply_plan(options: &Options, step: usize, ours: &mut Ours, theirs: &mut Theirs, results: &Results) {
    if options.shutdown_at == Some(step) {
        match options.side {
            Side::OurClient => theirs.connection.shut_down(),
            Side::OurServer => ours.shut_down(),
        }
    }
    for (_, window) in options.windows.iter().filter(|(at, _)| *at == step) {
        theirs.connection.set_window(*window);
    }
    for (at, _) in options.plans.iter().enumerate().filter(|(_, plan)| plan.cancel_at == Some(step)) {
        match options.side {
            Side::OurClient => ours.cancel(at),
            Side::OurServer if results.borrow()[at].end.is_none() => {
                // A client that drops everything of a call resets its stream.
                theirs.tasks.borrow_mut().retain(|(call, _)| *call != at);
                results.borrow_mut()[at].end = Some(End::Error("dropped".into()));
            }
            Side::OurServer => {}
        }
    }
}

/// Whether a call ended as it had to.
fn judge(plan: &Plan, seen: &Seen, options: &Options) -> Result<(), &'static str> {
    let end = seen.end.as_ref().ok_or("did not end")?;
    let expected = match plan.kind {
        Kind::Echo => Some(End::Status(0)),
        Kind::Fail => Some(End::Status(5)),
        Kind::Early => Some(End::Status(10)),
        Kind::Reset => None,
    };
    if expected.as_ref() == Some(end) {
        if plan.kind == Kind::Echo
            && (seen.octets != plan.octets() || seen.trailer.as_deref() != Some("done"))
        {
            return Err("was answered wrongly");
        }
        return Ok(());
    }
    if *end == End::Status(0) {
        return Err("is OK without a reason");
    }
    let is_reset = match options.side {
        // INTERNAL (RST_STREAM with INTERNAL_ERROR).
        Side::OurClient => *end == End::Status(13),
        Side::OurServer => matches!(end, End::Error(text) if text.contains("stream error")),
    };
    let cancelled = plan.cancel_at.is_some() && matches!(end, End::Status(1) | End::Error(_));
    // UNAVAILABLE, or what `h2` calls it.
    let went = options.shutdown_at.is_some() && matches!(end, End::Status(14) | End::Error(_));
    if plan.kind == Kind::Reset && is_reset || cancelled || went { Ok(()) } else { Err("ended wrongly") }
}

fn dump(options: &Options, results: &Results, ours: &Ours) -> String {
    let calls: Vec<_> = options
        .plans
        .iter()
        .zip(results.borrow().iter())
        .map(|(plan, seen)| {
            let sizes: Vec<_> = plan.messages.iter().map(Vec::len).collect();
            let (kind, cancel, end, came) = (plan.kind, plan.cancel_at, &seen.end, seen.octets.len());
            format!(
                "{kind:?} {sizes:?} cancelled at {cancel:?}: {end:?}, {came} octets, trailer {:?}",
                seen.trailer
            )
        })
        .collect();
    let options = Options { plans: Vec::new(), ..options.clone() };
    format!("{}\n{options:?}\n{}", calls.join("\n"), ours.state())
}
