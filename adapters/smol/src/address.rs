//! Where a server listens.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_io::Async;
use sailplane_driver::LocalAddress;

use crate::stream::Stream;

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(Async<TcpListener>),
    /// The file goes first: while the socket listens nobody else takes its place.
    Unix(SocketFile, Async<UnixListener>),
}

impl Listener {
    /// Listens on `host:port`, at the first address of the host that can be listened on, or `unix:path`.
    pub(crate) async fn bind(address: &str) -> io::Result<Self> {
        match address.parse::<SocketAddr>() {
            Ok(address) => tcp(address),
            // Asks the file system, or a resolver.
            Err(_) => {
                let address = address.to_owned();
                smol::unblock(move || named(&address)).await
            }
        }
    }

    pub(crate) fn local_addr(&self) -> io::Result<LocalAddress> {
        match self {
            Self::Tcp(listener) => listener.get_ref().local_addr().map(LocalAddress::Tcp),
            Self::Unix(file, _) => Ok(LocalAddress::Unix(file.path.clone())),
        }
    }

    /// The next connection, and the address of its other end.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, Option<Arc<str>>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Stream::tcp(stream)?, Some(address.to_string().into())))
            }
            Self::Unix(_, listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), None))
            }
        }
    }
}

/// A Unix socket's file, removed when this is dropped, unless another took its place.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    inode: Option<u64>,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.inode.is_some() && inode(&self.path) == self.inode {
            // It may be gone already.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Listens on a path, or at the first address of a host that can be listened on.
fn named(address: &str) -> io::Result<Listener> {
    if let Some(path) = LocalAddress::unix_path(address) {
        return unix(path);
    }
    let mut failure = None;
    for address in address.to_socket_addrs()? {
        match tcp(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the host has no address")))
}

fn tcp(address: SocketAddr) -> io::Result<Listener> {
    let listener = Async::<TcpListener>::bind(address).map_err(|error| about(&address, error))?;
    Ok(Listener::Tcp(listener))
}

/// Listens on a path. A file that a server left behind, on which nobody listens, is removed.
fn unix(path: PathBuf) -> io::Result<Listener> {
    let listener = match UnixListener::bind(&path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(&path) => {
            std::fs::remove_file(&path)?;
            UnixListener::bind(&path)
        }
        bound => bound,
    };
    let listener = listener.map_err(|error| about(&path.display(), error))?;
    let inode = inode(&path);
    let file = SocketFile { path, inode };
    Ok(Listener::Unix(file, Async::new(listener)?))
}

fn is_stale(path: &Path) -> bool {
    UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn inode(path: &Path) -> Option<u64> {
    std::fs::symlink_metadata(path).ok().map(|metadata| metadata.ino())
}

fn about(address: &dyn fmt::Display, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    static BINDING: Mutex<()> = Mutex::new(());

    /// A file system may give the new file the inode of the one that was removed.
    #[test]
    fn who_leaves_late_leaves_the_file_of_his_successor() {
        let path = std::env::temp_dir().join(format!("sailplane-successor-{}", std::process::id()));
        let successions = |path: PathBuf| {
            let mut turns = 0;
            while turns < 500 {
                // Of two that bind at once one may take the other for stale; this is of one that leaves meanwhile.
                let bound = {
                    let _binding = BINDING.lock().unwrap();
                    unix(path.clone())
                };
                let Ok(listener) = bound else { continue };
                assert!(UnixStream::connect(&path).is_ok(), "after {turns} turns");
                drop(listener);
                turns += 1;
            }
        };
        let other = std::thread::spawn({
            let path = path.clone();
            move || successions(path)
        });
        successions(path);
        other.join().unwrap();
    }
}
