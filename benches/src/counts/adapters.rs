//! The servers of the adapters, each a process under callgrind that a plain client asks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use sailplane_benches::Error;

use super::callgrind;
use super::recorded::{Recorded, Replies, Requests};

/// A server, and what it is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// Its kind, for `bench-sailplane server`.
    pub(crate) server: &'static str,
    /// Calls at a time, in one write.
    pub(crate) in_flight: u32,
    /// Connections beside, on which nothing happens.
    pub(crate) idle: usize,
}

impl Asked {
    /// User instructions of the server's process, for so many calls.
    pub(crate) fn instructions(&self, calls: u64) -> Result<u64, Error> {
        let program = std::env::current_exe()?.with_file_name("bench-sailplane");
        let mut command = callgrind::command(&program);
        command.args(["server", self.server]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = Ended(command.spawn()?);
        let mut address = String::new();
        let output = server.0.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut address)?;
        let address = address.trim().parse().map_err(|_| format!("{}: no address", self.server))?;
        let idle = (0..self.idle).map(|_| Client::connect(address)).collect::<Result<Vec<_>, _>>()?;
        let mut client = Client::connect(address)?;
        for _ in 0..calls / u64::from(self.in_flight) {
            client.call(self.in_flight)?;
        }
        // The server ends with its input, and before its clients.
        drop(server.0.stdin.take());
        let mut text = Vec::new();
        server.0.stderr.take().ok_or("no output")?.read_to_end(&mut text)?;
        drop(idle);
        let status = server.0.wait()?;
        callgrind::instructions(&std::process::Output { status, stdout: Vec::new(), stderr: text })
    }
}

/// A process that ends with its handle.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // An error means that it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A connection to a server, with requests as h2load writes them.
struct Client {
    stream: TcpStream,
    requests: Requests,
    replies: Replies,
    out: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Result<Self, Error> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(&Requests::opening())?;
        let (requests, replies) = (Requests::new(Recorded::H2load), Replies::default());
        let mut client = Self { stream, requests, replies, out: Vec::new() };
        while client.replies.settings == 0 {
            client.read()?;
        }
        Ok(client)
    }

    /// So many calls, written at once.
    fn call(&mut self, count: u32) -> Result<(), Error> {
        self.out.clear();
        self.requests.put(count, &mut self.out);
        self.stream.write_all(&self.out)?;
        let until = self.replies.count + u64::from(count);
        while self.replies.count < until {
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
