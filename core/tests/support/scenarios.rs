//! What calls do, as plans that every law is tried on.

use core::time::Duration;
use sailplane::Limits;

use super::actors::{Manner, Plan};
use super::world::World;

/// A few calls with a name.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub plans: Vec<Plan>,
    pub client: Manner,
    pub server: Manner,
    pub client_limits: Limits,
    pub server_limits: Limits,
}

impl Scenario {
    fn new(name: &'static str, plans: Vec<Plan>) -> Self {
        Self {
            name,
            plans,
            client: Manner::default(),
            server: Manner::default(),
            client_limits: Limits::default(),
            server_limits: Limits::default(),
        }
    }

    fn server(mut self, manner: Manner) -> Self {
        self.server = manner;
        self
    }

    pub fn world(&self) -> World {
        let mut world = World::with(&self.plans, self.client_limits.clone(), self.server_limits.clone());
        world.client.manner = self.client;
        world.server.manner = self.server;
        world
    }
}

/// Small ones: a transcript is at most a few kilobytes.
pub fn small() -> Vec<Scenario> {
    let one_by_one = Manner { one_by_one: true, ..Manner::default() };
    let hasty = Manner { hasty: true, ..Manner::default() };
    let shutdown = Manner { shutdown_on_call: true, ..Manner::default() };
    let mut slow =
        Scenario::new("taken one by one", vec![Plan::sized("echo", &[1, 0, 30, 2])]).server(one_by_one);
    slow.client = one_by_one;
    let mut narrow = Scenario::new("small windows", vec![Plan::sized("echo", &[100, 40, 0, 7])]);
    narrow.client_limits = Limits::default().stream_window_bytes(16);
    narrow.server_limits = Limits::default().stream_window_bytes(16);
    let mut single =
        Scenario::new("room for one", vec![Plan::new("unary", &[b"a"]), Plan::new("unary", &[b"b"])]);
    single.server_limits = Limits::default().concurrent_calls_max(1);
    vec![
        Scenario::new("unary", vec![Plan::new("unary", &[b"hello"])]),
        Scenario::new("server streaming", vec![Plan::new("many", &[b"123"])]),
        Scenario::new("client streaming", vec![Plan::new("count", &[b"1", b"", b"333"])]),
        Scenario::new("both streaming", vec![Plan::sized("echo", &[1, 5, 0, 9])]),
        Scenario::new(
            "metadata",
            vec![Plan::new("unary", &[b"x"]).metadata("x-a", "one").metadata("x-a", "two")],
        ),
        Scenario::new("initial metadata", vec![Plan::new("head", &[b"x"])]),
        Scenario::new("error", vec![Plan::new("fail", &[b"x"])]),
        Scenario::new("trailers only", vec![Plan::new("refuse", &[b"x", b"y"])]),
        Scenario::new("early answer", vec![Plan::sized("early", &[10, 20, 30])]),
        Scenario::new("cancelled in the end", vec![Plan::new("hang", &[b"x"])]),
        Scenario::new("deadline", vec![Plan::new("hang", &[b"x"]).deadline(Duration::from_millis(50))]),
        Scenario::new("no message", vec![Plan::new("unary", &[])]),
        Scenario::new(
            "three at once",
            vec![Plan::new("unary", &[b"a"]), Plan::sized("echo", &[3, 2]), Plan::new("fail", &[b"c"])],
        ),
        Scenario::new("released at once", vec![Plan::new("unary", &[b"a"]), Plan::new("many", &[b"b"])])
            .server(hasty),
        Scenario::new("graceful shutdown", vec![Plan::sized("echo", &[3, 2]), Plan::new("unary", &[b"c"])])
            .server(shutdown),
        slow,
        narrow,
        single,
    ]
}

/// As small as these, and many: for laws that are tried at every octet.
pub fn more() -> Vec<Scenario> {
    let millis = Duration::from_millis;
    let one_by_one = Manner { one_by_one: true, ..Manner::default() };
    let hasty = Manner { hasty: true, ..Manner::default() };
    let shutdown = Manner { shutdown_on_call: true, ..Manner::default() };
    let with = |name, plans: Vec<Plan>, client: Limits, server: Limits| {
        let mut scenario = Scenario::new(name, plans);
        (scenario.client_limits, scenario.server_limits) = (client, server);
        scenario
    };
    let limits = Limits::default;
    let unary = |message: &'static [u8]| Plan::new("unary", &[message]);
    let mut reader = Scenario::new("a reader of one by one", vec![Plan::sized("many", &[3])]);
    reader.client = one_by_one;
    vec![
        Scenario::new("nothing", vec![]),
        Scenario::new("an empty message", vec![unary(b"")]),
        Scenario::new("two after each other", vec![unary(b"1"), unary(b"2")]),
        Scenario::new("the same path again and again", (0..5).map(|_| unary(b"x")).collect()),
        Scenario::new(
            "five methods",
            ["unary", "many", "count", "fail", "refuse"].map(|m| Plan::new(m, &[b"m"])).into(),
        ),
        Scenario::new("a message of one frame and an octet", vec![Plan::sized("count", &[16_380])]),
        Scenario::new("an early answer to nothing", vec![Plan::new("early", &[])]),
        Scenario::new("refused at once", vec![Plan::new("refuse", &[])]),
        Scenario::new("an error without a message", vec![Plan::new("fail", &[])]),
        Scenario::new("a head and no message", vec![Plan::new("head", &[])]),
        Scenario::new("many empty messages", vec![Plan::sized("count", &[0; 20])]),
        Scenario::new("an echo of nothing", vec![Plan::new("echo", &[])]),
        Scenario::new("a deadline that is kept", vec![unary(b"x").deadline(Duration::from_secs(5))]),
        Scenario::new(
            "a deadline among others",
            vec![Plan::new("hang", &[]).deadline(millis(20)), unary(b"y")],
        ),
        Scenario::new("two that hang", vec![Plan::new("hang", &[b"a"]), Plan::new("hang", &[])]),
        Scenario::new(
            "much metadata",
            vec![(0..20).fold(unary(b"x"), |plan, _| plan.metadata("x-many", "a value of some length"))],
        ),
        Scenario::new("metadata that repeat", (0..3).map(|_| unary(b"x").metadata("x-id", "7")).collect()),
        Scenario::new("shutdown with one that hangs", vec![Plan::new("hang", &[b"a"]), unary(b"b")])
            .server(shutdown),
        Scenario::new("released after an error", vec![Plan::new("fail", &[b"a"])]).server(hasty),
        Scenario::new("echoes one by one", vec![Plan::sized("echo", &[2, 2]), Plan::sized("echo", &[1])])
            .server(one_by_one),
        reader,
        with(
            "windows of one octet",
            vec![unary(b"abc")],
            limits().stream_window_bytes(1),
            limits().stream_window_bytes(1),
        ),
        with(
            "a message too large",
            vec![Plan::sized("count", &[3, 50])],
            limits(),
            limits().message_bytes_max(20),
        ),
        with("a reply too large", vec![Plan::sized("many", &[9])], limits().message_bytes_max(20), limits()),
        with(
            "no table of fields",
            vec![unary(b"a"), unary(b"b")],
            limits().header_table_bytes(0),
            limits().header_table_bytes(0),
        ),
        with(
            "little unread",
            vec![Plan::sized("echo", &[60, 60])],
            limits().unread_bytes_max(10),
            limits().unread_bytes_max(10),
        ),
        with(
            "little unsent",
            vec![Plan::sized("echo", &[60, 60])],
            limits().unsent_call_bytes_max(10),
            limits().unsent_bytes_max(10),
        ),
        with(
            "room for two",
            (0..4).map(|_| unary(b"r")).collect(),
            limits(),
            limits().concurrent_calls_max(2),
        ),
    ]
}

/// Those that need windows to open again.
pub fn large() -> Vec<Scenario> {
    let small: Vec<usize> = (0..3000).map(|at| at % 7).collect();
    vec![
        Scenario::new("a big message", vec![Plan::sized("echo", &[300_000])]),
        Scenario::new("many small messages", vec![Plan::sized("echo", &small)]),
        Scenario::new(
            "big ones interleaved",
            vec![Plan::sized("echo", &[100_000, 3]), Plan::sized("many", &[50_000])],
        ),
    ]
}
