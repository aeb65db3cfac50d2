//! A byte stream, TCP or Unix, that nobody ever waits in.

use std::io::{self, IoSlice, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll};

use async_io::Async;

/// A connected socket in non-blocking mode, registered with the reactor.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(Async<TcpStream>),
    Unix(Async<UnixStream>),
}

impl Stream {
    /// A TCP stream that sends what it is given at once.
    pub(crate) fn tcp(stream: Async<TcpStream>) -> io::Result<Self> {
        stream.get_ref().set_nodelay(true)?;
        Ok(Self::Tcp(stream))
    }

    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.get_ref().read(buffer),
            Self::Unix(stream) => stream.get_ref().read(buffer),
        }
    }

    pub(crate) fn write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, slices) {
            (Self::Tcp(stream), [slice]) => stream.get_ref().write(slice),
            (Self::Unix(stream), [slice]) => stream.get_ref().write(slice),
            (Self::Tcp(stream), slices) => stream.get_ref().write_vectored(slices),
            (Self::Unix(stream), slices) => stream.get_ref().write_vectored(slices),
        }
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_readable(cx),
            Self::Unix(stream) => stream.poll_readable(cx),
        }
    }

    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_writable(cx),
            Self::Unix(stream) => stream.poll_writable(cx),
        }
    }

    /// Ends the stream in one or both directions. That it had ended is no error here.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        let _ = match self {
            Self::Tcp(stream) => stream.get_ref().shutdown(how),
            Self::Unix(stream) => stream.get_ref().shutdown(how),
        };
    }
}
