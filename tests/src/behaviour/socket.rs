//! TCP and Unix sockets alike, for what stands around the adapters.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::behaviour::world::Transport;

/// An address that nobody else in this process, and hardly anybody elsewhere, uses: a server may stop and
/// start there again.
pub(crate) fn fresh_address(transport: Transport) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    match transport {
        Transport::Unix => {
            // Relative, and so short enough wherever this is: tests run in the folder of their package.
            std::fs::create_dir_all("../target/sockets").expect("a folder for sockets");
            format!("unix:../target/sockets/{process}-{number}")
        }
        // All of 127.0.0.0/8 is this machine.
        _ if cfg!(target_os = "linux") => {
            let [.., high, low] = number.to_be_bytes();
            format!("127.{}.{high}.{}:0", process % 250 + 2, low.max(1))
        }
        _ => "127.0.0.1:0".into(),
    }
}

/// A listening socket.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    pub(crate) fn bind(address: &str) -> io::Result<Self> {
        match address.strip_prefix("unix:") {
            Some(path) => {
                _ = std::fs::remove_file(path);
                Ok(Self::Unix(UnixListener::bind(path)?, path.into()))
            }
            None => TcpListener::bind(address).map(Self::Tcp),
        }
    }

    /// As a channel's target.
    pub(crate) fn target(&self) -> String {
        match self {
            Self::Tcp(listener) => listener.local_addr().expect("an address").to_string(),
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }

    pub(crate) fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener, _) => Ok(Stream::Unix(listener.accept()?.0)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            _ = std::fs::remove_file(path);
        }
    }
}

/// A connected socket.
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub(crate) fn connect(target: &str) -> io::Result<Self> {
        match target.strip_prefix("unix:") {
            Some(path) => UnixStream::connect(path).map(Self::Unix),
            None => {
                let stream = TcpStream::connect(target)?;
                stream.set_nodelay(true)?;
                Ok(Self::Tcp(stream))
            }
        }
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
        }
    }

    /// Ends it; that it has ended already is no error.
    pub(crate) fn shutdown(&self, how: Shutdown) {
        _ = match self {
            Self::Tcp(stream) => stream.shutdown(how),
            Self::Unix(stream) => stream.shutdown(how),
        };
    }
}

impl Stream {
    /// Ends it with a reset at the other side, where there is such a thing.
    pub(crate) fn reset(&self) {
        if let Self::Tcp(stream) = self {
            _ = rustix::net::connect_unspec(stream);
        }
        self.shutdown(Shutdown::Both);
    }
}

impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&mut &*stream).read(buffer),
            Stream::Unix(stream) => (&mut &*stream).read(buffer),
        }
    }
}

impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => (&mut &*stream).write(bytes),
            Stream::Unix(stream) => (&mut &*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<Stream> for OwnedFd {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Tcp(stream) => stream.into(),
            Stream::Unix(stream) => stream.into(),
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}
