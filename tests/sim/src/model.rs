//! What each call is to do, and what each side has seen of it: the oracle. It knows nothing of the core.

use std::collections::VecDeque;
use std::sync::OnceLock;

use bytes::Bytes;
use sailplane::channel::Ticket;
use sailplane::{CallId, Code};

use crate::faults::Fault;
use crate::link::At;
use crate::options::{MS, Options, SECOND};
use crate::rng::{Rng, mix};

/// How a handler goes about its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// Takes all messages, then answers with all of its own.
    Collect,
    /// Answers each message with one.
    Echo,
    /// Answers when it has taken so many messages, whatever else comes.
    Early(usize),
    /// Drops the call once it has taken so many messages.
    Gone(usize),
}

/// What a call is to do on both sides.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Sizes of the client's messages.
    pub up: Vec<usize>,
    /// Sizes of the server's messages.
    pub down: Vec<usize>,
    /// How the handler goes about it.
    pub handler: Handler,
    /// What the handler says in the end.
    pub status: Option<Code>,
    /// One message each way, in one command each.
    pub is_unary: bool,
    /// From the start on.
    pub deadline: Option<u64>,
    /// Through failing connection attempts.
    pub wait_for_ready: bool,
    /// Between two messages of the client, and of the server.
    pub pace: [u64; 2],
    /// How long each side leaves messages unread.
    pub reads_after: [u64; 2],
    /// The client cancels it after that.
    pub cancel: Option<u64>,
    /// The client drops it after that.
    pub drop: Option<u64>,
    /// The handler sends initial metadata at once.
    pub head_first: bool,
    /// The handler lets go of the call as soon as it has answered.
    pub hasty: bool,
    /// Takes one message for each event.
    pub one_by_one: bool,
    /// Selects metadata.
    pub tag: u64,
}

impl Plan {
    /// A plan for a call.
    #[must_use]
    pub fn new(options: &Options, rng: &mut Rng) -> Self {
        let is_unary = rng.below(2) == 0;
        let sizes = |rng: &mut Rng| -> Vec<usize> {
            let count =
                if is_unary { 1 } else { rng.index(usize::try_from(options.messages).unwrap_or(1) + 1) };
            (0..count).map(|_| usize::try_from(rng.log(options.message_bytes)).unwrap_or(0)).collect()
        };
        let (up, down) = (sizes(rng), sizes(rng));
        let chance = |fault: Fault, rng: &mut Rng| rng.per_mille(options.of(fault) * 3);
        let early = chance(Fault::EarlyAnswer, rng);
        let gone = chance(Fault::HandlerGone, rng);
        let handler = match rng.below(3) {
            _ if gone => Handler::Gone(rng.index(up.len() + 1)),
            _ if early => Handler::Early(rng.index(up.len() + 1)),
            0 if !is_unary => Handler::Echo,
            _ => Handler::Collect,
        };
        let fails = chance(Fault::HandlerFails, rng);
        let codes = [Code::NotFound, Code::Unknown, Code::Internal, Code::Aborted, Code::DataLoss];
        let status = fails.then(|| codes[rng.index(codes.len())]);
        let slow = |fault: Fault, rng: &mut Rng| {
            if chance(fault, rng) { rng.log(2 * SECOND) } else { 0 }
        };
        let pace = [slow(Fault::SlowWriter, rng), slow(Fault::SlowWriter, rng)];
        let reads_after = [slow(Fault::SlowReader, rng), slow(Fault::SlowReader, rng)];
        let deadline = chance(Fault::Deadline, rng).then(|| match rng.below(4) {
            // Around the time that an undisturbed call takes.
            0 => 2 * options.latency * (1 + rng.below(2)),
            1 => 1 + rng.log(10 * MS),
            _ => 10 * MS + rng.log(10 * SECOND),
        });
        Self {
            up,
            down,
            handler,
            status,
            is_unary,
            deadline,
            wait_for_ready: rng.below(3) == 0,
            pace,
            reads_after,
            cancel: chance(Fault::Cancel, rng).then(|| rng.log(SECOND)),
            drop: chance(Fault::Drop, rng).then(|| rng.log(SECOND)),
            head_first: rng.below(3) == 0,
            hasty: rng.below(2) == 0,
            one_by_one: rng.below(3) == 0,
            tag: rng.below(12),
        }
    }

    /// One that nothing disturbs.
    #[must_use]
    pub fn probe() -> Self {
        Self {
            up: vec![100],
            down: vec![200],
            handler: Handler::Collect,
            status: None,
            is_unary: true,
            deadline: None,
            wait_for_ready: true,
            pace: [0; 2],
            reads_after: [0; 2],
            cancel: None,
            drop: None,
            head_first: false,
            hasty: false,
            one_by_one: false,
            tag: 0,
        }
    }
}

/// Where a call of a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Not started.
    Nowhere,
    /// In the channel.
    Waiting(Ticket),
    /// On a connection.
    Placed(At, CallId),
    /// Ended, or dropped.
    Over,
}

/// What a server did with a call.
#[derive(Clone, Debug)]
pub struct Run {
    /// The connection.
    pub at: At,
    /// Its id there.
    pub id: CallId,
    /// Messages taken.
    pub received: usize,
    /// The end of the client's messages was seen.
    pub end_seen: bool,
    /// Messages sent.
    pub sent: usize,
    /// A message was refused.
    pub is_blocked: bool,
    /// Reads nothing before.
    pub stalled_until: u64,
    /// Sends nothing before.
    pub sends_at: u64,
    /// What the handler said in the end.
    pub answered: Option<Result<(), Code>>,
    /// What the core told: it ended well, or with this code.
    pub ended: Option<Result<(), Code>>,
    /// The call is released, or its server died.
    pub is_released: bool,
}

/// How a call ended for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// With OK.
    Ok,
    /// With a status.
    Failed(Code),
    /// It was dropped, and nobody knows.
    Dropped,
}

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// What it is to do.
    pub plan: Plan,
    /// The client process.
    pub client: usize,
    /// Where it is.
    pub place: Place,
    /// When it began.
    pub started: u64,
    /// When it must have ended.
    pub deadline: Option<u64>,
    /// How often it was placed on a connection, less the times that it came back from there unsent.
    pub attempts: u32,
    /// Times it was repeated after an attempt that the peer may have seen.
    pub repetitions: u32,
    /// Messages given away, to the channel or a connection.
    pub sent: usize,
    /// Of those, what a connection refused so far.
    pub backlog: VecDeque<Bytes>,
    /// The sending side is complete.
    pub is_finished: bool,
    /// Its connection was told so.
    pub is_told_finished: bool,
    /// A message was refused.
    pub is_blocked: bool,
    /// Sends nothing before.
    pub sends_at: u64,
    /// Reads nothing before.
    pub stalled_until: u64,
    /// Messages taken.
    pub received: usize,
    /// Initial metadata came.
    pub headers: bool,
    /// It was cancelled by the client.
    pub is_cancelled: bool,
    /// How it ended.
    pub verdict: Option<Verdict>,
    /// Handlers that ran for it.
    pub runs: Vec<Run>,
    /// One of its connections was troubled.
    pub is_troubled: bool,
    /// One of its connections was hostile.
    pub is_hostile: bool,
}

impl Call {
    /// One that is to start.
    #[must_use]
    pub const fn new(plan: Plan, client: usize) -> Self {
        Self {
            plan,
            client,
            place: Place::Nowhere,
            started: 0,
            deadline: None,
            attempts: 0,
            repetitions: 0,
            sent: 0,
            backlog: VecDeque::new(),
            is_finished: false,
            is_told_finished: false,
            is_blocked: false,
            sends_at: 0,
            stalled_until: 0,
            received: 0,
            headers: false,
            is_cancelled: false,
            verdict: None,
            runs: Vec::new(),
            is_troubled: false,
            is_hostile: false,
        }
    }
}

const TABLE: usize = 512 * 1024;

/// The message of `call` that its client (0) or server (1) sends as its `sequence`th: like no other.
#[must_use]
pub fn message(call: usize, side: usize, sequence: usize, size: usize) -> Bytes {
    static OCTETS: OnceLock<Bytes> = OnceLock::new();
    let octets = OCTETS.get_or_init(|| {
        let mut rng = Rng::new(1);
        Bytes::from((0..TABLE / 8).flat_map(|_| rng.next().to_le_bytes()).collect::<Vec<_>>())
    });
    let place = mix((call as u64) << 32 | (side as u64) << 31 | sequence as u64);
    let from = usize::try_from(place % (TABLE - size) as u64).unwrap_or(0);
    octets.slice(from..from + size)
}
