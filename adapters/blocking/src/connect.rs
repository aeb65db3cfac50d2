//! Making a connection, on the calling thread.

use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use sailplane_driver::Candidate;

/// Connects to one address.
pub(crate) fn open(candidate: Candidate<'_>) -> io::Result<OwnedFd> {
    match candidate {
        Candidate::Tcp(address, left) => {
            let stream = TcpStream::connect_timeout(&address, left)?;
            stream.set_nodelay(true)?;
            Ok(stream.into())
        }
        Candidate::Unix(path) => Ok(UnixStream::connect(path)?.into()),
    }
}
