//! The typed surface: what generated clients and servers are made of.
//!
//! A handle is a [`Driver`] and a call's id. Every step of the protocol is written once,
//! as a poll function; async handles await it, [`blocking`] ones let the driver run it.

pub mod blocking;
mod call;
#[cfg(feature = "std")]
mod cancel;
mod client;
pub mod driver;
mod encoder;
#[cfg(feature = "std")]
mod info;
mod method;
mod mode;
mod options;
mod raw;
mod receive;
mod sender;
mod service;
mod services;
mod streaming;
mod unary;

pub use call::{Call, Served};
#[cfg(feature = "std")]
pub use cancel::{CancelGuard, CancelToken};
pub use client::{Stub, StubCore};
pub use driver::{Driver, Incoming};
#[cfg(feature = "std")]
pub use info::CallInfo;
#[cfg(feature = "prost")]
pub use method::Prost;
pub use method::{Codec, Method, MethodInfo, MethodKind};
pub use mode::{Async, Blocking, Channel, Mode, Start, kinds};
pub use options::CallOptions;
pub use raw::RawCall;
pub use sender::{SendError, Sender};
pub use service::{BoxFuture, Reply, ServerCall, Service, ServiceInfo, Serving, serve_async, serve_blocking};
pub use services::{AnyService, Route, Services};
pub use streaming::Streaming;
pub use unary::{ClientStreamingCall, UnaryCall};
