//! The states of a stream (RFC 9113 §5.1), as one table for both roles.
//!
//! ```text
//!            send or receive HEADERS
//!   Idle ───────────────────────────────▶ Open
//!                                        │    │
//!                       send END_STREAM  │    │  receive END_STREAM
//!                                        ▼    ▼
//!                            SendClosed          ReceiveClosed
//!                                        │    │
//!                    receive END_STREAM  │    │  send END_STREAM
//!                                        ▼    ▼
//!   any of them ── send or receive RST_STREAM ──▶ Closed
//! ```
//!
//! The reserved states are missing: this side never pushes and refuses a peer's push.

use crate::error::{ErrorCode, Scope};

/// The state of a stream, seen from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was sent or received.
    Idle,
    /// Both directions are open.
    Open,
    /// "half-closed (local)": this side sent END_STREAM.
    SendClosed,
    /// "half-closed (remote)": the peer sent END_STREAM.
    ReceiveClosed,
    /// Both directions are done, or the stream was reset.
    Closed,
}

/// What happens to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// HEADERS go out: the head, or trailers.
    SendHeaders,
    /// DATA go out.
    SendData,
    /// A frame with END_STREAM went out.
    SendEnd,
    /// RST_STREAM goes out.
    SendReset,
    /// HEADERS came: the head, or trailers.
    ReceiveHeaders,
    /// DATA came.
    ReceiveData,
    /// A frame with END_STREAM came.
    ReceiveEnd,
    /// WINDOW_UPDATE came.
    ReceiveWindowUpdate,
    /// RST_STREAM came.
    ReceiveReset,
}

/// Something that the state of a stream does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The state it met.
    pub state: State,
    /// What happened.
    pub input: Input,
}

impl Violation {
    /// How far the fault reaches: a frame on an idle stream ends the connection, a frame after the end
    /// of a stream ends the stream (RFC 9113 §5.1).
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self.state {
            State::Idle => Scope::Connection,
            _ => Scope::Stream,
        }
    }

    /// The code on the wire.
    #[must_use]
    pub const fn code(self) -> ErrorCode {
        match self.state {
            State::Idle => ErrorCode::PROTOCOL_ERROR,
            _ => ErrorCode::STREAM_CLOSED,
        }
    }
}

impl State {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Idle, Self::Open, Self::SendClosed, Self::ReceiveClosed, Self::Closed];

    /// The state after `input`.
    ///
    /// # Errors
    /// [`Violation`] where RFC 9113 §5.1 does not allow it.
    pub const fn next(self, input: Input) -> Result<Self, Violation> {
        use Input as I;
        Ok(match (self, input) {
            // Idle: only HEADERS open a stream. RFC 9113 §5.1: "Receiving any frame other than HEADERS or
            // PRIORITY on a stream in this state MUST be treated as a connection error of type PROTOCOL_ERROR."
            (Self::Idle, I::SendHeaders | I::ReceiveHeaders) => Self::Open,
            (
                Self::Open,
                I::SendHeaders | I::SendData | I::ReceiveHeaders | I::ReceiveData | I::ReceiveWindowUpdate,
            ) => Self::Open,
            (Self::Open, I::SendEnd) => Self::SendClosed,
            (Self::Open, I::ReceiveEnd) => Self::ReceiveClosed,
            // RFC 9113 §5.1, half-closed (local): any frame may be received.
            (Self::SendClosed, I::ReceiveHeaders | I::ReceiveData | I::ReceiveWindowUpdate) => {
                Self::SendClosed
            }
            (Self::SendClosed, I::ReceiveEnd) => Self::Closed,
            // RFC 9113 §5.1, half-closed (remote): only WINDOW_UPDATE, PRIORITY and RST_STREAM may be received.
            (Self::ReceiveClosed, I::SendHeaders | I::SendData | I::ReceiveWindowUpdate) => {
                Self::ReceiveClosed
            }
            (Self::ReceiveClosed, I::SendEnd) => Self::Closed,
            (Self::Open | Self::SendClosed | Self::ReceiveClosed, I::SendReset | I::ReceiveReset) => {
                Self::Closed
            }
            // RFC 9113 §5.1, closed: WINDOW_UPDATE and RST_STREAM may still be on their way.
            (Self::Closed, I::ReceiveWindowUpdate | I::ReceiveReset) => Self::Closed,
            (state, input) => return Err(Violation { state, input }),
        })
    }

    /// Whether this side may still send a frame that carries the message.
    #[must_use]
    pub const fn may_send(self) -> bool {
        matches!(self, Self::Idle | Self::Open | Self::ReceiveClosed)
    }

    /// Whether the peer may still send.
    #[must_use]
    pub const fn may_receive(self) -> bool {
        matches!(self, Self::Idle | Self::Open | Self::SendClosed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use core::fmt::Write;

    const INPUTS: [Input; 9] = [
        Input::SendHeaders,
        Input::SendData,
        Input::SendEnd,
        Input::SendReset,
        Input::ReceiveHeaders,
        Input::ReceiveData,
        Input::ReceiveEnd,
        Input::ReceiveWindowUpdate,
        Input::ReceiveReset,
    ];

    /// RFC 9113 §5.1: every state with every input, as one printed table.
    #[test]
    fn the_table_is_the_golden_one() {
        let mut table = String::new();
        for state in State::ALL {
            write!(table, "{state:?}:").unwrap();
            for input in INPUTS {
                match state.next(input) {
                    Ok(next) => write!(table, " {next:?}").unwrap(),
                    Err(violation) => write!(table, " !{:?}", violation.code()).unwrap(),
                }
            }
            table.push('\n');
        }
        assert_eq!(
            table,
            "Idle: Open !PROTOCOL_ERROR !PROTOCOL_ERROR !PROTOCOL_ERROR Open !PROTOCOL_ERROR !PROTOCOL_ERROR !PROTOCOL_ERROR !PROTOCOL_ERROR\n\
             Open: Open Open SendClosed Closed Open Open ReceiveClosed Open Closed\n\
             SendClosed: !STREAM_CLOSED !STREAM_CLOSED !STREAM_CLOSED Closed SendClosed SendClosed Closed SendClosed Closed\n\
             ReceiveClosed: ReceiveClosed ReceiveClosed Closed Closed !STREAM_CLOSED !STREAM_CLOSED !STREAM_CLOSED ReceiveClosed Closed\n\
             Closed: !STREAM_CLOSED !STREAM_CLOSED !STREAM_CLOSED !STREAM_CLOSED !STREAM_CLOSED !STREAM_CLOSED !STREAM_CLOSED Closed Closed\n"
        );
    }
}
