//! One HTTP/2 stream (RFC 9113 §5): its state, its identifier, its two windows.

pub mod flow_control;
pub mod state;

pub use flow_control::{ReceiveWindow, SendWindow, WindowOverflow};
pub use state::{Input, State, Violation};

use crate::wire::StreamId;

/// One stream, seen from this side.
#[derive(Debug)]
pub struct Stream {
    /// Zero until the client writes HEADERS.
    pub(crate) id: StreamId,
    pub(crate) state: State,
    pub(crate) send_window: SendWindow,
    pub(crate) receive_window: ReceiveWindow,
}

impl Stream {
    pub(crate) const fn idle() -> Self {
        Self {
            id: StreamId::ZERO,
            state: State::Idle,
            send_window: SendWindow::new(0),
            receive_window: ReceiveWindow::new(0),
        }
    }

    /// Applies what happened to the state; the state is unchanged where that is a violation.
    pub(crate) fn apply(&mut self, input: Input) -> Result<(), Violation> {
        self.state = self.state.next(input)?;
        Ok(())
    }
}
