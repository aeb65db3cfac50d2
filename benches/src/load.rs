//! What a client is to do, as arguments of its process.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::Error;

/// What a client is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Load {
    /// Which calls.
    pub kind: LoadKind,
    /// On so many connections.
    pub connections: usize,
    /// So many calls, or streams, at a time on each.
    pub in_flight: usize,
    /// Octets of each payload.
    pub size: usize,
    /// For so long, warm-up apart.
    pub duration: Duration,
}

/// Which calls, or how raw bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadKind {
    /// Unary calls.
    Unary,
    /// Unary calls, each one timed.
    Latency,
    /// Server streaming: messages that are received count.
    Download,
    /// Client streaming: messages that are sent count.
    Upload,
    /// Bidirectional streaming: messages that come back count.
    Chat,
}

const KINDS: [(&str, LoadKind); 5] = [
    ("unary", LoadKind::Unary),
    ("latency", LoadKind::Latency),
    ("download", LoadKind::Download),
    ("upload", LoadKind::Upload),
    ("chat", LoadKind::Chat),
];

impl Load {
    /// The arguments that [`from_arguments`](Self::from_arguments) reads.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        vec![
            self.kind.to_string(),
            format!("{}x{}", self.connections, self.in_flight),
            self.size.to_string(),
            self.duration.as_secs_f64().to_string(),
        ]
    }

    /// The load that these arguments describe.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn from_arguments(arguments: &[String]) -> Result<Self, Error> {
        let [kind, shape, size, seconds] = arguments else {
            return Err("a load is KIND CONNECTIONSxCALLS SIZE SECONDS".into());
        };
        let (connections, in_flight) = shape.split_once('x').ok_or("a shape is CONNECTIONSxCALLS")?;
        Ok(Self {
            kind: kind.parse()?,
            connections: connections.parse()?,
            in_flight: in_flight.parse()?,
            size: size.parse()?,
            duration: Duration::try_from_secs_f64(seconds.parse()?)?,
        })
    }
}

impl fmt::Display for LoadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = KINDS.iter().find(|(_, kind)| kind == self).map_or("?", |(name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for LoadKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = KINDS.iter().find(|(name, _)| *name == text);
        found.map(|(_, kind)| *kind).ok_or_else(|| format!("{text} is no kind of load").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_survives_the_command_line() {
        for (_, kind) in KINDS {
            let load =
                Load { kind, connections: 10, in_flight: 3, size: 64, duration: Duration::from_millis(250) };
            assert_eq!(Load::from_arguments(&load.arguments()).expect("it is one"), load);
        }
        let error = Load::from_arguments(&["unary".into(), "10".into(), "1".into(), "1".into()]);
        assert_eq!(error.expect_err("no shape").to_string(), "a shape is CONNECTIONSxCALLS");
    }
}
