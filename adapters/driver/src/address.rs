//! Where a server listens.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a server listens. Its text is a target that a channel takes: `127.0.0.1:50051`, `unix:/run/x.sock`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LocalAddress {
    /// An address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl LocalAddress {
    /// The port; none on a Unix socket.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(address) => Some(address.port()),
            Self::Unix(_) => None,
        }
    }

    /// The path in `unix:path`, `unix:/path` and `unix:///path`.
    #[must_use]
    pub fn unix_path(text: &str) -> Option<PathBuf> {
        let path = text.strip_prefix("unix:")?;
        Some(path.strip_prefix("//").unwrap_or(path).into())
    }
}

impl fmt::Display for LocalAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
