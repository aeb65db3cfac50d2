//! SETTINGS of both sides (RFC 9113 §6.5) and what a change means.

use alloc::vec::Vec;

use crate::error::ErrorCode;
use crate::limits::Limits;
use crate::stream::flow_control::{WINDOW_INITIAL, WINDOW_MAX};
use crate::wire::settings as id;

/// Calls to be started before the peer's SETTINGS are known (RFC 9113 §6.5.2: "It is recommended that this
/// value be no smaller than 100").
const STREAMS_ASSUMED: u32 = 100;

/// What both header tables start with (RFC 9113 §6.5.2), in octets.
pub(super) const HEADER_TABLE_INITIAL: usize = 4096;

/// The largest and smallest SETTINGS_MAX_FRAME_SIZE (RFC 9113 §6.5.2).
const FRAME_SIZES: core::ops::RangeInclusive<u32> = 16_384..=16_777_215;

/// What the peer asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remote {
    pub(super) header_table_bytes: u32,
    pub(super) concurrent_streams_max: u32,
    pub(super) stream_window_bytes: u32,
    pub(super) frame_bytes_max: u32,
    pub(super) header_list_bytes_max: usize,
}

/// A setting that the peer may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InvalidSetting {
    pub(super) id: u16,
    pub(super) value: u32,
    pub(super) code: ErrorCode,
}

impl Remote {
    pub(super) const fn new() -> Self {
        Self {
            header_table_bytes: 4096,
            concurrent_streams_max: STREAMS_ASSUMED,
            stream_window_bytes: WINDOW_INITIAL,
            frame_bytes_max: 16_384,
            header_list_bytes_max: usize::MAX,
        }
    }

    /// The first SETTINGS came: what it does not name has no limit.
    pub(super) fn is_known(&mut self) {
        self.concurrent_streams_max = u32::MAX;
    }

    /// Takes one setting; unknown ones are ignored (RFC 9113 §6.5.2).
    pub(super) fn take(&mut self, setting: u16, value: u32, from_server: bool) -> Result<(), InvalidSetting> {
        let invalid = |code| Err(InvalidSetting { id: setting, value, code });
        match setting {
            id::HEADER_TABLE_SIZE => self.header_table_bytes = value,
            // RFC 9113 §6.5.2: any value other than 0 or 1 is a PROTOCOL_ERROR, and so is 1 from a server.
            id::ENABLE_PUSH if value > u32::from(!from_server) => return invalid(ErrorCode::PROTOCOL_ERROR),
            id::MAX_CONCURRENT_STREAMS => self.concurrent_streams_max = value,
            id::INITIAL_WINDOW_SIZE if i64::from(value) > WINDOW_MAX => {
                return invalid(ErrorCode::FLOW_CONTROL_ERROR);
            }
            id::INITIAL_WINDOW_SIZE => self.stream_window_bytes = value,
            id::MAX_FRAME_SIZE if !FRAME_SIZES.contains(&value) => return invalid(ErrorCode::PROTOCOL_ERROR),
            id::MAX_FRAME_SIZE => self.frame_bytes_max = value,
            id::MAX_HEADER_LIST_SIZE => {
                self.header_list_bytes_max = usize::try_from(value).unwrap_or(usize::MAX);
            }
            _ => {}
        }
        Ok(())
    }
}

/// What this side asks for, and whether the peer has acknowledged it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    pub(super) acknowledged: bool,
    pub(super) stream_window_bytes: u32,
}

impl Local {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self { acknowledged: false, stream_window_bytes: limits.stream_window_bytes }
    }

    /// The window that a new stream has: the peer may use the initial one until it acknowledged ours.
    pub(super) const fn receive_window(&self) -> u32 {
        if self.acknowledged { self.stream_window_bytes } else { WINDOW_INITIAL }
    }

    /// What to advertise.
    pub(super) fn list(&self, limits: &Limits, is_server: bool) -> Vec<(u16, u32)> {
        let octets = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let mut list = Vec::with_capacity(6);
        if limits.header_table_bytes != HEADER_TABLE_INITIAL {
            list.push((id::HEADER_TABLE_SIZE, octets(limits.header_table_bytes)));
        }
        if is_server {
            list.push((id::MAX_CONCURRENT_STREAMS, limits.concurrent_calls_max));
        } else {
            list.push((id::ENABLE_PUSH, 0));
        }
        list.push((id::INITIAL_WINDOW_SIZE, self.stream_window_bytes));
        list.push((id::MAX_HEADER_LIST_SIZE, octets(limits.header_list_bytes_max)));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9113 §6.5.2: the values of each setting at their bounds.
    #[test]
    fn settings_are_judged_at_their_bounds() {
        let code = |setting, value, from_server| {
            Remote::new().take(setting, value, from_server).map_err(|fault| fault.code)
        };
        assert_eq!(code(id::ENABLE_PUSH, 0, true), Ok(()));
        assert_eq!(code(id::ENABLE_PUSH, 1, false), Ok(()));
        assert_eq!(code(id::ENABLE_PUSH, 1, true), Err(ErrorCode::PROTOCOL_ERROR));
        assert_eq!(code(id::ENABLE_PUSH, 2, false), Err(ErrorCode::PROTOCOL_ERROR));
        assert_eq!(code(id::INITIAL_WINDOW_SIZE, 0x7fff_ffff, false), Ok(()));
        assert_eq!(code(id::INITIAL_WINDOW_SIZE, 0x8000_0000, false), Err(ErrorCode::FLOW_CONTROL_ERROR));
        for (value, expected) in [
            (0, Err(ErrorCode::PROTOCOL_ERROR)),
            (16_383, Err(ErrorCode::PROTOCOL_ERROR)),
            (16_384, Ok(())),
            (16_777_215, Ok(())),
            (16_777_216, Err(ErrorCode::PROTOCOL_ERROR)),
        ] {
            assert_eq!(code(id::MAX_FRAME_SIZE, value, false), expected, "{value}");
        }
        for setting in
            [id::HEADER_TABLE_SIZE, id::MAX_CONCURRENT_STREAMS, id::MAX_HEADER_LIST_SIZE, 0, 9, 0xffff]
        {
            for value in [0, 1, u32::MAX] {
                assert_eq!(code(setting, value, true), Ok(()));
            }
        }
    }
}
