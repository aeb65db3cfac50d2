//! gRPC as a pure state machine: no sockets, no clock, no threads, no executor.
//!
//! Should you be using this crate? Yes, beside an adapter: services and clients are written against it
//! ([`Call`], [`Status`], [`Streaming`], [`Sender`], and their [`blocking`] twins), and `sailplane-smol`,
//! `sailplane-threads` or `sailplane-blocking` brings the I/O. Alone, if you have a loop of your own: a
//! [`Connection`] turns bytes into events and commands into bytes.
//!
//! # The contract with a driver
//!
//! ```text
//!            what happened                               what to do about it (any order, any time)
//!  handle_received(now, &mut [u8]) ─┐               ┌─▶ poll_transmit(now, &mut Transmit) -> bool
//!  handle_end(now, End)            ─┼─ Connection ──┼─▶ poll_timeout() -> Option<Timeout { at, timer }>
//!  handle_timeout(now)             ─┘       ▲       ├─▶ poll_event() -> Option<Event>
//!                                           │       └─▶ wants_receive() -> bool
//!  commands: start_call · send_headers · send_message · finish_sending · respond · receive_message ·
//!            cancel · release · shutdown · close        pulls: take_request · take_response · take_outcome
//! ```
//!
//! Anything may be called at any time, in any order. What a `poll_` would return is there right after the
//! call that caused it. Time never runs backwards: a smaller `now` counts as the largest seen. Before a
//! driver sleeps it drains transmits and events, and it sleeps no longer than `poll_timeout`. It waits for
//! readable, writable and time together: a driver that cannot write still reads.
//!
//! This is a whole driver:
//!
//! ```
//! # use sailplane::{Config, Connection, End, Event, Instant, Timeout, Transmit};
//! # use bytes::Buf;
//! # enum Ready { Bytes(usize), Writable, End(End), TimedOut }
//! # struct Clock;
//! # impl Clock { fn now(&self) -> Instant { Instant::from_nanos(1) } }
//! # struct Socket { written: usize }
//! # impl Socket {
//! #     fn write(&mut self, transmit: &mut Transmit) -> bool {
//! #         self.written += transmit.remaining();
//! #         transmit.advance(transmit.remaining());
//! #         true
//! #     }
//! #     fn wait(&self, read: bool, write: bool, timeout: Option<Timeout>, buffer: &mut [u8]) -> Ready {
//! #         assert!(read && !write && timeout.is_some() && !buffer.is_empty());
//! #         Ready::End(End::Closed)
//! #     }
//! # }
//! # #[derive(Default)]
//! # struct Application { events: Vec<Event> }
//! # impl Application { fn on(&mut self, event: Event, _: &mut Connection) { self.events.push(event); } }
//! # let clock = Clock;
//! # let mut socket = Socket { written: 0 };
//! # let mut application = Application::default();
//! # let mut connection = Connection::client(clock.now(), &Config::default());
//! # let mut transmit = Transmit::new();
//! # let mut buffer = [0; 1024];
//! while !connection.is_finished() {
//!     loop {
//!         // Writing can free room and raise `Writable`: drain until both are quiet.
//!         while let Some(event) = connection.poll_event() {
//!             application.on(event, &mut connection);
//!         }
//!         while connection.poll_transmit(clock.now(), &mut transmit) && socket.write(&mut transmit) {}
//!         if !connection.has_event() {
//!             break;
//!         }
//!     }
//!     # if connection.is_finished() { break }
//!     let (read, write) = (connection.wants_receive(), transmit.has_remaining());
//!     match socket.wait(read, write, connection.poll_timeout(), &mut buffer) {
//!         Ready::Bytes(n) => connection.handle_received(clock.now(), &mut buffer[..n]),
//!         Ready::Writable => {}
//!         Ready::End(end) => connection.handle_end(clock.now(), end),
//!         Ready::TimedOut => connection.handle_timeout(clock.now()),
//!     }
//! }
//! # assert!(socket.written > 24, "the preface and SETTINGS");
//! # assert!(matches!(application.events.as_slice(), [Event::Closed(_)]));
//! ```
//!
//! # Layers
//!
//! From the bytes up: [`wire`] (frames), [`hpack`] (header blocks), [`stream`], [`call`], [`connection`],
//! [`channel`], [`server`], [`stub`]. A layer knows only those below it, and the four that stand apart:
//! [`time`], [`limits`], [`error`], [`transmit`].
//!
//! # Features
//!
//! `std` (default): vectored writes, `Instant` from the clock's, [`CancelToken`], [`CallInfo`],
//! spare buffers for large messages ([`keep_spare_bytes`]). `prost` (default): protobuf messages.
//! `futures-core`: `Stream` for [`Streaming`]. Without `std` the crate needs `alloc` only.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod call;
pub mod channel;
pub mod connection;
pub mod error;
pub mod hpack;
pub mod limits;
mod random;
pub mod server;
pub mod stream;
pub mod stub;
pub mod time;
pub mod transmit;
pub mod wire;

pub use bytes;
#[cfg(feature = "prost")]
pub use prost;

#[cfg(feature = "std")]
pub use call::spare::keep_spare_bytes;
pub use call::{CallId, Code, Metadata, Origin, Path, Result, ResultExt, Status, Value};
pub use connection::{Config, Connection, End, Ended, Event, Received, Refused, RefusedReason, Start};
pub use limits::Limits;
pub use stub::{
    AnyService, Async, Blocking, BoxFuture, Call, CallOptions, Channel, ClientStreamingCall, Codec, Driver,
    Method, MethodInfo, MethodKind, Mode, RawCall, Reply, Route, SendError, Sender, ServerCall, Service,
    ServiceInfo, Services, Streaming, Stub, StubCore, UnaryCall, blocking, kinds,
};
#[cfg(feature = "std")]
pub use stub::{CallInfo, CancelGuard, CancelToken};
pub use time::{Instant, Timeout};
pub use transmit::Transmit;

/// Includes what a build script generated for one package: `include_proto!("helloworld")`, in a module of
/// its own.
#[macro_export]
macro_rules! include_proto {
    ($package:literal) => {
        ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/", $package, ".rs"));
    };
}

/// Includes everything that a build script generated, as one tree of modules, in a module of its own.
#[macro_export]
macro_rules! include_protos {
    () => {
        ::core::include!(::core::concat!(::core::env!("OUT_DIR"), "/sailplane.rs"));
    };
}
