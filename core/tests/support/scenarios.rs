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
