//! A small request, or response, in one go: head, message and end, as most unary calls have them.

use super::{Connection, Role};
use crate::call::prefix::{PREFIX_LEN, prefix};
use crate::call::response::Ending;
use crate::stream::State;
use crate::transmit::Transmit;
use crate::wire::send;

impl Connection {
    /// Writes what a call sends, where that is ready as a whole and small. False: it is not, and nothing was done.
    #[inline]
    pub(super) fn write_whole(&mut self, index: u32, transmit: &mut Transmit) -> bool {
        match self.role {
            Role::Client => self.write_request(index, transmit),
            Role::Server => self.write_response(index, transmit),
        }
    }

    /// Writes a request that has one small message, and is held back by nothing: as the same frames, with the same
    /// effects, that its parts have one by one.
    #[inline]
    fn write_request(&mut self, index: u32, transmit: &mut Transmit) -> bool {
        let Some(entry) = self.calls.get_mut(index) else { return false };
        let Some(head) = entry.request.get().filter(|_| entry.stream.id.is_zero()) else { return false };
        let octets = entry.outgoing.unsent();
        let is_plain = entry.outgoing.finished && entry.blocked == 0 && self.output.crowded.is_empty();
        let Some(message) = entry.outgoing.next_small(octets).filter(|_| is_plain) else { return false };
        // No frame of any peer is too small for it.
        if octets > self.send_window.available().min(entry.stream.send_window.available()) {
            return false;
        }
        let (stream, frame_max, now) = (self.next_stream, self.remote.frame_bytes_max, self.now);
        let (requests, encoder) = (self.output.requests.get_or_insert_default(), &mut self.encoder);
        send::headers_with(transmit.buffer(), stream, false, frame_max, |out| {
            requests.write(head, now, encoder, out);
        });
        (entry.send_head, entry.head_written) = (false, true);
        self.ping_is_free = true;
        // DATA waits where its head fills the output.
        let waits = transmit.is_full();
        if waits {
            entry.stream.state = State::Open;
        } else {
            send::small_data(transmit.buffer(), stream, true, prefix(message.len()), message);
            entry.outgoing.next_written(octets);
            entry.stream.state = State::SendClosed;
            entry.stream.send_window.spend(octets);
            self.send_window.spend(octets);
            self.late.data_written();
            self.output.unsent = self.output.unsent.saturating_sub(octets);
        }
        self.open_next(index);
        if waits {
            self.output.data.push(&mut self.calls, index);
        }
        true
    }

    /// Writes a response that is ready as a whole, has but one small message, says OK, repeats the header blocks
    /// of those before, and is held back by nothing: as the same frames, with the same effects, that its parts
    /// have one by one. False: it is none such, and nothing was done.
    #[inline]
    fn write_response(&mut self, index: u32, transmit: &mut Transmit) -> bool {
        let Some(entry) = self.calls.get_mut(index) else { return false };
        let is_plain = matches!(entry.ending, Some(Ending::Plain)) && !entry.has_initial();
        // Sending leaves both states as they are, until the end.
        let may_send = matches!(entry.stream.state, State::Open | State::ReceiveClosed);
        let Some(message) = entry.outgoing.only_small().filter(|_| is_plain && may_send) else {
            return false;
        };
        let usual = self.output.responses.as_mut().and_then(|repeats| repeats.usual(&self.encoder));
        let Some(frames) = usual else { return false };
        let octets = message.len().saturating_add(PREFIX_LEN);
        let window = self.send_window.available().min(entry.stream.send_window.available());
        // DATA waits where its head reaches the target; no frame of any peer is too small for it.
        let with_head = transmit.len().saturating_add(frames.head_len());
        if octets > window || with_head >= transmit.target() {
            return false;
        }
        frames.write(transmit.buffer(), entry.stream.id, prefix(message.len()), message);
        entry.outgoing.only_written();
        entry.head_written = true;
        entry.stream.send_window.spend(octets);
        self.send_window.spend(octets);
        self.late.data_written();
        self.ping_is_free = true;
        self.output.unsent = self.output.unsent.saturating_sub(octets);
        self.end_ok(index);
        self.sending_ended(index);
        true
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::time::Duration;

    use bytes::{Buf, Bytes};
    use quickcheck::quickcheck;

    use super::*;
    use crate::call::{CallId, Metadata, Path, RequestHead};
    use crate::connection::{Config, Event, Received, Start};
    use crate::hpack::{Encoder, Indexing, Token};
    use crate::limits::Limits;
    use crate::time::Instant;
    use crate::wire::{CLIENT_PREFACE, StreamId, send};

    const NOW: Instant = Instant::from_nanos(1);

    /// A server, and what it wrote.
    struct Server {
        connection: Connection,
        transmit: Transmit,
        written: Vec<u8>,
        /// It forgets the blocks of its responses, so that it writes them part by part.
        forgets: bool,
    }

    impl Server {
        fn new(target: usize, forgets: bool) -> Self {
            let connection = Connection::server(NOW, &Config::new(Limits::default(), 1));
            Self { connection, transmit: Transmit::with_target(target), written: Vec::new(), forgets }
        }

        fn receive(&mut self, input: &[u8]) {
            self.connection.handle_received(NOW, &mut input.to_vec());
        }

        /// Answers what can be answered, and writes as much as the transport takes.
        fn turn(&mut self, message: &Bytes, taken: usize) {
            while let Some(event) = self.connection.poll_event() {
                let Event::Message(call) = event else { continue };
                if let Ok(Received::Message(_)) = self.connection.receive_message(call) {
                    let message = Some(message.clone());
                    self.connection.respond(call, message, Metadata::new(), Ok(())).unwrap();
                    self.connection.release(call);
                }
            }
            if self.forgets {
                self.connection.output.responses = None;
            }
            self.connection.poll_transmit(NOW, &mut self.transmit);
            let piece = self.transmit.copy_to_bytes(taken.min(self.transmit.len()));
            self.written.extend_from_slice(&piece);
        }

        /// All that writing a response has an effect on.
        fn state(&self) -> String {
            let Connection { send_window, late, streams_open, ping_is_free, state, .. } = &self.connection;
            let (unsent, calls) = (self.connection.output.unsent, self.connection.calls.len());
            let all =
                format!("{send_window:?} {late:?} {streams_open} {ping_is_free} {unsent} {calls} {state:?}");
            format!("{all} {} {}", self.connection.handlers, self.transmit.len())
        }
    }

    fn request(stream: u32, encoder: &mut Encoder, end: bool) -> Vec<u8> {
        let (mut block, mut out) = (Vec::new(), Vec::new());
        encoder.begin(&mut block);
        let fields: [(Token, &[u8]); 6] = [
            (Token::Method, b"POST"),
            (Token::Scheme, b"http"),
            (Token::Path, b"/a/b"),
            (Token::Authority, b"c"),
            (Token::Te, b"trailers"),
            (Token::ContentType, b"application/grpc"),
        ];
        for (token, value) in fields {
            encoder.field(&mut block, token, value, Indexing::Indexed);
        }
        send::headers(&mut out, StreamId::new(stream), &block, false, 16_384);
        send::data_header(&mut out, StreamId::new(stream), 5, end);
        out.extend_from_slice(&[0; 5]);
        out
    }

    quickcheck! {
        /// With any windows, any target, and a transport that takes any number of octets: the same octets, and
        /// the same state, as part by part.
        fn it_is_what_its_parts_are(steps: Vec<(u16, u16, bool)>, window: u16, target: u16) -> bool {
            let target = usize::from(target % 200) + 1;
            let mut servers = [Server::new(target, false), Server::new(target, true)];
            let mut opening = CLIENT_PREFACE.to_vec();
            send::settings(&mut opening, &[(send::INITIAL_WINDOW_SIZE, u32::from(window % 3000))]);
            send::settings_ack(&mut opening);
            let mut encoders = [Encoder::new(), Encoder::new()];
            servers.iter_mut().for_each(|server| server.receive(&opening));
            for (stream, (size, taken, end)) in (1..).step_by(2).zip(steps) {
                let message = Bytes::from(alloc::vec![7; usize::from(size % 2500)]);
                for (server, encoder) in servers.iter_mut().zip(&mut encoders) {
                    server.receive(&request(stream, encoder, end));
                    server.turn(&message, usize::from(taken % 3000));
                    if size % 3 == 0 {
                        let mut credit = Vec::new();
                        send::window_update(&mut credit, StreamId::ZERO, u32::from(taken % 500) + 1);
                        send::window_update(&mut credit, StreamId::new(stream), u32::from(taken % 2500) + 1);
                        server.receive(&credit);
                    }
                }
                let [whole, parts] = &servers;
                assert_eq!(whole.written, parts.written);
                assert_eq!(whole.state(), parts.state());
            }
            true
        }
    }

    /// A client, and what it wrote.
    struct Client {
        connection: Connection,
        transmit: Transmit,
        written: Vec<u8>,
        calls: Vec<CallId>,
        by_parts: bool,
    }

    impl Client {
        fn new(target: usize, by_parts: bool) -> Self {
            let limits = Limits::default().unsent_bytes_max(4000).unsent_call_bytes_max(2000);
            let connection = Connection::client(NOW, &Config::new(limits, 1));
            let transmit = Transmit::with_target(target);
            Self { connection, transmit, written: Vec::new(), calls: Vec::new(), by_parts }
        }

        fn start(&mut self, message: Bytes, finished: bool, deadline: Option<Instant>) {
            const PATH: Path = Path::from_static("/a/b");
            let head = RequestHead { deadline, ..RequestHead::new(PATH, Bytes::from_static(b"c")) };
            let start = Start { head, message: Some(message), finished };
            self.calls.push(self.connection.start_call(NOW, start).unwrap());
        }

        /// Writes as much as the transport takes.
        fn write(&mut self, taken: usize) {
            // Who waits for room in vain keeps the next request from being written as a whole.
            let last = self.calls.last().and_then(|call| self.connection.calls.index(*call));
            let waits_for_nothing = |client: &Self, index: &u32| {
                client.connection.calls.get(*index).is_some_and(|entry| entry.blocked == 0)
            };
            if let Some(index) = last.filter(|index| self.by_parts && waits_for_nothing(self, index)) {
                self.connection.output.crowded.push(&mut self.connection.calls, index);
            }
            self.connection.poll_transmit(NOW, &mut self.transmit);
            if self.connection.output.crowded.front().is_some_and(|index| waits_for_nothing(self, &index)) {
                self.connection.output.crowded.pop(&mut self.connection.calls);
            }
            let piece = self.transmit.copy_to_bytes(taken.min(self.transmit.len()));
            self.written.extend_from_slice(&piece);
        }

        /// All that writing a request has an effect on; of calls the last few.
        fn state(&mut self) -> String {
            let events: Vec<_> = core::iter::from_fn(|| self.connection.poll_event()).collect();
            let Connection { send_window, late, streams_unsent, ping_is_free, state, .. } = &self.connection;
            let (unsent, next) = (self.connection.output.unsent, self.connection.next_stream);
            let all = format!("{send_window:?} {late:?} {streams_unsent} {ping_is_free} {unsent} {state:?}");
            let last = self.calls.iter().rev().take(3).map(|call| self.connection.calls.index(*call));
            let last: Vec<_> = last.map(|index| self.connection.calls.get(index.unwrap())).collect();
            format!("{all} {next:?} {events:?} {} {last:?}", self.transmit.len())
        }
    }

    quickcheck! {
        /// As for responses; with calls that go on, and some that were answered `Blocked`.
        fn a_request_is_what_its_parts_are(steps: Vec<(u16, u16, u8)>, window: u16, target: u16) -> bool {
            let target = usize::from(target % 200) + 1;
            let mut clients = [Client::new(target, false), Client::new(target, true)];
            let mut opening = Vec::new();
            send::settings(&mut opening, &[(send::INITIAL_WINDOW_SIZE, u32::from(window % 2000))]);
            clients.iter_mut().for_each(|client| client.connection.handle_received(NOW, &mut opening.clone()));
            for (stream, (size, taken, what)) in (1..).step_by(2).zip(steps) {
                let message = Bytes::from(alloc::vec![b'm'; usize::from(size % 1500)]);
                let deadline = (what % 3 == 0).then(|| NOW.saturating_add(Duration::from_secs(size.into())));
                for client in &mut clients {
                    client.start(message.clone(), what % 4 != 0, deadline);
                    if what % 4 == 0 {
                        let call = client.calls[usize::from(what) % client.calls.len()];
                        let _ = client.connection.send_message(call, message.clone());
                    }
                    client.write(usize::from(taken % 3000));
                    if what % 5 == 0 {
                        let mut credit = Vec::new();
                        send::window_update(&mut credit, StreamId::ZERO, u32::from(taken % 500) + 1);
                        if StreamId::new(stream) < client.connection.next_stream {
                            send::window_update(&mut credit, StreamId::new(stream), u32::from(taken % 2500) + 1);
                        }
                        client.connection.handle_received(NOW, &mut credit);
                    }
                }
                let [whole, parts] = &mut clients;
                assert_eq!(whole.written, parts.written);
                assert_eq!(whole.state(), parts.state());
            }
            true
        }
    }

    #[test]
    fn a_repeated_small_request_is_written_as_a_whole() {
        let mut client = Client::new(1 << 16, false);
        let mut opening = Vec::new();
        send::settings(&mut opening, &[]);
        client.connection.handle_received(NOW, &mut opening);
        for _ in 0..3 {
            client.start(Bytes::from_static(b"message"), true, None);
            client.write(usize::MAX);
        }
        client.start(Bytes::from_static(b"message"), true, None);
        let index = client.connection.calls.index(client.calls[3]).unwrap();
        assert!(client.connection.write_whole(index, &mut client.transmit));
        assert!(!client.connection.write_whole(index, &mut client.transmit));
    }

    /// The comparison is one: the first of the two does write its responses as a whole.
    #[test]
    fn a_repeated_small_response_is_written_as_a_whole() {
        let mut server = Server::new(1 << 16, false);
        let mut opening = CLIENT_PREFACE.to_vec();
        send::settings(&mut opening, &[]);
        server.receive(&opening);
        let mut encoder = Encoder::new();
        for stream in [1, 3, 5] {
            server.receive(&request(stream, &mut encoder, true));
            server.turn(&Bytes::from_static(b"message"), usize::MAX);
        }
        server.receive(&request(7, &mut encoder, true));
        while let Some(event) = server.connection.poll_event() {
            let Event::Message(call) = event else { continue };
            let message = Some(Bytes::from_static(b"message"));
            server.connection.respond(call, message, Metadata::new(), Ok(())).unwrap();
        }
        let index = server.connection.calls.by_stream(StreamId::new(7)).unwrap();
        assert!(server.connection.write_whole(index, &mut server.transmit));
        assert!(!server.connection.write_whole(index, &mut server.transmit));
    }
}
