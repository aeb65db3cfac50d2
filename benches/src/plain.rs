//! A client without any stack: octets that were recorded, over a blocking socket. It costs next to nothing, so
//! that thousands of its connections fit into a process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Error;
use crate::recorded::{Recorded, Replies, Requests};

/// A connection to a server, with requests as h2load writes them.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    requests: Requests,
    replies: Replies,
    out: Vec<u8>,
}

impl Client {
    /// Connects, and waits for the server's SETTINGS, which it acknowledges.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn connect(address: SocketAddr) -> Result<Self, Error> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(&Requests::opening())?;
        let (requests, replies) = (Requests::new(Recorded::H2load), Replies::default());
        let mut client = Self { stream, requests, replies, out: Vec::new() };
        while client.replies.settings == 0 {
            client.read()?;
        }
        client.stream.write_all(&Requests::acknowledgement())?;
        Ok(client)
    }

    /// So many calls, written at once, and their replies.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn call(&mut self, count: u32) -> Result<(), Error> {
        self.out.clear();
        self.requests.put(count, &mut self.out);
        self.stream.write_all(&self.out)?;
        let until = self.replies.count + u64::from(count);
        while self.replies.count < until {
            self.read()?;
        }
        Ok(())
    }

    /// So many bidirectional streams on which nothing happens; waits until the server has read that.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn open(&mut self, count: u32) -> Result<(), Error> {
        self.out.clear();
        self.requests.open(count, &mut self.out);
        self.stream.write_all(&self.out)?;
        let until = self.replies.pongs + 1;
        while self.replies.pongs < until {
            self.read()?;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), Error> {
        let mut buffer = [0; 16 * 1024];
        let count = self.stream.read(&mut buffer)?;
        if count == 0 {
            return Err("the server closed the connection".into());
        }
        self.replies.read(buffer.get(..count).unwrap_or_default());
        Ok(())
    }
}
