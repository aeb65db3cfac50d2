//! What may be received in the life of a call, as one table for both roles.
//!
//! ```text
//!          interim
//!           ┌──┐
//!           ▼  │      head               end, trailers
//!          Head ───────────▶ Messages ────────────────▶ Complete
//!           │                 ▲   │
//!           │                 └───┘ data
//!           └──────────────────────────────────────────▶ Complete
//!                        trailers (Trailers-Only)
//! ```
//!
//! A server's call starts with its head already there; a client's with the response head to come. Ending
//! a call is not in the table: whatever is decisive first ends it, from any state.

/// How far the peer's side of a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiving {
    /// Its head is to come.
    Head,
    /// Messages may come.
    Messages,
    /// Nothing more may come.
    Complete,
}

/// What the peer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// An interim (1xx) head.
    Interim,
    /// A head that messages may follow.
    Head,
    /// Octets of messages.
    Data,
    /// The end, without trailers.
    End,
    /// A header list that ends the stream.
    Trailers,
}

/// Something that has no place there: PROTOCOL_ERROR on the stream (RFC 9113 §8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfPlace;

impl Receiving {
    /// The state after `input`.
    ///
    /// # Errors
    /// [`OutOfPlace`] where RFC 9113 §8.1 does not allow it.
    pub const fn next(self, input: Input) -> Result<Self, OutOfPlace> {
        Ok(match (self, input) {
            (Self::Head, Input::Interim) => Self::Head,
            (Self::Head, Input::Head) | (Self::Messages, Input::Data) => Self::Messages,
            (Self::Head, Input::Trailers) | (Self::Messages, Input::End | Input::Trailers) => Self::Complete,
            _ => return Err(OutOfPlace),
        })
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
        for state in [Receiving::Head, Receiving::Messages, Receiving::Complete] {
            write!(table, "{state:?}:").unwrap();
            for input in [Input::Interim, Input::Head, Input::Data, Input::End, Input::Trailers] {
                match state.next(input) {
                    Ok(next) => write!(table, " {next:?}").unwrap(),
                    Err(OutOfPlace) => table.push_str(" !"),
                }
            }
            table.push('\n');
        }
        assert_eq!(
            table,
            "Head: Head Messages ! ! Complete\n\
             Messages: ! ! Messages Complete Complete\n\
             Complete: ! ! ! ! !\n"
        );
    }
}
