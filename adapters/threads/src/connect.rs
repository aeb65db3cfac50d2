//! Making a connection, on the calling thread.

use std::io;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use sailplane_driver::Candidate;

use crate::socket::Stream;

/// Connects to one address.
pub(crate) fn open(candidate: Candidate<'_>) -> io::Result<Stream> {
    let stream = match candidate {
        Candidate::Tcp(address, left) => Stream::Tcp(TcpStream::connect_timeout(&address, left)?),
        Candidate::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
    };
    stream.prepared()
}
