//! A peer that writes frames by hand and owes nobody anything.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use prost::Message;
use sailplane::error::ErrorCode;
use sailplane::hpack::{Encoder, Indexing, Token};
use sailplane::wire::{CLIENT_PREFACE, StreamId, send};

use crate::behaviour::stage::PATIENCE;
use crate::pb::Request;

/// The client's end of a connection to a server.
pub struct Raw {
    socket: TcpStream,
    encoder: Encoder,
    next: u32,
    /// What is to be written.
    out: Vec<u8>,
}

impl Raw {
    /// Connects, and says nothing.
    ///
    /// # Errors
    /// Of the socket.
    pub fn connect(target: &str) -> io::Result<Self> {
        let socket = TcpStream::connect(target)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, encoder: Encoder::new(), next: 1, out: Vec::new() })
    }

    /// Connects and opens, with windows that never close.
    ///
    /// # Errors
    /// Of the socket.
    pub fn open(target: &str) -> io::Result<Self> {
        let mut raw = Self::connect(target)?;
        raw.greet()?;
        // The server's SETTINGS come first.
        raw.read_frame()?;
        send::settings_ack(&mut raw.out);
        raw.flush()?;
        Ok(raw)
    }

    /// Sends the preface and SETTINGS.
    ///
    /// # Errors
    /// Of the socket.
    pub fn greet(&mut self) -> io::Result<()> {
        self.out.extend_from_slice(CLIENT_PREFACE);
        send::settings(&mut self.out, &[(send::INITIAL_WINDOW_SIZE, 0x7fff_ffff)]);
        send::window_update(&mut self.out, StreamId::ZERO, 0x7fff_0000);
        self.flush()
    }

    /// Begins a call of the behaviour service; its stream.
    pub fn start(&mut self, method: &str) -> StreamId {
        let mut block = Vec::new();
        self.encoder.begin(&mut block);
        let path = format!("/behaviour.Behaviour/{method}");
        for (token, value) in [
            (Token::Method, "POST"),
            (Token::Scheme, "http"),
            (Token::Path, &path),
            (Token::Authority, "raw"),
            (Token::Te, "trailers"),
            (Token::ContentType, "application/grpc"),
        ] {
            self.encoder.field(&mut block, token, value.as_bytes(), Indexing::Indexed);
        }
        self.encoder.literal(&mut block, b"x-key", b"raw", Indexing::Indexed);
        let stream = StreamId::new(self.next);
        self.next += 2;
        send::headers(&mut self.out, stream, &block, false, 16_384);
        stream
    }

    /// Sends a message and ends the stream.
    ///
    /// # Panics
    /// If the message does not fit a frame.
    pub fn ask(&mut self, stream: StreamId, request: &Request) {
        let message = request.encode_to_vec();
        let length = u32::try_from(message.len()).expect("a small message");
        send::data_header(&mut self.out, stream, length + 5, true);
        self.out.push(0);
        self.out.extend_from_slice(&length.to_be_bytes());
        self.out.extend_from_slice(&message);
    }

    /// Resets a stream with CANCEL (RFC 9113 §6.4).
    pub fn reset(&mut self, stream: StreamId) {
        send::rst_stream(&mut self.out, stream, ErrorCode::CANCEL);
    }

    /// Any octets.
    pub fn write(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    /// Sends what was written.
    ///
    /// # Errors
    /// Of the socket.
    pub fn flush(&mut self) -> io::Result<()> {
        let out = std::mem::take(&mut self.out);
        self.socket.write_all(&out)
    }

    /// Reads the frame that comes next: type and payload.
    ///
    /// # Errors
    /// Of the socket, its end included.
    pub fn read_frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.socket.read_exact(&mut head)?;
        let [high, mid, low, kind, ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, high, mid, low]) as usize];
        self.socket.read_exact(&mut payload)?;
        Ok((kind, payload))
    }

    /// Reads to the end, which must come: the error codes of the GOAWAYs on the way.
    ///
    /// # Panics
    /// If the server keeps the connection.
    #[track_caller]
    pub fn end(&mut self) -> Vec<u32> {
        let mut codes = Vec::new();
        loop {
            match self.read_frame() {
                Ok((7, payload)) => {
                    let code = payload.get(4..8).and_then(|code| code.try_into().ok());
                    codes.push(code.map_or(u32::MAX, u32::from_be_bytes));
                }
                Ok(_) => {}
                Err(error) => {
                    let kept = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
                    assert!(!kept, "the server keeps the connection");
                    return codes;
                }
            }
        }
    }

    /// The socket.
    #[must_use]
    pub const fn socket(&self) -> &TcpStream {
        &self.socket
    }
}
