//! Request-Headers (PROTOCOL-HTTP2.md, "Requests"): to be sent, and as received.

use alloc::format;
use alloc::vec::Vec;
use bytes::Bytes;
use core::ops::RangeInclusive;
use core::time::Duration;

use crate::call::fields::{MalformedFields, Order, Regular};
use crate::call::timeout::{self, TimeoutText};
use crate::call::{Metadata, Path, RequestHead, Scheme, Status, base64, content_type, metadata};
use crate::hpack::{Encoder, FieldList, Indexing, Repeat, Stamp, Token};
use crate::time::Instant;

/// `user-agent` where the application gives none.
pub(crate) const USER_AGENT: &str = concat!("grpc-rust-sailplane/", env!("CARGO_PKG_VERSION"));

/// A request that no handler sees.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// The stream ends with PROTOCOL_ERROR.
    Malformed,
    /// It is answered at once: with an HTTP status and a gRPC status in one.
    Answered { http_status: u16, status: Status },
}

impl From<MalformedFields> for Rejected {
    fn from(_: MalformedFields) -> Self {
        Self::Malformed
    }
}

/// A request as received.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Without a deadline.
    pub(crate) head: RequestHead,
    pub(crate) facts: Facts,
}

impl Request {
    /// The head, received with this deadline.
    #[inline(always)]
    pub(crate) fn head(&self, deadline: Option<Instant>) -> RequestHead {
        let RequestHead { path, authority, scheme, deadline: _, user_agent, encoding, metadata } = &self.head;
        debug_assert!(encoding.is_empty(), "messages are not compressed");
        RequestHead {
            path: path.clone(),
            authority: authority.clone(),
            scheme: *scheme,
            deadline,
            user_agent: user_agent.clone(),
            encoding: Bytes::new(),
            metadata: if metadata.is_empty() { Metadata::new() } else { metadata.clone() },
        }
    }
}

/// What a connection has to know of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) timeout: Option<Duration>,
    pub(crate) content_length: Option<u64>,
    /// Size of the metadata as `SETTINGS_MAX_HEADER_LIST_SIZE` counts it.
    pub(crate) metadata_bytes: usize,
}

/// What a connection has seen: paths, authority and user agent, so that a repeated one costs no allocation;
/// and the requests of repeated header blocks.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Each by the stamp of its block; the oldest makes room.
    requests: Vec<(Stamp, Request)>,
    next_request: usize,
    /// Requests with a timeout, which mostly differs, by their fields; the oldest makes room.
    timed: Vec<(FieldList, Request)>,
    next_timed: usize,
    paths: Vec<Path>,
    authority: Bytes,
    user_agent: Bytes,
    next: usize,
}

const SEEN_PATHS: usize = 8;
/// As many as the decoder knows blocks.
const SEEN_REQUESTS: usize = 4;
const SEEN_TIMED: usize = 2;
/// The largest list that is kept for its fields.
const SEEN_BYTES: usize = 1024;

impl Seen {
    /// The request that a repeated header block means.
    #[inline]
    pub(crate) fn request(&self, stamp: Stamp) -> Option<&Request> {
        self.requests.iter().find(|(seen, _)| *seen == stamp).map(|(_, request)| request)
    }

    /// Keeps what a header block means that is repeated.
    pub(crate) fn keep(&mut self, stamp: Stamp, request: &Request) {
        match self.requests.get_mut(self.next_request) {
            Some(place) => *place = (stamp, request.clone()),
            None => {
                self.requests.reserve_exact(1);
                self.requests.push((stamp, request.clone()));
            }
        }
        self.next_request = self.next_request.wrapping_add(1) % SEEN_REQUESTS;
    }

    /// The request of a list that is one of those before but for its timeout, which must be a legal one.
    fn timed(&self, fields: &FieldList) -> Option<Request> {
        let mut timed = self.timed.iter();
        let (_, request) = timed.find(|(seen, _)| seen.is_same_but(fields, Token::GrpcTimeout))?;
        let timeout = Some(timeout::parse(fields.get(Token::GrpcTimeout)?)?);
        Some(Request { head: request.head.clone(), facts: Facts { timeout, ..request.facts } })
    }

    fn keep_timed(&mut self, fields: &FieldList, request: &Request) {
        let timeouts = fields.iter().filter(|field| field.token == Token::GrpcTimeout).count();
        if timeouts != 1 || fields.size() > SEEN_BYTES || fields.is_truncated() {
            return;
        }
        match self.timed.get_mut(self.next_timed) {
            Some((seen, kept)) => {
                seen.copy_from(fields);
                *kept = request.clone();
            }
            None => {
                self.timed.reserve_exact(1);
                self.timed.push((fields.clone(), request.clone()));
            }
        }
        self.next_timed = self.next_timed.wrapping_add(1) % SEEN_TIMED;
    }

    fn path(&mut self, octets: &[u8]) -> Option<Path> {
        if let Some(path) = self.paths.iter().find(|path| path.as_bytes() == octets) {
            return Some(path.clone());
        }
        let path = Path::new(Bytes::copy_from_slice(octets)).ok()?;
        match self.paths.get_mut(self.next) {
            Some(place) => *place = path.clone(),
            None => self.paths.push(path.clone()),
        }
        self.next = (self.next.wrapping_add(1)) % SEEN_PATHS;
        Some(path)
    }
}

/// The octets as they were kept, or kept from now on.
fn same(kept: &mut Bytes, octets: &[u8]) -> Bytes {
    if *kept != octets {
        *kept = Bytes::copy_from_slice(octets);
    }
    kept.clone()
}

#[derive(Default)]
struct Parts<'a> {
    method: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
    host: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    timeout: Option<&'a [u8]>,
    encoding: Option<&'a [u8]>,
    user_agent: Option<&'a [u8]>,
    regular: Regular,
}

/// Judges a received header list.
pub(crate) fn parse(fields: &FieldList, seen: &mut Seen) -> Result<Request, Rejected> {
    if let Some(request) = seen.timed(fields) {
        return Ok(request);
    }
    let request = judge(fields, seen)?;
    seen.keep_timed(fields, &request);
    Ok(request)
}

fn judge(fields: &FieldList, seen: &mut Seen) -> Result<Request, Rejected> {
    let parts = sort(fields)?;
    if fields.is_truncated() {
        return Err(answer(431, Status::resource_exhausted("the request's header list is too large")));
    }
    if parts.method == Some(b"CONNECT") {
        return Err(connect(&parts));
    }
    let (Some(method), Some(scheme), Some(path)) = (parts.method, parts.scheme, parts.path) else {
        // RFC 9113 §8.3.1: "All HTTP/2 requests MUST include exactly one valid value for the
        // ":method", ":scheme", and ":path" pseudo-header fields, unless they are CONNECT requests".
        return Err(MalformedFields::Pseudo.into());
    };
    if method.is_empty() || scheme.is_empty() || path.is_empty() {
        return Err(MalformedFields::Pseudo.into());
    }
    if method != b"POST" {
        return Err(answer(405, Status::internal("a gRPC request has the method POST")));
    }
    if !parts.content_type.is_some_and(content_type::is_grpc) {
        return Err(answer(415, Status::internal("a gRPC request has a content-type application/grpc")));
    }
    let Some(path) = seen.path(path) else {
        return Err(answer(200, Status::unimplemented("the path has not the form /service/method")));
    };
    if parts.regular.bad_binary.is_some() {
        return Err(answer(200, Status::internal("binary metadata are not base64")));
    }
    let timeout = match parts.timeout.map(timeout::parse) {
        None => None,
        Some(Some(timeout)) => Some(timeout),
        Some(None) => return Err(answer(400, Status::internal("grpc-timeout is malformed"))),
    };
    if let Some(encoding) = parts.encoding.filter(|encoding| *encoding != b"identity") {
        let name = alloc::string::String::from_utf8_lossy(encoding);
        let status = Status::unimplemented(format!("messages compressed with {name:?} are not supported"));
        // compression.md: the server says what it accepts.
        let mut accepted = Metadata::new();
        accepted.push(b"grpc-accept-encoding", b"identity", false);
        let status = status.with_metadata(accepted);
        return Err(answer(200, status));
    }
    let head = RequestHead {
        path,
        authority: same(&mut seen.authority, parts.authority.or(parts.host).unwrap_or_default()),
        scheme: if scheme == b"https" { Scheme::Https } else { Scheme::Http },
        deadline: None,
        user_agent: same(&mut seen.user_agent, parts.user_agent.unwrap_or_default()),
        encoding: Bytes::new(),
        metadata: parts.regular.metadata,
    };
    let (content_length, metadata_bytes) = (parts.regular.content_length, metadata_size(&head.metadata));
    Ok(Request { head, facts: Facts { timeout, content_length, metadata_bytes } })
}

fn answer(http_status: u16, status: Status) -> Rejected {
    Rejected::Answered { http_status, status }
}

/// RFC 9113 §8.5: ":scheme" and ":path" MUST be omitted, ":authority" names the target. Nobody is connected.
fn connect(parts: &Parts<'_>) -> Rejected {
    let no_authority = parts.authority.is_none_or(<[u8]>::is_empty);
    if parts.scheme.is_some() || parts.path.is_some() || no_authority {
        return Rejected::Malformed;
    }
    answer(405, Status::internal("a gRPC request has the method POST"))
}

fn sort(fields: &FieldList) -> Result<Parts<'_>, MalformedFields> {
    let mut parts = Parts::default();
    let mut order = Order::default();
    for field in fields.iter() {
        if order.next(&field)? {
            match field.token {
                Token::Method => parts.method = Some(field.value),
                Token::Scheme => parts.scheme = Some(field.value),
                Token::Path => parts.path = Some(field.value),
                Token::Authority => parts.authority = Some(field.value),
                _ => return Err(MalformedFields::Pseudo),
            }
            continue;
        }
        match field.token {
            Token::ContentType => parts.content_type = Some(field.value),
            Token::GrpcTimeout => parts.timeout = Some(field.value),
            Token::GrpcEncoding => parts.encoding = Some(field.value),
            Token::UserAgent => parts.user_agent = Some(field.value),
            // gRFC A41: more than one Host is rejected, by RST_STREAM with PROTOCOL_ERROR.
            Token::Host if parts.host.is_some() => return Err(MalformedFields::Host),
            Token::Host => parts.host = Some(field.value),
            // RFC 9113 §8.3: what is missing here does not come any more.
            _ if parts.path.is_none() => return Err(MalformedFields::Pseudo),
            _ => parts.regular.take(&field)?,
        }
    }
    // RFC 9113 §8.3.1: ":authority" has no userinfo, and a Host that names another entity is malformed.
    if parts.authority.is_some_and(|authority| authority.contains(&b'@')) {
        return Err(MalformedFields::Pseudo);
    }
    if parts.authority.zip(parts.host).is_some_and(|(authority, host)| {
        let port = default_port(parts.scheme);
        !without(authority, port).eq_ignore_ascii_case(without(host, port))
    }) {
        return Err(MalformedFields::Host);
    }
    Ok(parts)
}

/// RFC 3986 §6.2.3: what may be left out of an authority.
fn default_port(scheme: Option<&[u8]>) -> &'static [u8] {
    if scheme == Some(b"https") { b":443" } else { b":80" }
}

fn without<'a>(authority: &'a [u8], port: &[u8]) -> &'a [u8] {
    authority.strip_suffix(port).unwrap_or(authority)
}

/// Whether what an application gives beside the metadata may be sent (RFC 9113 §8.2.1, §8.3.1). What was judged
/// last is not judged again.
pub(crate) fn may_be_sent(head: &RequestHead, seen: &mut Seen) -> bool {
    if !same_text(&head.authority, &seen.authority) {
        // RFC 3986 §3.2, without userinfo.
        let legal = |octet: &u8| octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(octet);
        if !head.authority.iter().all(legal) {
            return false;
        }
        seen.authority = head.authority.clone();
    }
    if !same_text(&head.user_agent, &seen.user_agent) {
        let legal = |octet: &u8| matches!(octet, 0x20..=0x7e);
        if head.user_agent.trim_ascii() != head.user_agent || !head.user_agent.iter().all(legal) {
            return false;
        }
        seen.user_agent = head.user_agent.clone();
    }
    head.encoding.iter().all(u8::is_ascii_graphic)
}

/// The header blocks of the last few requests that differed in more than time and metadata.
#[derive(Debug)]
pub(crate) struct Repeats {
    heads: Vec<(Fixed, Repeat)>,
    next: usize,
    /// The times of which is said what was said last: the first of them, up to what was said, which is rounded up.
    timeout: (RangeInclusive<Duration>, Repeat),
}

impl Default for Repeats {
    fn default() -> Self {
        Self { heads: Vec::new(), next: 0, timeout: (Duration::ZERO..=Duration::ZERO, Repeat::default()) }
    }
}

/// Calls of more methods than this, taking turns, are encoded each time.
const REPEATS: usize = 4;

/// What of a head its header block depends on, but for time and metadata.
#[derive(Debug, PartialEq)]
struct Fixed {
    path: Path,
    authority: Bytes,
    scheme: Scheme,
    user_agent: Bytes,
    encoding: Bytes,
}

impl Fixed {
    fn of(head: &RequestHead) -> Self {
        Self {
            path: head.path.clone(),
            authority: head.authority.clone(),
            scheme: head.scheme,
            user_agent: head.user_agent.clone(),
            encoding: head.encoding.clone(),
        }
    }

    #[inline]
    fn is_of(&self, head: &RequestHead) -> bool {
        same_text(self.path.as_bytes(), head.path.as_bytes())
            && same_text(&self.authority, &head.authority)
            && same_text(&self.user_agent, &head.user_agent)
            && same_text(&self.encoding, &head.encoding)
            && self.scheme == head.scheme
    }
}

/// Equality; mostly it is the very same text, or both are empty (see `DynamicTable::has_name`).
#[inline]
fn same_text(a: &[u8], b: &[u8]) -> bool {
    core::ptr::eq(a, b) || (a.len() == b.len() && (a.is_empty() || a == b))
}

impl Repeats {
    /// Writes the header block of a request.
    pub(crate) fn write(
        &mut self,
        head: &RequestHead,
        now: Instant,
        encoder: &mut Encoder,
        out: &mut Vec<u8>,
    ) {
        let place = match self.heads.iter().position(|(fixed, _)| fixed.is_of(head)) {
            Some(place) => place,
            None => self.put(head),
        };
        if let Some((_, repeat)) = self.heads.get_mut(place) {
            repeat.write(encoder, out, |encoder, out| write_fixed(head, encoder, out));
        }
        if let Some(left) = head.time_remaining(now) {
            self.write_timeout(left, encoder, out);
        }
        write_metadata(&head.metadata, encoder, out);
    }

    /// Writes the time that is left, which is mostly that of the call before.
    fn write_timeout(&mut self, left: Duration, encoder: &mut Encoder, out: &mut Vec<u8>) {
        let (said, repeat) = &mut self.timeout;
        if !said.contains(&left) {
            let text = TimeoutText::new(left);
            *said = left..=timeout::parse(text.as_bytes()).unwrap_or(left);
            repeat.forget();
        }
        repeat.write(encoder, out, |encoder, out| {
            encoder.field(out, Token::GrpcTimeout, TimeoutText::new(left).as_bytes(), Indexing::NameIndexed);
        });
    }

    /// Makes room for the block of a head; its place.
    #[cold]
    fn put(&mut self, head: &RequestHead) -> usize {
        let fresh = (Fixed::of(head), Repeat::default());
        let place = self.next;
        match self.heads.get_mut(place) {
            Some(oldest) => *oldest = fresh,
            None => {
                self.heads.reserve_exact(1);
                self.heads.push(fresh);
            }
        }
        self.next = self.next.wrapping_add(1) % REPEATS;
        place
    }
}

fn write_fixed(head: &RequestHead, encoder: &mut Encoder, out: &mut Vec<u8>) {
    encoder.begin(out);
    encoder.field(out, Token::Method, b"POST", Indexing::Indexed);
    let scheme: &[u8] = match head.scheme {
        Scheme::Http => b"http",
        Scheme::Https => b"https",
    };
    encoder.field(out, Token::Scheme, scheme, Indexing::Indexed);
    encoder.field(out, Token::Path, head.path.as_bytes(), Indexing::Indexed);
    // RFC 9113 §8.3.1: without authority to convey there is no ":authority".
    if !head.authority.is_empty() {
        encoder.field(out, Token::Authority, &head.authority, Indexing::Indexed);
    }
    encoder.field(out, Token::Te, b"trailers", Indexing::Indexed);
    encoder.field(out, Token::ContentType, content_type::GRPC, Indexing::Indexed);
    if !head.encoding.is_empty() {
        encoder.field(out, Token::GrpcEncoding, &head.encoding, Indexing::Indexed);
    }
    let user_agent: &[u8] = if head.user_agent.is_empty() { USER_AGENT.as_bytes() } else { &head.user_agent };
    encoder.field(out, Token::UserAgent, user_agent, Indexing::Indexed);
}

/// Writes custom metadata: secrets as never-indexed literals (RFC 7541 §7.1.3), the rest unindexed.
pub(crate) fn write_metadata(metadata: &Metadata, encoder: &mut Encoder, out: &mut Vec<u8>) {
    for field in metadata.iter() {
        let secret =
            field.is_sensitive() || field.is_binary() || matches!(field.name(), "authorization" | "cookie");
        let indexing = if secret { Indexing::Never } else { Indexing::NotIndexed };
        if field.is_binary() {
            let mut text = Vec::with_capacity(field.as_bytes().len().div_ceil(3).saturating_mul(4));
            base64::encode(field.as_bytes(), &mut text);
            encoder.literal(out, field.name().as_bytes(), &text, indexing);
        } else {
            encoder.literal(out, field.name().as_bytes(), field.as_bytes(), indexing);
        }
    }
}

/// The size of a head as `SETTINGS_MAX_HEADER_LIST_SIZE` counts it (RFC 9113 §6.5.2), to the nearest
/// upper bound.
pub(crate) fn list_size(head: &RequestHead) -> usize {
    const FIXED: usize = 8 * 32 + 110;
    FIXED
        .saturating_add(head.path.as_bytes().len())
        .saturating_add(head.authority.len())
        .saturating_add(head.encoding.len())
        .saturating_add(head.user_agent.len().max(USER_AGENT.len()))
        .saturating_add(metadata_size(&head.metadata))
}

/// The size of metadata as `SETTINGS_MAX_HEADER_LIST_SIZE` counts it.
pub(crate) fn metadata_size(metadata: &Metadata) -> usize {
    metadata.raw().fold(0, |size: usize, (name, value, _)| {
        let binary = metadata::is_binary(name);
        let value = if binary { value.len().div_ceil(3).saturating_mul(4) } else { value.len() };
        size.saturating_add(name.len()).saturating_add(value).saturating_add(32)
    })
}

#[cfg(test)]
mod tests;
