//! Sockets of either kind, never blocking.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use crate::LocalAddress;

/// A byte stream.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// The socket in the state in which it is used here.
    ///
    /// # Errors
    /// The options cannot be set: the peer may have left already.
    pub(crate) fn prepared(self) -> io::Result<Self> {
        match &self {
            Self::Tcp(stream) => {
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
            }
            Self::Unix(stream) => stream.set_nonblocking(true)?,
        }
        Ok(self)
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&mut &*stream).read(buffer),
            Self::Unix(stream) => (&mut &*stream).read(buffer),
        }
    }

    pub(crate) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, slices) {
            (Self::Tcp(stream), [one]) => (&mut &*stream).write(one),
            (Self::Tcp(stream), _) => (&mut &*stream).write_vectored(slices),
            (Self::Unix(stream), [one]) => (&mut &*stream).write(one),
            (Self::Unix(stream), _) => (&mut &*stream).write_vectored(slices),
        }
    }

    /// Ends both directions. Handles that outlive the connection keep the descriptor, but not the peer.
    pub(crate) fn shut(&self) {
        // An error means that it is shut already.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        }
    }
}

/// A listening socket. Closed when it is dropped; the file of a Unix socket is then removed.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, LocalAddress),
}

impl Listener {
    /// Listens at the first of `addresses` that can be had.
    pub(crate) fn bind(addresses: Vec<LocalAddress>) -> io::Result<Self> {
        let mut result = Err(io::Error::new(io::ErrorKind::InvalidInput, "the name has no address"));
        for address in addresses {
            result = Self::bind_one(address);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn bind_one(address: LocalAddress) -> io::Result<Self> {
        match &address {
            LocalAddress::Tcp(at) => {
                let listener = TcpListener::bind(at)?;
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(listener))
            }
            LocalAddress::Unix(path) => {
                let listener = UnixListener::bind(path)?;
                listener.set_nonblocking(true)?;
                Ok(Self::Unix(listener, address))
            }
            _ => Err(io::Error::from(io::ErrorKind::Unsupported)),
        }
    }

    pub(crate) fn address(&self) -> io::Result<LocalAddress> {
        match self {
            Self::Tcp(listener) => Ok(LocalAddress::Tcp(listener.local_addr()?)),
            Self::Unix(_, address) => Ok(address.clone()),
        }
    }

    /// The next connection, and the peer's address where it has one.
    pub(crate) fn accept(&self) -> io::Result<(Stream, Option<Arc<str>>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                Ok((Stream::Tcp(stream), Some(address.to_string().into())))
            }
            Self::Unix(listener, _) => Ok((Stream::Unix(listener.accept()?.0), None)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, LocalAddress::Unix(path)) = self {
            // Somebody may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(listener) => listener.as_raw_fd(),
            Self::Unix(listener, _) => listener.as_raw_fd(),
        }
    }
}
