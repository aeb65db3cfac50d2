//! How a call ended: [`Code`], [`Status`], and where it arose.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use bytes::Bytes;
use core::error::Error;
use core::fmt;

use crate::call::Metadata;
use crate::error::ErrorCode;

/// The result of a call.
pub type Result<T, E = Status> = core::result::Result<T, E>;

/// The status codes of gRPC (doc/statuscodes.md).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Code {
    /// Success.
    Ok = 0,
    /// The call was cancelled, typically by the caller.
    Cancelled = 1,
    /// An unknown error, or one without a status.
    Unknown = 2,
    /// The caller gave an invalid argument.
    InvalidArgument = 3,
    /// The deadline passed before the call ended.
    DeadlineExceeded = 4,
    /// Something requested was not found.
    NotFound = 5,
    /// Something to be created exists.
    AlreadyExists = 6,
    /// The caller may not do this.
    PermissionDenied = 7,
    /// A resource is exhausted: a quota, or space.
    ResourceExhausted = 8,
    /// The system is not in the state that the operation needs.
    FailedPrecondition = 9,
    /// The operation was aborted, typically by a conflict.
    Aborted = 10,
    /// The operation went past the valid range.
    OutOfRange = 11,
    /// The operation is not implemented.
    Unimplemented = 12,
    /// An internal error: an invariant is broken.
    Internal = 13,
    /// The service is not available; retrying may help.
    Unavailable = 14,
    /// Data were lost or corrupted.
    DataLoss = 15,
    /// The caller has no valid credentials.
    Unauthenticated = 16,
}

impl Code {
    /// The code with this number, or `None` for a number that gRPC does not define.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Ok,
            1 => Self::Cancelled,
            2 => Self::Unknown,
            3 => Self::InvalidArgument,
            4 => Self::DeadlineExceeded,
            5 => Self::NotFound,
            6 => Self::AlreadyExists,
            7 => Self::PermissionDenied,
            8 => Self::ResourceExhausted,
            9 => Self::FailedPrecondition,
            10 => Self::Aborted,
            11 => Self::OutOfRange,
            12 => Self::Unimplemented,
            13 => Self::Internal,
            14 => Self::Unavailable,
            15 => Self::DataLoss,
            16 => Self::Unauthenticated,
            _ => return None,
        })
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The name as gRPC writes it: `DEADLINE_EXCEEDED`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::DataLoss => "DATA_LOSS",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who made a status.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Origin {
    /// The application on the other side said so, in its trailers.
    Peer,
    /// This side decided it: a deadline, a cancellation, a limit, a handler.
    Local,
    /// The connection or the HTTP/2 layer failed.
    Transport,
}

/// Where in the life of a call a transport failure arose.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Phase {
    /// Turning the target into addresses.
    Resolve,
    /// Connecting to an address.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The exchange of preface and SETTINGS.
    Settings,
    /// On an established connection or stream.
    Stream,
}

/// A status other than OK: code, message, details, and where it arose. One pointer wide.
///
/// `Display` is one line for a person; [`source`](Error::source) gives the cause where there is one,
/// and does not go over the wire.
#[derive(Clone)]
pub struct Status(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    origin: Origin,
    phase: Option<Phase>,
    /// The server may have run the call; false only where that is proved.
    may_have_run: bool,
    http2_code: Option<ErrorCode>,
    message: Cow<'static, str>,
    details: Bytes,
    address: Option<Arc<str>>,
    metadata: Option<Box<Metadata>>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

const _: () = assert!(size_of::<Status>() == size_of::<usize>());

macro_rules! constructors {
    ($($name:ident $code:ident $text:literal),* $(,)?) => {$(
        #[doc = concat!("A status with code ", $text, ".")]
        pub fn $name(message: impl Into<Cow<'static, str>>) -> Self {
            Self::new(Code::$code, message)
        }
    )*};
}

impl Status {
    /// A status made on this side. `Code::Ok` makes no sense as a failure and becomes `Unknown`.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let code = if code == Code::Ok { Code::Unknown } else { code };
        Self(Box::new(Inner {
            code,
            origin: Origin::Local,
            phase: None,
            may_have_run: true,
            http2_code: None,
            message: message.into(),
            details: Bytes::new(),
            address: None,
            metadata: None,
            source: None,
        }))
    }

    /// A failure of the transport, during `phase`.
    pub fn transport(code: Code, phase: Phase, message: impl Into<Cow<'static, str>>) -> Self {
        let mut status = Self::new(code, message);
        status.0.origin = Origin::Transport;
        status.0.phase = Some(phase);
        status
    }

    /// What the peer's trailers said.
    pub fn from_peer(code: Code, message: impl Into<Cow<'static, str>>, details: Bytes) -> Self {
        let mut status = Self::new(code, message);
        status.0.origin = Origin::Peer;
        status.0.details = details;
        status
    }

    constructors! {
        cancelled Cancelled "CANCELLED",
        unknown Unknown "UNKNOWN",
        invalid_argument InvalidArgument "INVALID_ARGUMENT",
        deadline_exceeded DeadlineExceeded "DEADLINE_EXCEEDED",
        not_found NotFound "NOT_FOUND",
        already_exists AlreadyExists "ALREADY_EXISTS",
        permission_denied PermissionDenied "PERMISSION_DENIED",
        resource_exhausted ResourceExhausted "RESOURCE_EXHAUSTED",
        failed_precondition FailedPrecondition "FAILED_PRECONDITION",
        aborted Aborted "ABORTED",
        out_of_range OutOfRange "OUT_OF_RANGE",
        unimplemented Unimplemented "UNIMPLEMENTED",
        internal Internal "INTERNAL",
        unavailable Unavailable "UNAVAILABLE",
        data_loss DataLoss "DATA_LOSS",
        unauthenticated Unauthenticated "UNAUTHENTICATED",
    }

    /// The code; never [`Code::Ok`].
    #[must_use]
    pub const fn code(&self) -> Code {
        self.0.code
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// `grpc-status-details-bin`: an encoded `google.rpc.Status`, or empty.
    #[must_use]
    pub const fn details(&self) -> &Bytes {
        &self.0.details
    }

    /// Who made this status: "did the server say this?"
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.0.origin
    }

    /// Where in the call's life a transport failure arose.
    #[must_use]
    pub const fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// The HTTP/2 error code behind this status, where there is one.
    #[must_use]
    pub const fn http2_code(&self) -> Option<ErrorCode> {
        self.0.http2_code
    }

    /// The address of the peer, where it is known.
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// Whether the server may have run the call. False only where it provably has not.
    #[must_use]
    pub const fn may_have_run(&self) -> bool {
        self.0.may_have_run
    }

    /// The trailing metadata that came, or will go, with this status.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        static EMPTY: Metadata = Metadata::new();
        self.0.metadata.as_deref().unwrap_or(&EMPTY)
    }

    /// Adds encoded details (`google.rpc.Status`).
    #[must_use]
    pub fn with_details(mut self, details: impl Into<Bytes>) -> Self {
        self.0.details = details.into();
        self
    }

    /// Adds trailing metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.0.metadata = (!metadata.is_empty()).then(|| Box::new(metadata));
        self
    }

    /// Adds the cause. It stays on this side.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Arc<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds the peer's address.
    #[must_use]
    pub fn with_address(mut self, address: impl Into<Arc<str>>) -> Self {
        self.0.address = Some(address.into());
        self
    }

    /// Adds the HTTP/2 error code that caused it.
    #[must_use]
    pub fn with_http2_code(mut self, code: ErrorCode) -> Self {
        self.0.http2_code = Some(code);
        self
    }

    /// Marks that the server provably has not run the call.
    #[must_use]
    pub fn never_ran(mut self) -> Self {
        self.0.may_have_run = false;
        self
    }

    /// Puts `prefix` in front of the message.
    #[must_use]
    pub fn context(mut self, prefix: &str) -> Self {
        let mut message = String::from(prefix);
        message.push_str(": ");
        message.push_str(&self.0.message);
        self.0.message = Cow::Owned(message);
        self
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code().name())?;
        if !self.message().is_empty() {
            write!(f, ": {}", self.message())?;
        }
        if f.alternate() {
            let mut cause = self.source();
            while let Some(error) = cause {
                write!(f, ": {error}")?;
                cause = error.source();
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Status");
        out.field("code", &self.0.code).field("message", &self.0.message).field("origin", &self.0.origin);
        if let Some(phase) = &self.0.phase {
            out.field("phase", phase);
        }
        if let Some(code) = &self.0.http2_code {
            out.field("http2_code", code);
        }
        if let Some(address) = &self.0.address {
            out.field("address", address);
        }
        if !self.0.may_have_run {
            out.field("may_have_run", &false);
        }
        if !self.0.details.is_empty() {
            out.field("details", &format_args!("{} bytes", self.0.details.len()));
        }
        if let Some(metadata) = &self.0.metadata {
            out.field("metadata", metadata);
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl Error for Status {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Turns any failure into a [`Status`] with a text of one's own choice; the cause stays on this side.
pub trait ResultExt<T> {
    /// `Err` becomes a status with `code` and `message`, and the error as its source.
    ///
    /// # Errors
    /// The status, where `self` is an error.
    fn or_status(self, code: Code, message: impl Into<Cow<'static, str>>) -> Result<T>;
}

impl<T, E: Error + Send + Sync + 'static> ResultExt<T> for core::result::Result<T, E> {
    #[inline]
    fn or_status(self, code: Code, message: impl Into<Cow<'static, str>>) -> Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(caused(code, message.into(), Arc::new(error))),
        }
    }
}

#[cold]
fn caused(code: Code, message: Cow<'static, str>, source: Arc<dyn Error + Send + Sync>) -> Status {
    Status::new(code, message).with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_status_prints_one_line_and_its_causes_on_demand() {
        let failed = "x".parse::<u8>().or_status(Code::Internal, "bad number").unwrap_err();
        assert_eq!(failed.to_string(), "INTERNAL: bad number");
        assert_eq!(alloc::format!("{failed:#}"), "INTERNAL: bad number: invalid digit found in string");
    }

    #[test]
    fn ok_is_no_failure() {
        assert_eq!(Status::new(Code::Ok, "").code(), Code::Unknown);
    }

    #[test]
    fn every_number_up_to_sixteen_is_a_code_and_has_its_number() {
        for number in 0..=16 {
            assert_eq!(u32::from(Code::from_number(number).unwrap().number()), number);
        }
        assert_eq!(Code::from_number(17), None);
    }
}
