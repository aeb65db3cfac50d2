//! What our clients check of a peer's server.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sailplane::bytes::Bytes;
use sailplane::{
    CallInfo, CancelToken, Channel, Code, Metadata, Method, Mode, Origin, Result, Status, Stub, StubCore,
    Value,
};

use crate::pb::{Act, BehaviourClient, Reply, Request};
use crate::peers::wait::Wait;

/// Bounds every call.
const TIMEOUT: Duration = Duration::from_secs(30);
const MIB: usize = 1024 * 1024;

const MESSAGES: [&str; 6] =
    ["", "plain", "错误：百分之百，100% 不对", " \t edges \r\n ", "\u{1}\u{7f} %41 %", "🪁"];

/// One peer's server, seen by one of our channels.
struct Peer<C> {
    channel: C,
    client: BehaviourClient<C>,
}

/// The names of all checks, in the order in which they run.
pub const ALL_CHECKS: &[&str] = &[
    "unary",
    "empty",
    "down",
    "down_nothing",
    "up",
    "up_nothing",
    "both_in_turn",
    "metadata",
    "metadata_of_errors",
    "metadata_before_messages",
    "large_metadata",
    "codes",
    "messages",
    "details",
    "only_trailers",
    "panic",
    "deadline_on_the_server",
    "deadline_missed",
    "deadline_missed_in_a_stream",
    "cancelled_unary",
    "cancelled_stream",
    "cancelled_by_the_server",
    "large_messages",
    "too_large_message",
    "too_large_reply",
    "flow",
    "concurrent",
    "concurrent_streams",
    "one_after_the_other",
    "early_answer",
    "early_error",
    "unimplemented",
    "shutdown",
];

/// Runs these checks against a peer's server, and tells of those that failed.
///
/// # Panics
/// If there are any.
pub fn check_server<C>(channel: C, checks: &[&str]) -> Result<(), String>
where
    C: Channel<Mode: Wait> + Clone + Send + Sync,
{
    let client = BehaviourClient::new(channel.clone()).with_timeout(TIMEOUT);
    let peer = Peer { channel, client };
    let mut failures = Vec::new();
    for check in checks {
        let start = Instant::now();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| peer.run(check))) {
            failures.push(format!("{check}, after {:?}: {}", start.elapsed(), text(&*panic)));
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

fn text(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "panicked",
    }
}

/// A name that nobody else uses at this server.
fn key() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

fn payload(payload: impl Into<Bytes>) -> Request {
    Request { payload: payload.into().into(), ..Request::default() }
}

fn acts(acts: &[Act]) -> Request {
    Request { acts: acts.iter().map(|act| i32::from(*act)).collect(), ..Request::default() }
}

fn status(code: Code, message: &str) -> Request {
    Request { code: u32::from(code.number()), message: message.into(), ..Request::default() }
}

fn all_octets() -> Vec<u8> {
    (0..=255).collect()
}

/// The values of binary fields of one name.
fn binary(metadata: &Metadata, name: &str) -> Vec<Vec<u8>> {
    metadata.get_all(name).map(|field| field.as_bytes().to_vec()).collect()
}

/// The values of text fields of one name, joined: Node does that, and to gRPC it is the same.
fn text_of(metadata: &Metadata, name: &str) -> String {
    metadata.get_all(name).filter_map(|field| field.as_str()).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn fails(code: Code, result: Result<impl std::fmt::Debug>) -> Status {
    let status = result.map(|_| "a success").expect_err("it should have failed");
    assert_eq!(status.code(), code, "{status:?}");
    status
}

impl<C: Channel<Mode: Wait> + Clone + Send + Sync> Peer<C> {
    fn run(&self, check: &str) {
        match check {
            "unary" => self.unary(),
            "empty" => self.empty(),
            "down" => self.down(),
            "down_nothing" => self.down_nothing(),
            "up" => self.up(),
            "up_nothing" => self.up_nothing(),
            "both_in_turn" => self.both_in_turn(),
            "metadata" => self.metadata(),
            "metadata_of_errors" => self.metadata_of_errors(),
            "metadata_before_messages" => self.metadata_before_messages(),
            "large_metadata" => self.large_metadata(),
            "codes" => self.codes(),
            "messages" => self.messages(),
            "details" => self.details(),
            "only_trailers" => self.only_trailers(),
            "panic" => self.panic(),
            "deadline_on_the_server" => self.deadline_on_the_server(),
            "deadline_missed" => self.deadline_missed(),
            "deadline_missed_in_a_stream" => self.deadline_missed_in_a_stream(),
            "cancelled_unary" => self.cancelled_unary(),
            "cancelled_stream" => self.cancelled_stream(),
            "cancelled_by_the_server" => self.cancelled_by_the_server(),
            "large_messages" => self.large_messages(),
            "too_large_message" => self.too_large_message(),
            "too_large_reply" => self.too_large_reply(),
            "flow" => self.flow(),
            "concurrent" => self.concurrent(),
            "concurrent_streams" => self.concurrent_streams(),
            "one_after_the_other" => self.one_after_the_other(),
            "early_answer" => self.early_answer(),
            "early_error" => self.early_error(),
            "unimplemented" => self.unimplemented(),
            "shutdown" => self.shutdown(),
            _ => panic!("there is no such check"),
        }
    }

    fn call(client: &BehaviourClient<C>, request: &Request) -> Result<Reply> {
        C::Mode::reply(client.unary(request))
    }

    /// Waits until the server's ledger has an answer.
    fn ask(&self, question: &str) -> String {
        let reply = Self::call(&self.client.with_metadata("x-ask", question), &Request::default());
        String::from_utf8(reply.expect("an answer").payload).expect("text")
    }

    fn collect(replies: &mut <C::Mode as Mode>::ServerStreaming<Reply>) -> Result<Vec<Reply>> {
        std::iter::from_fn(|| C::Mode::message(replies).transpose()).collect()
    }

    fn echo(client: &BehaviourClient<C>) -> BehaviourClient<C> {
        client
            .with_metadata("x-echo-initial", "one")
            .with_metadata("x-echo-initial", "two, three")
            .with_metadata("x-echo-initial-bin", &all_octets()[..])
            .with_metadata("x-echo-initial-bin", &b"a"[..])
            .with_metadata("x-echo-trailing", "one")
            .with_metadata("x-echo-trailing", "two")
            .with_metadata("x-echo-trailing-bin", &b""[..])
            .with_metadata("x-echo-trailing-bin", &b"\x00\xff\xfe"[..])
    }

    #[track_caller]
    fn assert_echoed_initial(headers: &Metadata) {
        assert_eq!(text_of(headers, "x-echo-initial"), "one, two, three");
        assert_eq!(binary(headers, "x-echo-initial-bin"), [&all_octets()[..], b"a"]);
    }

    #[track_caller]
    fn assert_echoed_trailing(trailers: &Metadata) {
        assert_eq!(text_of(trailers, "x-echo-trailing"), "one, two");
        assert_eq!(binary(trailers, "x-echo-trailing-bin"), [&b""[..], b"\x00\xff\xfe"]);
    }

    fn unary(&self) {
        let reply = Self::call(&self.client, &payload(all_octets())).expect("a reply");
        assert_eq!(reply.payload, all_octets());
        assert_eq!((reply.requests, reply.octets, reply.number), (1, 256, 0));
    }

    fn empty(&self) {
        let client = BehaviourClient::new(self.channel.clone());
        let reply = Self::call(&client, &Request::default()).expect("a reply");
        assert_eq!((reply.requests, reply.milliseconds_left), (1, -1));
        assert!(reply.payload.is_empty());
    }

    fn down(&self) {
        let mut replies = self.client.down(&Request { count: 7, ..payload("d") });
        let replies = Self::collect(&mut replies).expect("replies");
        assert!(replies.iter().map(|reply| reply.number).eq(0..7));
        assert!(replies.iter().all(|reply| reply.payload == b"d"[..]));
    }

    fn down_nothing(&self) {
        let replies = Self::collect(&mut self.client.down(&Request::default()));
        assert_eq!(replies.expect("an end"), []);
    }

    fn up(&self) {
        let mut call = self.client.up();
        for size in 0..5 {
            C::Mode::send_up(&mut call, &payload(vec![0; size])).expect("room");
        }
        let reply = C::Mode::finish_up(call).expect("a reply");
        assert_eq!((reply.requests, reply.octets, reply.payload.len()), (5, 10, 4));
    }

    fn up_nothing(&self) {
        let reply = C::Mode::finish_up(self.client.up()).expect("a reply");
        assert_eq!((reply.requests, reply.octets), (0, 0));
    }

    fn both_in_turn(&self) {
        let (mut sender, mut replies) = C::Mode::halves(self.client.both());
        for number in 0..20_u32 {
            C::Mode::send(&mut sender, &Request { count: 2, ..payload(number.to_string()) }).expect("room");
            for half in 0..2 {
                let reply = C::Mode::message(&mut replies).expect("a reply").expect("one more");
                assert_eq!(
                    (reply.number, &reply.payload[..]),
                    (2 * number + half, number.to_string().as_bytes())
                );
            }
        }
        C::Mode::finish(sender);
        assert_eq!(C::Mode::message(&mut replies).expect("an end"), None);
    }

    fn metadata(&self) {
        let info = CallInfo::new();
        let client = Self::echo(&self.client).with_info(&info);
        Self::call(&client, &Request::default()).expect("a reply");
        Self::assert_echoed_initial(&info.headers());
        Self::assert_echoed_trailing(&info.trailers());
    }

    fn metadata_of_errors(&self) {
        let (mut sender, mut replies) = C::Mode::halves(Self::echo(&self.client).both());
        C::Mode::send(&mut sender, &Request::default()).expect("room");
        C::Mode::send(&mut sender, &status(Code::NotFound, "")).expect("room");
        assert!(C::Mode::message(&mut replies).expect("a reply").is_some());
        fails(Code::NotFound, C::Mode::message(&mut replies));
        Self::assert_echoed_initial(&C::Mode::headers(&mut replies).expect("headers"));
        Self::assert_echoed_trailing(&C::Mode::trailers(&replies));
    }

    fn metadata_before_messages(&self) {
        let key = key();
        let client = Self::echo(&self.client).with_metadata("x-ledger", &key[..]);
        let mut replies = client.down(&acts(&[Act::SendHeaders, Act::WaitForCancel]));
        Self::assert_echoed_initial(&C::Mode::headers(&mut replies).expect("headers"));
        drop(replies);
        assert_eq!(self.ask(&format!("{key} over")), "cancelled");
    }

    fn large_metadata(&self) {
        let (info, text, octets) = (CallInfo::new(), "x".repeat(8192), all_octets().repeat(16));
        let client = self.client.with_metadata("x-echo-initial", &text[..]);
        let client = client.with_metadata("x-echo-trailing-bin", &octets[..]).with_info(&info);
        Self::call(&client, &Request::default()).expect("a reply");
        assert_eq!(info.headers().get("x-echo-initial"), Some(&text[..]));
        assert_eq!(info.trailers().get_bin("x-echo-trailing-bin"), Some(&octets[..]));
    }

    fn codes(&self) {
        for code in (1..=16).filter_map(Code::from_number) {
            let error = fails(code, Self::call(&self.client, &status(code, code.name())));
            assert_eq!((error.message(), error.origin()), (code.name(), Origin::Peer));
        }
    }

    fn messages(&self) {
        for message in MESSAGES {
            let result = Self::call(&self.client, &status(Code::InvalidArgument, message));
            assert_eq!(fails(Code::InvalidArgument, result).message(), message);
        }
    }

    fn details(&self) {
        let client = Self::echo(&self.client).with_metadata("x-details-bin", &all_octets()[..]);
        let error = fails(
            Code::FailedPrecondition,
            Self::call(&client, &status(Code::FailedPrecondition, "with details")),
        );
        assert_eq!(error.details()[..], all_octets()[..]);
        Self::assert_echoed_trailing(error.metadata());
    }

    fn only_trailers(&self) {
        let mut replies = self.client.down(&status(Code::PermissionDenied, "no"));
        assert_eq!(fails(Code::PermissionDenied, C::Mode::message(&mut replies)).message(), "no");
        assert_eq!(C::Mode::message(&mut replies).expect("the end"), None);
    }

    fn panic(&self) {
        fails(Code::Unknown, Self::call(&self.client, &acts(&[Act::Panic])));
        self.unary();
    }

    fn deadline_on_the_server(&self) {
        let client = BehaviourClient::new(self.channel.clone()).with_timeout(Duration::from_secs(25));
        let left = Self::call(&client, &Request::default()).expect("a reply").milliseconds_left;
        assert!((5_000..=25_000).contains(&left), "{left} ms left of 25 s");
    }

    fn deadline_missed(&self) {
        let (key, start) = (key(), Instant::now());
        let client = self.client.with_timeout(Duration::from_millis(500)).with_metadata("x-ledger", &key[..]);
        fails(Code::DeadlineExceeded, Self::call(&client, &acts(&[Act::WaitForCancel])));
        assert!(start.elapsed() < Duration::from_secs(10), "the deadline was noticed late");
        assert_eq!(self.ask(&format!("{key} over")), "cancelled");
    }

    fn deadline_missed_in_a_stream(&self) {
        let client = self.client.with_timeout(Duration::from_secs(1));
        let (mut sender, mut replies) = C::Mode::halves(client.both());
        C::Mode::send(&mut sender, &Request::default()).expect("room");
        assert!(C::Mode::message(&mut replies).expect("a reply").is_some());
        fails(Code::DeadlineExceeded, C::Mode::message(&mut replies));
        drop(sender);
        self.unary();
    }

    fn cancelled_unary(&self) {
        let (key, token) = (key(), CancelToken::new());
        let client = self.client.with_cancel(&token).with_metadata("x-ledger", &key[..]);
        thread::scope(|threads| {
            let call = threads.spawn(move || Self::call(&client, &acts(&[Act::WaitForCancel])));
            // Also if there is no answer: the other thread must not wait.
            let _guard = token.drop_guard();
            assert_eq!(self.ask(&format!("{key} waits")), "yes");
            token.cancel();
            fails(Code::Cancelled, call.join().expect("a thread"));
        });
        assert_eq!(self.ask(&format!("{key} over")), "cancelled");
    }

    fn cancelled_stream(&self) {
        let key = key();
        let client = self.client.with_metadata("x-ledger", &key[..]);
        let (mut sender, mut replies) = C::Mode::halves(client.both());
        C::Mode::send(&mut sender, &payload("1")).expect("room");
        assert!(C::Mode::message(&mut replies).expect("a reply").is_some());
        C::Mode::send(&mut sender, &acts(&[Act::WaitForCancel])).expect("room");
        assert_eq!(self.ask(&format!("{key} waits")), "yes");
        C::Mode::cancel(&replies);
        fails(Code::Cancelled, C::Mode::message(&mut replies));
        assert_eq!(self.ask(&format!("{key} over")), "cancelled");
    }

    fn cancelled_by_the_server(&self) {
        let (mut sender, mut replies) = C::Mode::halves(self.client.both());
        C::Mode::send(&mut sender, &status(Code::Cancelled, "no more")).expect("room");
        assert_eq!(fails(Code::Cancelled, C::Mode::message(&mut replies)).message(), "no more");
        // Without a status, if the peer can do that.
        fails(Code::Cancelled, Self::call(&self.client.with_metadata("x-cancel", "1"), &Request::default()));
    }

    fn large_messages(&self) {
        let large = Bytes::from(all_octets().repeat(4 * MIB / 256));
        let reply = Self::call(&self.client, &payload(large.clone())).expect("a reply");
        assert!(reply.payload == large, "not the same 4 MiB");
        let (mut sender, mut replies) = C::Mode::halves(self.client.both());
        for _ in 0..3 {
            C::Mode::send(&mut sender, &payload(large.clone())).expect("room");
            let reply = C::Mode::message(&mut replies).expect("a reply").expect("one more");
            assert!(reply.payload == large, "not the same 4 MiB");
        }
        C::Mode::finish(sender);
        assert_eq!(C::Mode::message(&mut replies).expect("an end"), None);
    }

    fn too_large_message(&self) {
        fails(Code::ResourceExhausted, Self::call(&self.client, &payload(vec![0; 6 * MIB])));
        self.unary();
    }

    fn too_large_reply(&self) {
        let request = Request { reply_size: 6 * MIB as u64, ..Request::default() };
        fails(Code::ResourceExhausted, Self::call(&self.client, &request));
        self.unary();
    }

    fn flow(&self) {
        let (mut sender, mut replies) = C::Mode::halves(self.client.both());
        thread::scope(|threads| {
            threads.spawn(move || {
                for number in 0..100 {
                    C::Mode::send(&mut sender, &payload(vec![number; 60_000])).expect("room");
                }
                C::Mode::finish(sender);
            });
            let replies = Self::collect(&mut replies).expect("replies");
            assert!(
                replies
                    .iter()
                    .map(|reply| &reply.payload[..])
                    .eq((0..100).map(|number| vec![number; 60_000]))
            );
        });
        let mut replies = self.client.down(&Request { reply_size: 100_000, count: 80, ..Request::default() });
        let replies = Self::collect(&mut replies).expect("replies");
        assert!(replies.iter().map(|reply| reply.payload.len()).eq([100_000; 80]));
    }

    fn concurrent(&self) {
        thread::scope(|threads| {
            for size in 0..100 {
                threads.spawn(move || {
                    let reply = Self::call(&self.client, &payload(vec![7; size])).expect("a reply");
                    assert_eq!(reply.payload.len(), size);
                });
            }
        });
    }

    fn concurrent_streams(&self) {
        let mut calls: Vec<_> = (0..50).map(|_| C::Mode::halves(self.client.both())).collect();
        for number in 0..3_u8 {
            for (sender, _) in &mut calls {
                C::Mode::send(sender, &payload(vec![number; 100])).expect("room");
            }
            for (_, replies) in &mut calls {
                let reply = C::Mode::message(replies).expect("a reply").expect("one more");
                assert_eq!(reply.payload, vec![number; 100]);
            }
        }
        for (sender, mut replies) in calls {
            C::Mode::finish(sender);
            assert_eq!(C::Mode::message(&mut replies).expect("an end"), None);
        }
    }

    fn one_after_the_other(&self) {
        for number in 0..300 {
            let (info, value) = (CallInfo::new(), "v".repeat(number % 50));
            let client =
                self.client.with_info(&info).with_metadata("x-echo-initial", Value::from(&value[..]));
            let client = client.with_metadata(format!("x-name-{}", number % 90), format!("value {number}"));
            Self::call(&client, &Request::default()).expect("a reply");
            assert_eq!(info.headers().get("x-echo-initial"), Some(&value[..]));
        }
    }

    fn early_answer(&self) {
        let mut call = self.client.up();
        let first = Request { acts: acts(&[Act::AnswerEarly]).acts, ..payload("first") };
        C::Mode::send_up(&mut call, &first).expect("room");
        let rest = payload(vec![0; 1024]);
        let sent = (0..10_000).take_while(|_| C::Mode::send_up(&mut call, &rest).is_ok()).count();
        let reply = C::Mode::finish_up(call).expect("a reply");
        assert_eq!((&reply.payload[..], reply.requests), (&b"first"[..], 1), "after {sent} more messages");
    }

    fn early_error(&self) {
        let mut call = self.client.up();
        C::Mode::send_up(&mut call, &status(Code::ResourceExhausted, "enough")).expect("room");
        let rest = payload(vec![0; 1024]);
        let sent = (0..10_000).take_while(|_| C::Mode::send_up(&mut call, &rest).is_ok()).count();
        let error = fails(Code::ResourceExhausted, C::Mode::finish_up(call));
        assert_eq!(error.message(), "enough", "after {sent} more messages");
    }

    fn unimplemented(&self) {
        let mut core = StubCore::new(self.channel.clone());
        core.options_mut().set_timeout(TIMEOUT);
        for path in ["/behaviour.Behaviour/Missing", "/no.Such/Service"] {
            let method: Method<Request, Reply> = Method::unary(path);
            fails(Code::Unimplemented, C::Mode::reply(core.unary(&method, &Request::default())));
            let method: Method<Request, Reply> = Method::bidi(path);
            let (_sender, mut replies) = C::Mode::halves(core.bidi(&method));
            fails(Code::Unimplemented, C::Mode::message(&mut replies));
        }
    }

    /// Calls that run may finish; the next one goes to the next server.
    fn shutdown(&self) {
        let (mut sender, mut replies) = C::Mode::halves(self.client.both());
        let mut both = |text: &'static str| {
            C::Mode::send(&mut sender, &payload(text)).expect("room");
            let reply = C::Mode::message(&mut replies).expect("a reply").expect("one more");
            assert_eq!(reply.payload, text.as_bytes());
        };
        both("before");
        Self::call(&self.client.with_metadata("x-shutdown", "1"), &Request::default()).expect("a reply");
        both("after");
        let next = Self::call(&self.client.wait_for_ready(), &payload("next")).expect("a reply");
        assert_eq!(next.payload, b"next"[..]);
        both("last");
        C::Mode::finish(sender);
        assert_eq!(C::Mode::message(&mut replies).expect("an end"), None);
    }
}
