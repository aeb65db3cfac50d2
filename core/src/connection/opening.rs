//! The first octets of a peer: what they say where they are not HTTP/2.

use alloc::format;
use alloc::string::String;

use super::receive::Fatal;

const KEPT: usize = 64;

/// The first octets, until the peer has shown that it speaks HTTP/2.
#[derive(Debug)]
pub(super) struct Opening {
    octets: [u8; KEPT],
    len: usize,
    /// What is wrong with them, while it is open what they are instead.
    fault: Option<Fatal>,
}

/// What the first octets are, if not HTTP/2.
enum Judged {
    /// More are needed.
    Open,
    /// Another protocol.
    Other(String),
    /// None that this side knows.
    Unknown,
}

impl Default for Opening {
    fn default() -> Self {
        Self { octets: [0; KEPT], len: 0, fault: None }
    }
}

impl Opening {
    pub(super) fn record(&mut self, input: &[u8]) {
        for (place, octet) in self.octets.iter_mut().skip(self.len).zip(input) {
            *place = *octet;
            self.len = self.len.saturating_add(1);
        }
    }

    /// The peer broke HTTP/2.
    pub(super) fn broken(&mut self, fault: Fatal) {
        self.fault = Some(fault);
    }

    pub(super) const fn is_broken(&self) -> bool {
        self.fault.is_some()
    }

    /// The fault that the connection ends with, as soon as it is known what the octets are.
    pub(super) fn take_fault(&mut self) -> Option<Fatal> {
        match self.judge() {
            Judged::Open => None,
            Judged::Unknown => self.fault.take(),
            Judged::Other(explanation) => self.fault.take().map(|fault| Fatal::new(fault.code, explanation)),
        }
    }

    /// What another protocol these octets are of, or what is wrong with them.
    pub(super) fn explain(&self) -> Option<String> {
        match self.judge() {
            Judged::Other(explanation) => Some(explanation),
            _ => self.fault.as_ref().map(|fault| fault.explanation.clone()),
        }
    }

    /// The shortest beginning that says something decides, so that it does not matter how octets arrive.
    fn judge(&self) -> Judged {
        for len in 1..=self.len {
            let judged = judge(self.octets.get(..len).unwrap_or_default());
            if !matches!(judged, Judged::Open) {
                return judged;
            }
        }
        if self.len == KEPT { Judged::Unknown } else { Judged::Open }
    }
}

fn judge(octets: &[u8]) -> Judged {
    match octets {
        // A TLS record: handshake or alert, version 3.x (RFC 8446 §5.1).
        [0x15 | 0x16, 0x03, ..] => return Judged::Other("the peer speaks TLS; this side does not".into()),
        [0x15 | 0x16] => return Judged::Open,
        _ => {}
    }
    match (http1_response(octets), http1_request(octets)) {
        (Judged::Unknown, request) => request,
        (response, _) => response,
    }
}

fn http1_response(octets: &[u8]) -> Judged {
    let mut headers = [httparse::EMPTY_HEADER; 8];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(octets);
    match (response.version, response.code, response.reason) {
        (Some(version), Some(code), Some(reason)) => {
            Judged::Other(format!("the peer speaks HTTP/1.{version} (\"{code} {reason}\"), not gRPC"))
        }
        _ if parsed.is_err() => Judged::Unknown,
        _ => Judged::Open,
    }
}

fn http1_request(octets: &[u8]) -> Judged {
    let mut headers = [httparse::EMPTY_HEADER; 8];
    let mut request = httparse::Request::new(&mut headers);
    let parsed = request.parse(octets);
    match (request.version, request.method, request.path) {
        (Some(version), Some(method), Some(path)) => {
            Judged::Other(format!("the client speaks HTTP/1.{version} (\"{method} {path}\"), not gRPC"))
        }
        _ if parsed.is_err() => Judged::Unknown,
        _ => Judged::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(octets: &[u8]) -> Option<String> {
        let mut opening = Opening::default();
        for octet in octets {
            opening.record(&[*octet]);
        }
        opening.explain()
    }

    /// RFC 8446 §5.1 for TLS, RFC 9112 §3 and §4 for HTTP/1.
    #[test]
    fn other_protocols_are_recognised() {
        let text = |octets: &[u8]| explained(octets).unwrap_or_default();
        assert_eq!(
            text(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n\r\n"),
            "the peer speaks HTTP/1.1 (\"400 Bad Request\"), not gRPC"
        );
        assert_eq!(
            text(b"GET /index HTTP/1.1\r\nHost: a\r\n\r\n"),
            "the client speaks HTTP/1.1 (\"GET /index\"), not gRPC"
        );
        assert_eq!(text(&[0x15, 3, 3, 0, 2, 2, 40]), "the peer speaks TLS; this side does not");
        assert_eq!(explained(b"\0\0\0\x04\0\0\0\0\0"), None);
        assert_eq!(explained(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), None);
        assert_eq!(explained(b""), None);
    }
}
