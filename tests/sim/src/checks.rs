//! What must hold of each call as it ends, of each connection as it ends, and of everything at rest.

use sailplane::call::Outcome;
use sailplane::connection::Initiator;
use sailplane::error::PeerViolation;
use sailplane::time::Timer;
use sailplane::{Code, Ended, Origin, Status, Timeout};

use crate::broken;
use crate::faults::Fault;
use crate::link::{At, CLIENT, SERVER};
use crate::model::{Call, Place, Plan, Verdict};
use crate::options::MS;
use crate::world::{Event, World};

impl World {
    /// The client learns how a call ended.
    pub fn end_call(&mut self, number: usize, status: Result<(), Status>) {
        self.trace.line(self.now, format_args!("call {number} ends for its client: {status:?}"));
        match status {
            Ok(()) => {
                self.check_ok(number);
                self.record(number, Verdict::Ok);
            }
            Err(status) => {
                self.check_failed(number, &status);
                self.record(number, Verdict::Failed(status.code()));
            }
        }
    }

    /// How a call ended; once.
    pub fn record(&mut self, number: usize, verdict: Verdict) {
        let call = &mut self.calls[number];
        if call.verdict.replace(verdict).is_some() {
            broken!("I1", "call {number} ended twice");
        }
        call.place = Place::Over;
        call.backlog.clear();
        self.open -= 1;
        let (client, deadline) = (call.client, call.deadline);
        if let Some(deadline) = deadline {
            self.clients[client].deadlines.remove(&(deadline, number));
        }
        let code = match verdict {
            Verdict::Ok => 0,
            Verdict::Failed(code) => u64::from(code.number()),
            Verdict::Dropped => 99,
        };
        self.trace.note(&[10, self.now, number as u64, code]);
    }

    /// Time is about to move to `next`: nothing may have missed its deadline.
    pub fn check_deadlines(&self, next: u64) {
        for (client, state) in self.clients.iter().enumerate() {
            let Some((deadline, number)) = state.deadlines.first() else { continue };
            if *deadline < next && self.suspended_until[client] <= self.now && *deadline <= self.now {
                broken!("I7", "call {number} goes on after its deadline, {} ns late", self.now - deadline);
            }
            if *deadline < next && self.suspended_until[client] <= *deadline {
                broken!("I7", "nobody is woken for the deadline of call {number}");
            }
        }
    }

    fn check_ok(&self, number: usize) {
        let call = &self.calls[number];
        if call.is_hostile {
            return;
        }
        let [run] = call.runs.as_slice() else {
            broken!("I3", "call {number} is OK, and {} handlers ran", call.runs.len());
        };
        if run.answered != Some(Ok(())) {
            broken!("I3", "call {number} is OK, and its handler said {:?}", run.answered);
        }
        if run.sent != call.received {
            broken!("I2", "call {number} is OK with {} of {} messages", call.received, run.sent);
        }
        if self.is_too_late(call) {
            broken!("I7", "call {number} is OK after its deadline");
        }
    }

    /// Whether the deadline of a call has passed, as far as its connection can know.
    fn is_too_late(&self, call: &Call) -> bool {
        let exact = !self.options.has(Fault::StaleClock);
        exact && call.deadline.is_some_and(|deadline| deadline <= self.now)
    }

    fn check_failed(&self, number: usize, status: &Status) {
        let call = &self.calls[number];
        if call.is_hostile {
            return;
        }
        let code = status.code();
        let answered = call.runs.first().and_then(|run| run.answered);
        if status.origin() == Origin::Peer && answered == Some(Err(code)) {
            if status.message() != format!("as planned for {number}") {
                broken!("I2", "call {number}: the status says {:?}", status.message());
            }
            return;
        }
        if self.is_too_late(call) && !call.is_cancelled && code != Code::DeadlineExceeded {
            broken!("I7", "call {number} ends after its deadline with {code:?}");
        }
        if !status.may_have_run() && !call.runs.is_empty() {
            broken!("I6", "call {number} has not run, says its status, and a handler ran");
        }
        if !self.may_fail_with(call, status) {
            broken!("I12", "call {number} of honest ends fails with {status:?}");
        }
    }

    /// Whether something that was done explains the code.
    fn may_fail_with(&self, call: &Call, status: &Status) -> bool {
        let tiny = self.options.has(Fault::TinyLimits);
        let run = call.runs.first();
        match status.code() {
            Code::Cancelled => {
                let gone = run.is_some_and(|run| run.is_released && run.answered.is_none());
                call.is_cancelled || gone || call.deadline.is_some() || tiny
            }
            Code::DeadlineExceeded => call.deadline.is_some_and(|deadline| {
                // A server's deadline is what is left of it, in the digits that `grpc-timeout` has.
                let slack =
                    if status.origin() == Origin::Peer { MS + (deadline - call.started) / 100 } else { 0 };
                let stale = self.options.has(Fault::StaleClock) && status.origin() == Origin::Peer;
                stale || self.now + slack >= deadline
            }),
            Code::Unavailable => {
                let refused = status.http2_code().is_some_and(|code| code.0 == 7);
                let repeated = !status.may_have_run() && call.repetitions > 0;
                call.attempts == 0 || call.is_troubled || refused || repeated || tiny
            }
            Code::ResourceExhausted => tiny,
            _ => false,
        }
    }

    /// Trailers come with the answer, and only with that.
    pub fn check_trailers(&self, number: usize, at: At, outcome: &Outcome) {
        let expected = match &outcome.status {
            Ok(()) => true,
            Err(status) => {
                let run = self.calls[number].runs.first();
                status.origin() == Origin::Peer
                    && run.is_some_and(|run| run.answered == Some(Err(status.code())))
            }
        };
        let number_text = number.to_string();
        let honest = self.links[at.link].is_honest();
        if honest && expected && outcome.trailers.get("x-cost") != Some(number_text.as_str()) {
            broken!("I2", "the trailers of call {number} are {:?}", outcome.trailers);
        }
    }

    /// A connection is over: who did what?
    pub fn connection_ended(&mut self, at: At, ended: &Ended) {
        self.end(at).closed += 1;
        if self.end(at).closed > 1 {
            broken!("I1", "connection {} is closed twice", at.link);
        }
        self.trace.note(&[11, at.link as u64, at.side as u64, u64::from(ended.code.0)]);
        let troubled = std::mem::replace(&mut self.links[at.link].is_troubled, true);
        if !self.links[at.link].is_honest() {
            return;
        }
        let waited = matches!(
            ended.violation,
            Some(
                PeerViolation::HandshakeTimeout
                    | PeerViolation::SettingsTimeout
                    | PeerViolation::PartialFrameTimeout
            )
        );
        let accuses = ended.violation.is_some() || (ended.by == Initiator::Local && ended.code.0 != 0);
        if accuses && !(waited && troubled) {
            broken!("I12", "honest ends, and one of them says: {ended:?}");
        }
        let retires = self.options.has(Fault::Aging) && ended.code.0 == 0;
        if !troubled && !retires {
            broken!("I12", "nothing was done to connection {}, and it ends: {ended:?}", at.link);
        }
    }

    /// An end goes: nothing of it may run.
    pub fn check_leaving(&mut self, at: At) {
        let end = self.end(at);
        if end.closed != 1 {
            broken!("I1", "connection {} is finished, and closed {} times", at.link, end.closed);
        }
        if let Some((id, number)) = end.calls.iter().next() {
            broken!("I1", "call {number} ({id:?}) is left on the finished connection {}", at.link);
        }
        self.check_empty(at);
    }

    fn check_empty(&mut self, at: At) {
        let connection = &self.end(at).connection;
        let left = (connection.live_calls(), connection.unread_bytes(), connection.unsent_bytes());
        if left != (0, 0, 0) {
            broken!("I8", "connection {} side {} still has {left:?} calls, unread, unsent", at.link, at.side);
        }
        let ahead = connection.credit_ahead();
        if ahead != 0 {
            broken!("I5", "connection {} side {} still has credit of {ahead} ahead", at.link, at.side);
        }
    }

    /// A new call of each client, after all faults.
    pub fn probe(&mut self) {
        let first = self.calls.len();
        for client in 0..self.clients.len() {
            self.calls.push(Call::new(Plan::probe(), client));
            self.open += 1;
            self.at(self.now + MS, Event::Start(self.calls.len() - 1));
        }
        self.first_probe = first;
    }

    /// Nothing goes on: nothing may be left, and every window is whole.
    pub fn check_quiescence(&mut self) {
        for number in self.first_probe..self.calls.len() {
            if self.calls[number].verdict != Some(Verdict::Ok) {
                let call = &self.calls[number];
                broken!("I10", "a new call on a good network ends with {:?}: {call:?}", call.verdict);
            }
        }
        for client in &self.clients {
            if client.machine.waiting() > 0 || client.machine.poll_timeout().is_some() {
                broken!(
                    "I8",
                    "the channel of an idle client has {} calls or a timeout",
                    client.machine.waiting()
                );
            }
        }
        for link in 0..self.links.len() {
            for side in [CLIENT, SERVER] {
                let at = At { link, side };
                if !self.links[link].is_over && !self.end(at).is_gone {
                    self.check_at_rest(at);
                }
            }
        }
    }

    fn check_at_rest(&mut self, at: At) {
        self.check_empty(at);
        let other = At { link: at.link, side: 1 - at.side };
        if self.end(other).is_gone {
            broken!("I10", "connection {} is over for one end only", at.link);
        }
        if self.links[at.link].proxy.awaits_acknowledgement(at.side) {
            broken!("I8", "SETTINGS on connection {} are not acknowledged", at.link);
        }
        let padding = self.links[at.link].proxy.padding > 0;
        let limits =
            if at.side == CLIENT { &self.options.client_limits } else { &self.options.server_limits };
        let size = i64::from(limits.connection_window_bytes).max(65_535);
        let peer = self.end(other);
        let (peer_sends, watched) = (peer.connection.send_credit(), peer.watch.send_window());
        if peer_sends != watched {
            broken!("I5", "the connection's window is {watched} on the wire and {peer_sends} for its sender");
        }
        let end = self.end(at);
        let timeout = end.connection.poll_timeout();
        let waits_for_life =
            |timeout: &Timeout| matches!(timeout.timer, Timer::Keepalive | Timer::Idle | Timer::Age);
        if let Some(timeout) = timeout.filter(|timeout| !waits_for_life(timeout)) {
            broken!("I8", "an idle connection waits for {timeout:?}");
        }
        if end.watch.open_streams() > 0 {
            broken!("I8", "{} streams of connection {} are open", end.watch.open_streams(), at.link);
        }
        let (available, owed) = end.connection.receive_credit();
        if available + i64::from(owed) != size {
            broken!("I5", "the connection's window is {available} + {owed}, and should be {size}");
        }
        if !padding && available != peer_sends {
            broken!("I5", "the ends see the connection's window as {available} and {peer_sends}");
        }
    }

    /// Everybody goes, in order.
    pub fn shut_down(&mut self) {
        for client in 0..self.clients.len() {
            self.clients[client].machine.close();
            self.pump(client);
        }
        for link in 0..self.links.len() {
            let at = At { link, side: self.rng.index(2) };
            if self.links[link].is_over || self.end(at).is_gone {
                continue;
            }
            self.links[link].is_troubled = true;
            let now = self.instant();
            self.end(at).connection.shutdown(now, std::time::Duration::from_secs(5));
            self.touch(at);
        }
        self.settle();
    }

    /// Nothing is left.
    pub fn check_end(&mut self) {
        if let Some((number, link)) = self.links.iter().enumerate().find(|(_, link)| !link.is_over) {
            broken!(
                "I10",
                "connection {number} does not end: {:?} {:?}",
                link.ends[0].is_gone,
                link.ends[1].is_gone
            );
        }
        self.links.clear();
        let clients = self.clients.iter().map(|client| client.memory.used());
        let servers = self.servers.iter().map(|server| server.memory.used());
        if let Some(used) = clients.chain(servers).find(|used| *used > 0) {
            broken!("I8", "without a connection a process still holds {used} octets");
        }
    }

    /// Calls that do not end although nothing hinders them.
    pub fn fail_liveness(&self) -> ! {
        let found = self.calls.iter().enumerate().find(|(_, call)| call.verdict.is_none());
        let Some((number, call)) = found else {
            broken!("I1", "{} calls have no verdict, and none lacks it", self.open)
        };
        broken!("I10", "{} calls do not end; call {number}: {call:?}", self.open)
    }
}
