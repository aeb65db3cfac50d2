//! SETTINGS of the peer, and its acknowledgement of ours (RFC 9113 §6.5.3).

use alloc::format;

use super::receive::Fatal;
use super::{Connection, Role, StateInput};
use crate::error::PeerViolation;
use crate::stream::State;
use crate::time::Timer;
use crate::wire::SettingsFrame;

impl Connection {
    pub(super) fn receive_settings(&mut self, settings: SettingsFrame<'_>) -> Result<(), Fatal> {
        if settings.len() > self.limits.settings_per_frame_max {
            return Err(PeerViolation::TooManySettings.into());
        }
        let first = !core::mem::replace(&mut self.settings_received, true);
        if first {
            self.remote.is_known();
            self.state = self.state.next(StateInput::Settings);
            self.timers.clear(Timer::Handshake);
            self.opening = None;
            self.events.raise_ready();
        } else {
            self.glitch(1)?;
        }
        // RFC 9113 §6.5.3: "The values in the SETTINGS frame MUST be processed in the order they appear": a
        // table that is lowered and raised again was lowered (RFC 7541 §4.2), and so is a window.
        for (id, value) in settings {
            let from_server = self.role == Role::Client;
            let old_window = i64::from(self.remote.stream_window_bytes);
            self.remote.take(id, value, from_server).map_err(|invalid| {
                Fatal::new(invalid.code, format!("setting {} has the value {}", invalid.id, invalid.value))
            })?;
            self.encoder.set_table_bytes_max(self.remote.header_table_bytes);
            self.adjust_send_windows(i64::from(self.remote.stream_window_bytes).saturating_sub(old_window))?;
        }
        self.output.control = true;
        self.output.settings_acks = self.output.settings_acks.saturating_add(1);
        self.open_held();
        if self.room_wanted && self.room() > 0 {
            self.room_wanted = false;
            self.events.raise_room();
        }
        Ok(())
    }

    /// RFC 9113 §6.9.2: a changed initial window size changes the windows of all streams.
    fn adjust_send_windows(&mut self, difference: i64) -> Result<(), Fatal> {
        if difference == 0 {
            return Ok(());
        }
        for index in self.calls.indexes() {
            let Some(entry) = self.calls.get_mut(index) else { continue };
            if entry.stream.state == State::Closed {
                continue;
            }
            if entry.stream.send_window.adjust(difference).is_err() {
                return Err(PeerViolation::InitialWindowOverflow.into());
            }
            if entry.outgoing.unsent() > 0 && entry.head_written && entry.stream.send_window.available() > 0 {
                self.output.data.push(&mut self.calls, index);
            }
        }
        Ok(())
    }

    pub(super) fn settings_acknowledged(&mut self) -> Result<(), Fatal> {
        if self.output.opening || self.local.acknowledged {
            return self.glitch(1);
        }
        let difference =
            i64::from(self.local.stream_window_bytes).saturating_sub(i64::from(self.local.receive_window()));
        self.local.acknowledged = true;
        self.timers.clear(Timer::SettingsAck);
        self.decoder.set_table_bytes_max(self.limits.header_table_bytes);
        for index in self.calls.indexes() {
            if let Some(entry) = self.calls.get_mut(index) {
                entry.stream.receive_window.adjust(difference);
                if entry.stream.receive_window.wants_update() {
                    self.output.urgent.push(&mut self.calls, index);
                }
            }
        }
        Ok(())
    }
}
