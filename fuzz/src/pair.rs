//! Two connections of this project, joined by pipes of bytes, under a script of faults.
//!
//! Both sides are honest, so neither may find fault with the other, whatever the applications, the clock and
//! the pipes do. Once the faults stop, every call ends, what arrived is what was sent, and all credit is back.

use bytes::Bytes;
use core::time::Duration;
use sailplane::call::RequestHead;
use sailplane::connection::Initiator;
use sailplane::error::ErrorCode;
use sailplane::{CallId, Config, Connection, End, Event, Instant, Metadata, Path, Start, Status};
use std::collections::VecDeque;

use crate::Input;
use crate::connection::limits;
use crate::metadata::assert_same;
use crate::peer::frame;
use crate::rig::{Known, Rig};

/// What a client wants, and what its server is to do. The last part of the path is its place in the list.
#[derive(Clone, Copy, Debug)]
struct Plan {
    requests: usize,
    replies: usize,
    size: usize,
    /// The server answers before it has read everything.
    early: bool,
    ok: bool,
    /// Which metadata go with it, both ways.
    fields: u8,
}

/// Octets of a message: few of them are longer than a frame, or than a window, for that takes its time.
const SIZES: [usize; 20] =
    [0, 0, 0, 1, 1, 2, 3, 5, 5, 10, 20, 50, 100, 100, 255, 500, 1000, 2000, 16_380, 70_000];

/// How the two sides came apart, if they did.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    cut: bool,
    closed: bool,
    shut: bool,
    cancelled: bool,
}

struct Pair {
    now: Instant,
    /// Virtual time that faults may still take: below every timeout of a connection.
    time: Duration,
    client: Rig,
    server: Rig,
    up: VecDeque<u8>,
    down: VecDeque<u8>,
    plans: Vec<Plan>,
    waiting: VecDeque<usize>,
    faults: Faults,
    /// What the client's initial window was lowered to.
    lowered: Option<u32>,
}

/// Calls, messages of any size, splits, stalls, cuts, cancels, deadlines, shutdown, settings that change.
pub fn pair(data: &[u8]) {
    let mut input = Input::new(data);
    let now = Instant::from_nanos(1_000_000_000);
    let mut rig = |is_server| {
        // A refused message ends a call in ways that depend on its size: not the matter here.
        let limits = limits(&mut input).message_bytes_max(4 << 20);
        let config = Config { limits: limits.clone().into(), ..Config::default() };
        let connection =
            if is_server { Connection::server(now, &config) } else { Connection::client(now, &config) };
        Rig::new(connection, limits, is_server)
    };
    let (client, server) = (rig(false), rig(true));
    let mut pair = Pair {
        now,
        time: Duration::from_secs(4),
        client,
        server,
        up: VecDeque::new(),
        down: VecDeque::new(),
        plans: Vec::new(),
        waiting: VecDeque::new(),
        faults: Faults::default(),
        lowered: None,
    };
    while !input.is_empty() {
        pair.step(&mut input);
        pair.client.check();
        pair.server.check();
    }
    pair.heal();
}

/// Metadata that repeat from call to call, and some that do not.
fn metadata(at: usize, fields: u8) -> Metadata {
    let mut metadata = Metadata::new();
    let number = at.to_string();
    let known: [(u8, &str, &str); 5] = [
        (1, "x-tenant", "the same for all"),
        (2, "x-call", &number),
        (4, "authorization", "Bearer of something that is a little longer"),
        (8, "x-tenant", "another"),
        (16, "x-empty", ""),
    ];
    for (bit, name, value) in known {
        if fields & bit != 0 {
            metadata.append(name, value).expect("a name and a value");
        }
    }
    if fields & 32 != 0 {
        metadata.append("x-trace-bin", vec![fields; usize::from(fields) * 3]).expect("a name and a value");
    }
    if fields & 64 != 0 {
        metadata.append_sensitive("x-secret", &*number).expect("a name and a value");
    }
    metadata
}

fn body(plan: usize, at: usize, size: usize, reply: bool) -> Bytes {
    let seed = plan.wrapping_mul(31) ^ at.wrapping_mul(7) ^ usize::from(reply);
    let pattern: [u8; 251] = core::array::from_fn(|index| (index ^ seed) as u8);
    let mut octets = pattern.repeat(size / pattern.len() + 1);
    octets.truncate(size);
    Bytes::from(octets)
}

impl Pair {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(20) {
            0..=2 => self.plan(input),
            3..=5 => drop(self.carry(true, input.below(256) * 8)),
            6..=8 => drop(self.carry(false, input.below(256) * 8)),
            9 => self.settle(),
            10 => self.pass(Duration::from_millis(u64::from(input.byte()))),
            11 => self.read(true, input),
            12 => self.read(false, input),
            13 => self.cancel(input),
            14 => self.release(input),
            15 if input.one_in(12) => self.cut(),
            16 if input.one_in(8) => {
                let (by_server, grace) = (input.one_in(2), Duration::from_secs(u64::from(input.byte() % 3)));
                self.faults.shut = true;
                let rig = if by_server { &mut self.server } else { &mut self.client };
                rig.connection.shutdown(self.now, grace);
            }
            17 if input.one_in(16) => {
                self.faults.closed = true;
                let rig = if input.one_in(2) { &mut self.server } else { &mut self.client };
                rig.connection.close(self.now);
            }
            18 => self.change_settings(input),
            19 => self.act(true),
            _ => self.act(false),
        }
    }

    fn plan(&mut self, input: &mut Input<'_>) {
        if self.plans.len() >= 12 {
            return;
        }
        let size: usize = input.pick(&SIZES);
        // A window of one octet takes a round trip for each.
        let window = self.client.limits.stream_window_bytes.min(self.server.limits.stream_window_bytes);
        let size = size.min(window as usize * 40);
        let plan = Plan {
            requests: input.below(4),
            replies: input.below(4),
            size,
            early: input.one_in(8),
            ok: !input.one_in(5),
            fields: input.byte(),
        };
        let deadline = input.one_in(6).then(|| Duration::from_millis(u64::from(input.byte()) * 4));
        let at = self.plans.len();
        self.plans.push(plan);
        if let Some(after) = deadline {
            self.start(at, Some(after));
        } else {
            self.waiting.push_back(at);
            self.start_waiting();
        }
    }

    fn start(&mut self, at: usize, deadline: Option<Duration>) -> bool {
        let path = Path::new(Bytes::from(format!("/pair/{at}"))).expect("a path");
        let mut head = RequestHead::new(path, Bytes::from_static(b"localhost"));
        head.deadline = deadline.map(|after| self.now.saturating_add(after));
        head.metadata = self.plans.get(at).map(|plan| metadata(at, plan.fields)).unwrap_or_default();
        let Ok(call) =
            self.client.connection.start_call(self.now, Start { head, message: None, finished: false })
        else {
            return false;
        };
        self.client.calls.insert(call, Known { plan: at, ..Known::default() });
        true
    }

    fn start_waiting(&mut self) {
        while let Some(at) = self.waiting.pop_front() {
            if !self.start(at, None) {
                self.waiting.push_front(at);
                return;
            }
        }
    }

    /// What the applications do of themselves: send what they have, finish, answer. They read when told to.
    fn act(&mut self, by_server: bool) {
        if by_server {
            for call in core::mem::take(&mut self.server.new_calls) {
                let Some(head) = self.server.connection.take_request(call) else { continue };
                let plan: usize = head.path.method().parse().expect("the number of a plan");
                let fields = self.plans.get(plan).map_or(0, |plan| plan.fields);
                assert_same(&head.metadata, &metadata(plan, fields));
                self.server.calls.entry(call).and_modify(|known| known.plan = plan);
                if fields & 128 != 0 {
                    // A call may have ended since it was told.
                    let _ = self.server.connection.send_headers(call, metadata(plan, fields >> 1));
                }
            }
        } else {
            self.start_waiting();
        }
        let (rig, plans) =
            if by_server { (&mut self.server, &self.plans) } else { (&mut self.client, &self.plans) };
        let calls: Vec<CallId> = rig.calls.keys().copied().collect();
        for call in calls {
            send_all(rig, call, plans, by_server);
        }
    }

    fn read(&mut self, by_server: bool, input: &mut Input<'_>) {
        let rig = if by_server { &mut self.server } else { &mut self.client };
        let at = input.below(rig.calls.len());
        if let Some(call) = rig.calls.keys().nth(at).copied() {
            rig.receive(call, 1 + input.below(3));
        }
    }

    fn cancel(&mut self, input: &mut Input<'_>) {
        let rig = if input.one_in(2) { &mut self.server } else { &mut self.client };
        let at = input.below(rig.calls.len());
        if let Some(call) = rig.calls.keys().nth(at).copied() {
            self.faults.cancelled = true;
            rig.connection.cancel(call, Status::cancelled("script")).expect("a known call");
        }
    }

    fn release(&mut self, input: &mut Input<'_>) {
        let rig = if input.one_in(2) { &mut self.server } else { &mut self.client };
        let at = input.below(rig.calls.len());
        if let Some(call) = rig.calls.keys().nth(at).copied() {
            self.faults.cancelled = true;
            rig.release(call);
        }
    }

    fn cut(&mut self) {
        self.faults.cut = true;
        self.up.clear();
        self.down.clear();
        self.client.connection.handle_end(self.now, End::Closed);
        self.server.connection.handle_end(self.now, End::Closed);
    }

    /// Carries some octets one way; the receiving side drains, and reads its events.
    fn carry(&mut self, up: bool, most: usize) -> bool {
        let now = self.now;
        let (from, to, pipe) = if up {
            (&mut self.client, &mut self.server, &mut self.up)
        } else {
            (&mut self.server, &mut self.client, &mut self.down)
        };
        if self.faults.cut {
            from.drain(now, |_, _| {});
            return false;
        }
        let room = most.max(1).saturating_sub(pipe.len());
        let bytes = from.write(now, room);
        pipe.extend(bytes);
        if !to.connection.wants_receive() {
            return false;
        }
        let mut bytes: Vec<u8> = pipe.drain(..pipe.len().min(most)).collect();
        to.connection.handle_received(now, &mut bytes);
        while let Some(event) = to.event() {
            check_event(&event, self.faults);
        }
        !bytes.is_empty()
    }

    /// Everything that is on its way arrives.
    fn settle(&mut self) {
        let mut turns = 0;
        loop {
            let mut moved = false;
            let faults = self.faults;
            for (rig, pipe) in [(&mut self.client, &mut self.up), (&mut self.server, &mut self.down)] {
                let bytes = rig.drain(self.now, |_, event| check_event(&event, faults));
                moved |= !bytes.is_empty();
                pipe.extend(bytes);
            }
            if self.faults.cut {
                self.up.clear();
                self.down.clear();
                return;
            }
            moved |= self.carry(true, usize::MAX);
            moved |= self.carry(false, usize::MAX);
            moved |= self.hang_up();
            if !moved {
                return;
            }
            turns += 1;
            assert!(turns < 20_000, "it never settles");
        }
    }

    /// Who is finished closes the transport.
    fn hang_up(&mut self) -> bool {
        let (client, server) = (&self.client.connection, &self.server.connection);
        let over = (client.is_finished() && self.up.is_empty() && !self.client.transmit_has())
            || (server.is_finished() && self.down.is_empty() && !self.server.transmit_has());
        if over {
            self.cut();
        }
        over
    }

    fn pass(&mut self, time: Duration) {
        let time = time.min(self.time);
        self.time = self.time.saturating_sub(time);
        self.sleep(time);
    }

    /// Both sides sleep, and wake when `poll_timeout` says so.
    fn sleep(&mut self, time: Duration) {
        let until = self.now.saturating_add(time);
        let mut spins = 0;
        loop {
            let next = [&self.client, &self.server].map(|rig| rig.connection.poll_timeout());
            let Some(at) = next.into_iter().flatten().map(|timeout| timeout.at).min() else { break };
            if at > until {
                break;
            }
            spins = if at > self.now { 0 } else { spins + 1 };
            assert!(spins < 1000, "time stands still: {next:?}");
            self.now = self.now.max(at);
            self.client.connection.handle_timeout(self.now);
            self.server.connection.handle_timeout(self.now);
            if spins > 0 {
                self.settle();
            }
        }
        self.now = until;
    }

    /// RFC 9113 §6.5.3: a server that changes what it allows; between two frames, and once it knows that its
    /// first settings were taken. Whatever it lowers, the receiving side of it goes on as before.
    fn change_settings(&mut self, input: &mut Input<'_>) {
        self.settle();
        let alive = !(self.faults.cut || self.faults.closed || self.faults.shut);
        if !alive || !self.client.connection.is_ready() || !self.server.connection.is_ready() {
            return;
        }
        let (id, value): (u16, u32) = match input.below(4) {
            0 => (1, input.pick(&[0, 50, 100, 4096]).min(self.server.limits.header_table_bytes as u32)),
            1 => (3, u32::from(input.byte() % 4)),
            2 => (5, input.pick(&[16_384, 20_000])),
            _ => {
                let value = u32::from(input.byte());
                let value = value.min(self.server.limits.stream_window_bytes);
                self.lowered = Some(value);
                (4, value)
            }
        };
        // Larger frames than it says is what the server's reader does not take.
        let value = if id == 5 { 16_384 } else { value };
        self.tell_client(id, value);
    }

    fn tell_client(&mut self, id: u16, value: u32) {
        let mut payload = id.to_be_bytes().to_vec();
        payload.extend(value.to_be_bytes());
        let mut bytes = Vec::new();
        frame(&mut bytes, 4, 0, 0, &payload);
        self.client.connection.handle_received(self.now, &mut bytes);
        self.settle();
    }

    /// No more faults: every call ends, and nothing is left.
    fn heal(&mut self) {
        self.settle();
        if !self.faults.cut {
            if self.lowered.is_some() {
                self.tell_client(4, self.server.limits.stream_window_bytes);
            }
            self.tell_client(3, self.server.limits.concurrent_calls_max);
        }
        let mut turns = 0;
        while self.someone_waits() {
            self.turn();
            turns += 1;
            // No time passes here: nothing may depend on it.
            assert!(turns < 200, "nobody can go on:\n{}\n{}", self.client.show(), self.server.show());
        }
        if !self.faults.cut {
            self.check_credit();
            self.faults.shut = true;
            self.server.connection.shutdown(self.now, Duration::from_secs(1));
            self.settle();
            self.sleep(Duration::from_secs(5));
            self.settle();
            if !self.faults.cut {
                self.faults.closed = true;
                self.client.connection.close(self.now);
                self.settle();
            }
        }
        self.client.finish(self.now);
        self.server.finish(self.now);
    }

    fn someone_waits(&self) -> bool {
        !self.client.calls.is_empty()
            || !self.server.calls.is_empty()
            || (!self.waiting.is_empty() && self.client.connection.takes_calls())
    }

    /// Both applications do all that they can.
    fn turn(&mut self) {
        self.settle();
        for by_server in [false, true] {
            self.act(by_server);
            let rig = if by_server { &mut self.server } else { &mut self.client };
            let calls: Vec<CallId> = rig.calls.keys().copied().collect();
            let mut over = Vec::new();
            for call in calls {
                rig.receive(call, usize::MAX);
                if rig.calls.get(&call).is_some_and(|known| known.ended) {
                    over.push(call);
                }
            }
            over.into_iter().for_each(|call| self.judge(call, by_server));
            self.act(by_server);
        }
        self.settle();
    }

    /// A call is over on one side: what it received is what was sent.
    fn judge(&mut self, call: CallId, by_server: bool) {
        let rig = if by_server { &mut self.server } else { &mut self.client };
        let Some(known) = rig.calls.get(&call) else { return };
        let Some(plan) = self.plans.get(known.plan) else { return };
        for (at, message) in known.received.iter().enumerate() {
            assert!(*message == body(known.plan, at, plan.size, !by_server), "message {at} is another");
        }
        let (requests, replies) = (plan.requests, plan.replies);
        match known.status {
            Some(Ok(())) if !by_server => {
                assert!(plan.ok && known.received.len() == replies, "{plan:?}: {known:?}");
                assert_same(&known.trailers, &metadata(known.plan, plan.fields >> 2));
                let head = rig.connection.take_response(call).map(|head| head.metadata).unwrap_or_default();
                let sent = if plan.fields & 128 != 0 { plan.fields >> 1 } else { 0 };
                assert_same(&head, &metadata(known.plan, sent));
            }
            Some(Ok(())) => assert!(plan.early || known.received.len() == requests, "{plan:?}: {known:?}"),
            _ => assert!(known.received.len() <= requests.max(replies)),
        }
        rig.release(call);
    }

    fn check_credit(&self) {
        for (rig, other) in [(&self.client, &self.server), (&self.server, &self.client)] {
            if rig.closed || other.closed {
                continue;
            }
            let (available, owed) = rig.connection.receive_credit();
            let whole = i64::from(rig.limits.connection_window_bytes.max(65_535));
            assert_eq!(available + i64::from(owed), whole, "the window of the connection");
            assert_eq!(other.connection.send_credit(), available, "both ends agree on it");
            let left =
                (rig.connection.live_calls(), rig.connection.unread_bytes(), rig.connection.unsent_bytes());
            assert_eq!(left, (0, 0, 0), "calls, unread, unsent");
            assert_eq!(rig.connection.credit_ahead(), 0);
        }
    }
}

/// Sends what is to be sent of a call, and finishes or answers it.
fn send_all(rig: &mut Rig, call: CallId, plans: &[Plan], by_server: bool) {
    let Some(known) = rig.calls.get(&call) else { return };
    let (at, Some(plan)) = (known.plan, plans.get(known.plan).copied()) else { return };
    if known.finished || known.ended || known.blocked || (by_server && !known.end && !plan.early) {
        return;
    }
    let total = if by_server { plan.replies } else { plan.requests };
    let mut sent = known.sent;
    while sent < total {
        if !rig.send(call, body(at, sent, plan.size, by_server)) {
            return;
        }
        sent += 1;
    }
    let done = if by_server {
        let status = if plan.ok { Ok(()) } else { Err(Status::aborted("as planned")) };
        rig.connection.respond(call, None, metadata(at, plan.fields >> 2), status).is_ok()
    } else {
        rig.connection.finish_sending(call).is_ok()
    };
    if let Some(known) = rig.calls.get_mut(&call) {
        known.finished = done;
    }
}

/// Honest sides find no fault with each other.
fn check_event(event: &Event, faults: Faults) {
    if let Event::Closed(ended) = event {
        assert_eq!((ended.code, ended.violation), (ErrorCode::NO_ERROR, None), "{ended}");
        let expected = match ended.by {
            Initiator::Transport => faults.cut,
            Initiator::Local | Initiator::Peer => faults.closed || faults.shut || faults.cut,
        };
        assert!(expected, "{ended}");
    }
}

impl Rig {
    fn show(&self) -> String {
        let connection = &self.connection;
        format!(
            "unread {}, unsent {}, may send {}, may receive {:?}, {:?}\n{:?}",
            connection.unread_bytes(),
            connection.unsent_bytes(),
            connection.send_credit(),
            connection.receive_credit(),
            self.limits,
            self.calls
        )
    }

    fn transmit_has(&self) -> bool {
        bytes::Buf::has_remaining(&self.transmit)
    }
}
