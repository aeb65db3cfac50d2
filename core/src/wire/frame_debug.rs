//! Frames for humans, without what they carry.

use core::fmt;

use super::{Frame, StreamId};

impl Frame<'_> {
    /// The stream that the frame names. GOAWAY, SETTINGS and PING have none.
    #[must_use]
    pub const fn stream_id(&self) -> Option<StreamId> {
        match *self {
            Self::DataHead { stream_id, .. }
            | Self::DataPiece { stream_id, .. }
            | Self::DataEnd { stream_id, .. }
            | Self::Headers { stream_id, .. }
            | Self::Continuation { stream_id, .. }
            | Self::Priority { stream_id, .. }
            | Self::RstStream { stream_id, .. }
            | Self::WindowUpdate { stream_id, .. }
            | Self::PushPromise { stream_id }
            | Self::Unknown { stream_id, .. }
            | Self::Faulty { stream_id, .. } => Some(stream_id),
            Self::Settings(_) | Self::SettingsAck | Self::Ping { .. } | Self::GoAway { .. } => None,
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::DataHead { .. } => "DataHead",
            Self::DataPiece { .. } => "DataPiece",
            Self::DataEnd { .. } => "DataEnd",
            Self::Headers { .. } => "Headers",
            Self::Continuation { .. } => "Continuation",
            Self::Priority { .. } => "Priority",
            Self::RstStream { .. } => "RstStream",
            Self::Settings(_) => "Settings",
            Self::SettingsAck => "SettingsAck",
            Self::Ping { .. } => "Ping",
            Self::GoAway { .. } => "GoAway",
            Self::WindowUpdate { .. } => "WindowUpdate",
            Self::PushPromise { .. } => "PushPromise",
            Self::Unknown { .. } => "Unknown",
            Self::Faulty { .. } => "Faulty",
        }
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct(self.name());
        if let Some(stream_id) = self.stream_id() {
            out.field("stream_id", &stream_id);
        }
        match *self {
            Self::DataHead { flow_controlled_len, end_stream, .. } => {
                out.field("flow_controlled_len", &flow_controlled_len).field("end_stream", &end_stream)
            }
            Self::DataPiece { bytes, .. } => out.field("bytes", &Octets(bytes)),
            Self::DataEnd { end_stream, .. } => out.field("end_stream", &end_stream),
            Self::Headers { end_stream, end_headers, self_dependent, fragment, .. } => out
                .field("end_stream", &end_stream)
                .field("end_headers", &end_headers)
                .field("self_dependent", &self_dependent)
                .field("fragment", &Octets(fragment)),
            Self::Continuation { end_headers, fragment, .. } => {
                out.field("end_headers", &end_headers).field("fragment", &Octets(fragment))
            }
            Self::Priority { self_dependent, .. } => out.field("self_dependent", &self_dependent),
            Self::RstStream { code, .. } => out.field("code", &code),
            Self::Settings(settings) => out.field("settings", &settings),
            Self::Ping { ack, payload } => out.field("ack", &ack).field("payload", &payload),
            Self::GoAway { last_stream_id, code, debug } => out
                .field("last_stream_id", &last_stream_id)
                .field("code", &code)
                .field("debug", &Octets(debug)),
            Self::WindowUpdate { increment, .. } => out.field("increment", &increment),
            Self::Unknown { kind, .. } => out.field("kind", &kind),
            Self::Faulty { fault, .. } => out.field("fault", &fault),
            Self::SettingsAck | Self::PushPromise { .. } => &mut out,
        }
        .finish()
    }
}

/// Bytes that are shown as their number.
struct Octets<'a>(&'a [u8]);

impl fmt::Debug for Octets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} octets", self.0.len())
    }
}
