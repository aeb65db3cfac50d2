//! Connections by script: the same octets and the same deeds of the application, here and at a peer's.

pub mod compare;
pub mod generate;
pub mod model;
pub mod ours;
pub mod peers;
pub mod wire;

/// Which side of the connection is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It has three calls under way, on streams 1, 3 and 5, each with its request complete.
    Client,
    /// It has handlers that do nothing by themselves.
    Server,
}

/// One step of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The peer's octets arrive, mostly one frame.
    Receive(Vec<u8>),
    /// The application answers the call of a stream with trailers only.
    Respond(u32),
    /// The application gives the call of a stream up.
    Reset(u32),
}

/// A script.
#[derive(Clone, Debug)]
pub struct Script {
    /// Who is looked at.
    pub role: Role,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// Names and values.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// What a step caused.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reaction {
    /// The connection is over, whatever was written.
    pub dead: bool,
    /// The code of a GOAWAY.
    pub goaway: Option<u32>,
    /// Streams that were reset, and the codes.
    pub resets: Vec<(u32, u32)>,
    /// Streams that got HEADERS from this side.
    pub answers: Vec<u32>,
    /// SETTINGS that were acknowledged.
    pub settings_acks: usize,
    /// PINGs that were answered.
    pub ping_acks: Vec<Vec<u8>>,
    /// Header lists that the application was given: path, authority and custom fields.
    pub headers: Vec<(u32, Fields)>,
    /// What is remarkable about the header lists.
    pub notes: Vec<&'static str>,
    /// Octets that the application was given.
    pub data: Vec<(u32, Vec<u8>)>,
    /// Streams whose receiving side is complete.
    pub ends: Vec<u32>,
}

/// What a header list says that every implementation passes on: sorted by name, values in order.
#[must_use]
pub fn essential(fields: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Fields {
    let wanted = |name: &[u8]| matches!(name, b":path" | b":authority") || name.starts_with(b"x-");
    // White space around a value may be stripped (PROTOCOL-HTTP2.md, "Custom-Metadata").
    let strip = |(name, value): (Vec<u8>, Vec<u8>)| (name, value.trim_ascii().to_vec());
    let mut fields: Fields = fields.into_iter().filter(|(name, _)| wanted(name)).map(strip).collect();
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}
