//! The life of a connection.
//!
//! ```text
//!              peer's SETTINGS          GOAWAY, either way           no call left
//!   Opening ─────────────────▶ Open ─────────────────────▶ Draining ─────────────▶ Closing
//!      │                         │                            │                       │ output is
//!      └──── fault, close ───────┴──── fault, close ──────────┴──────▶ Closing ◀──────┘ written
//!      └──── transport lost ─────┴────────────────────────────┴──────▶ Closed ◀─────────┘
//! ```

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The peer's preface and SETTINGS are to come.
    Opening,
    /// Calls come and go.
    Open,
    /// No call is added; those that run go on.
    Draining,
    /// Every call has ended; a last GOAWAY is to be written.
    Closing,
    /// Nothing is left.
    Closed,
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// The peer's SETTINGS came.
    Settings,
    /// GOAWAY was sent or received.
    GoAway,
    /// The last call of a draining connection ended.
    Drained,
    /// A fault, or an immediate close by this side.
    Close,
    /// The last output was handed out.
    Flushed,
    /// The transport is gone.
    Lost,
}

impl State {
    /// The state after `input`; inputs that say nothing new change nothing.
    pub(super) const fn next(self, input: Input) -> Self {
        match (self, input) {
            (Self::Closed, _) | (_, Input::Lost) | (Self::Closing, Input::Flushed) => Self::Closed,
            (Self::Closing, _) | (_, Input::Close) | (Self::Draining, Input::Drained) => Self::Closing,
            (Self::Opening, Input::Settings) => Self::Open,
            (Self::Opening | Self::Open | Self::Draining, Input::GoAway) => Self::Draining,
            (state, _) => state,
        }
    }

    /// Whether frames of the peer still mean something.
    pub(super) const fn is_alive(self) -> bool {
        matches!(self, Self::Opening | Self::Open | Self::Draining)
    }

    /// Whether calls may be added.
    pub(super) const fn takes_calls(self) -> bool {
        matches!(self, Self::Opening | Self::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use core::fmt::Write;

    #[test]
    fn the_table_is_the_golden_one() {
        let mut table = String::new();
        for state in [State::Opening, State::Open, State::Draining, State::Closing, State::Closed] {
            write!(table, "{state:?}:").unwrap();
            for input in
                [Input::Settings, Input::GoAway, Input::Drained, Input::Close, Input::Flushed, Input::Lost]
            {
                write!(table, " {:?}", state.next(input)).unwrap();
            }
            table.push('\n');
        }
        assert_eq!(
            table,
            "Opening: Open Draining Opening Closing Opening Closed\n\
             Open: Open Draining Open Closing Open Closed\n\
             Draining: Draining Draining Closing Closing Draining Closed\n\
             Closing: Closing Closing Closing Closing Closed Closed\n\
             Closed: Closed Closed Closed Closed Closed Closed\n"
        );
    }
}
