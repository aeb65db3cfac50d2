//! Response-Headers, Trailers and Trailers-Only (PROTOCOL-HTTP2.md, "Responses").

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::call::fields::{MalformedFields, Order, Regular};
use crate::call::prefix::PREFIX_LEN;
use crate::call::request::{metadata_size, write_metadata};
use crate::call::{Code, Metadata, ResponseHead, Status, base64, content_type, mapping, percent};
use crate::hpack::{Encoder, FieldList, Indexing, Repeat, Stamp, Token};
use crate::wire::send::ResponseFrames;

/// The first header list of a response, judged.
#[derive(Debug)]
pub(crate) enum ResponseStart {
    /// 1xx: the response is still to come.
    Interim,
    /// Messages and trailers follow.
    Head { head: ResponseHead, content_length: Option<u64> },
    /// One header list is the whole response.
    TrailersOnly(Trailers),
    /// gRPC, but nothing that this side can go on with.
    Unusable(Status),
    /// Not gRPC: what a proxy or another server said. Its body may explain it.
    NotGrpc(Status),
}

/// What trailers say.
#[derive(Debug)]
pub(crate) struct Trailers {
    pub(crate) status: Result<(), Status>,
    pub(crate) metadata: Metadata,
}

/// The header blocks by which a peer repeats what most responses say.
#[derive(Debug, Default)]
pub(crate) struct Usual {
    /// A head without metadata.
    head: Option<Stamp>,
    /// Trailers that say OK and nothing else.
    ok: Option<Stamp>,
}

/// What most header blocks of responses say.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UsualBlock {
    /// A head without metadata, which messages follow.
    Head,
    /// Trailers that say OK and nothing else.
    Ok,
}

impl Usual {
    /// What a repeated header block means in this place, if it is one of the usual ones.
    #[inline]
    pub(crate) fn get(&self, stamp: Stamp, first: bool, end: bool) -> Option<UsualBlock> {
        if first && !end && self.head == Some(stamp) {
            return Some(UsualBlock::Head);
        }
        if !first && end && self.ok == Some(stamp) {
            return Some(UsualBlock::Ok);
        }
        None
    }

    /// Keeps what a repeated header block means, if it is usual.
    pub(crate) fn keep(&mut self, stamp: Stamp, first: bool, judged: &ResponseStart) {
        match judged {
            ResponseStart::Head { head, content_length: None } if *head == ResponseHead::default() => {
                self.head = Some(stamp);
            }
            ResponseStart::TrailersOnly(trailers)
                if !first && trailers.status.is_ok() && trailers.metadata.is_empty() =>
            {
                self.ok = Some(stamp);
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Parts<'a> {
    http_status: Option<&'a [u8]>,
    content_type: Option<&'a [u8]>,
    encoding: Option<&'a [u8]>,
    grpc_status: Option<&'a [u8]>,
    grpc_message: Option<&'a [u8]>,
    details: Option<&'a [u8]>,
    regular: Regular,
}

/// Judges the first header list of a response. `end`: it has END_STREAM.
pub(crate) fn parse_start(fields: &FieldList, end: bool) -> Result<ResponseStart, MalformedFields> {
    let parts = sort(fields, true)?;
    let http = parts.http_status.and_then(http_status).ok_or(MalformedFields::Pseudo)?;
    if http / 100 == 1 {
        // RFC 9113 §8.1: an interim response that ends the stream is malformed. RFC 9113 §8.6: there is no 101.
        return if end || http == 101 { Err(MalformedFields::Pseudo) } else { Ok(ResponseStart::Interim) };
    }
    if fields.is_truncated() {
        return Ok(ResponseStart::Unusable(Status::resource_exhausted(
            "the response's header list is too large",
        )));
    }
    let is_grpc = http == 200 && parts.content_type.is_some_and(content_type::is_grpc);
    if end && (is_grpc || parts.grpc_status.is_some()) {
        // RFC 9113 §8.1.1: there is no DATA that could be its content.
        if parts.regular.content_length.is_some_and(|length| length > 0) {
            return Err(MalformedFields::ContentLength);
        }
        return Ok(ResponseStart::TrailersOnly(trailers(parts, http)));
    }
    if !is_grpc {
        let kind =
            String::from_utf8_lossy(parts.content_type.unwrap_or(b"without content-type")).into_owned();
        let status = Status::new(mapping::from_http_status(http), format!("HTTP {http} {kind} from peer"));
        return Ok(ResponseStart::NotGrpc(status));
    }
    if parts.regular.bad_binary.is_some() {
        return Ok(ResponseStart::Unusable(Status::internal("binary metadata are not base64")));
    }
    if let Some(encoding) = parts.encoding.filter(|encoding| *encoding != b"identity") {
        let name = String::from_utf8_lossy(encoding);
        let status =
            Status::internal(format!("the response is compressed with {name:?}, which is not supported"));
        return Ok(ResponseStart::Unusable(status));
    }
    let head = ResponseHead { encoding: Bytes::new(), metadata: parts.regular.metadata };
    Ok(ResponseStart::Head { head, content_length: parts.regular.content_length })
}

/// Judges trailers.
pub(crate) fn parse_trailers(fields: &FieldList) -> Result<Trailers, MalformedFields> {
    if fields.is_truncated() {
        let status = Status::resource_exhausted("the response's trailers are too large");
        return Ok(Trailers { status: Err(status), metadata: Metadata::new() });
    }
    Ok(trailers(sort(fields, false)?, 200))
}

/// Checks the trailers of a request: gRPC gives them no meaning.
pub(crate) fn check_request_trailers(fields: &FieldList) -> Result<(), MalformedFields> {
    sort(fields, false).map(drop)
}

fn trailers(parts: Parts<'_>, http: u16) -> Trailers {
    let message = || parts.grpc_message.map(percent::decode).unwrap_or_default();
    let details = || {
        let mut octets = Vec::new();
        let whole = parts.details.and_then(|text| base64::decode(text, &mut octets));
        whole.map(|()| Bytes::from(octets)).unwrap_or_default()
    };
    let status = match parts.grpc_status.map(number) {
        Some(Some(0)) => Ok(()),
        Some(Some(number)) => match Code::from_number(number) {
            Some(code) => Err(Status::from_peer(code, message(), details())),
            None => Err(Status::from_peer(Code::Unknown, unknown_code(number, &message()), details())),
        },
        Some(None) => {
            Err(Status::from_peer(Code::Unknown, "the peer's grpc-status is no number", Bytes::new()))
        }
        // Never OK by default (doc/http-grpc-status-mapping.md).
        None => Err(Status::new(
            mapping::from_http_status(http),
            "the peer ended the response without a grpc-status",
        )),
    };
    let status = match (status, parts.regular.bad_binary) {
        (Ok(()), Some(())) => Err(Status::internal("binary metadata are not base64")),
        (status, _) => status,
    };
    let status = status.map_err(|status| status.with_metadata(parts.regular.metadata.clone()));
    Trailers { status, metadata: parts.regular.metadata }
}

fn unknown_code(number: u32, message: &str) -> String {
    format!("the peer answered with the unknown status code {number}: {message}")
}

fn sort(fields: &FieldList, first: bool) -> Result<Parts<'_>, MalformedFields> {
    let mut parts = Parts::default();
    let mut order = Order::default();
    for field in fields.iter() {
        if order.next(&field)? {
            // RFC 9113 §8.1: "Trailers MUST NOT include pseudo-header fields".
            if !first || field.token != Token::Status {
                return Err(MalformedFields::Pseudo);
            }
            parts.http_status = Some(field.value);
            continue;
        }
        match field.token {
            Token::ContentType => parts.content_type = Some(field.value),
            Token::GrpcEncoding => parts.encoding = Some(field.value),
            // Of several the first counts, but that OK is never taken for the answer where another disagrees.
            Token::GrpcStatus if parts.grpc_status.is_none_or(|status| status == b"0") => {
                parts.grpc_status = Some(field.value);
            }
            Token::GrpcStatus => {}
            Token::GrpcMessage => parts.grpc_message = Some(field.value),
            Token::GrpcStatusDetailsBin => parts.details = Some(field.value),
            _ => parts.regular.take(&field)?,
        }
    }
    Ok(parts)
}

/// RFC 9113 §8.3.2, RFC 9110 §15: three digits.
fn http_status(value: &[u8]) -> Option<u16> {
    let &[hundreds @ b'1'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = value else { return None };
    let digit = |octet: u8| u16::from(octet.wrapping_sub(b'0'));
    Some(digit(hundreds) * 100 + digit(tens) * 10 + digit(ones))
}

/// `grpc-status`: `1*DIGIT` without leading zeros.
fn number(value: &[u8]) -> Option<u32> {
    if value.is_empty() || value.len() > 9 || (value.len() > 1 && value.first() == Some(&b'0')) {
        return None;
    }
    value.iter().try_fold(0_u32, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit.wrapping_sub(b'0'))?;
        number.checked_mul(10)?.checked_add(u32::from(digit))
    })
}

/// The header blocks of most responses.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    head: Repeat,
    ok: Repeat,
    /// Both, with the epoch of the encoder from which they are.
    usual: ResponseFrames<PREFIX_LEN>,
    usual_epoch: u64,
}

impl Repeats {
    /// The frames of a response without custom metadata and with trailers that say OK, where both header blocks
    /// would be written as they were.
    #[inline]
    pub(crate) fn usual(&mut self, encoder: &Encoder) -> Option<&mut ResponseFrames<PREFIX_LEN>> {
        if self.usual_epoch != encoder.epoch() || self.usual.is_empty() {
            self.renew_usual(encoder)?;
        }
        Some(&mut self.usual)
    }

    #[cold]
    fn renew_usual(&mut self, encoder: &Encoder) -> Option<()> {
        self.usual = ResponseFrames::new(self.head.get(encoder)?, self.ok.get(encoder)?);
        self.usual_epoch = encoder.epoch();
        Some(())
    }

    /// Writes the header block of initial metadata.
    #[inline]
    pub(crate) fn write_head(&mut self, metadata: &Metadata, encoder: &mut Encoder, out: &mut Vec<u8>) {
        self.head.write(encoder, out, |encoder, out| {
            encoder.begin(out);
            write_prelude(200, encoder, out);
        });
        write_metadata(metadata, encoder, out);
    }

    /// Writes trailers that say OK and nothing else.
    #[inline]
    pub(crate) fn write_ok(&mut self, encoder: &mut Encoder, out: &mut Vec<u8>) {
        self.ok.write(encoder, out, |encoder, out| {
            encoder.begin(out);
            encoder.field(out, Token::GrpcStatus, b"0", Indexing::Indexed);
        });
    }
}

fn write_prelude(http_status: u16, encoder: &mut Encoder, out: &mut Vec<u8>) {
    let digit = |number: u16| u8::try_from(number % 10).unwrap_or(0).wrapping_add(b'0');
    let text = [digit(http_status / 100), digit(http_status / 10), digit(http_status)];
    encoder.field(out, Token::Status, &text, Indexing::Indexed);
    encoder.field(out, Token::ContentType, content_type::GRPC, Indexing::Indexed);
}

/// The end of a response, to be written.
#[derive(Debug)]
pub(crate) enum Ending {
    /// OK and nothing else: most.
    Plain,
    /// A status with trailing metadata.
    Full(Box<(Result<(), Status>, Metadata)>),
}

impl Ending {
    #[inline]
    pub(crate) fn new(status: Result<(), Status>, metadata: Metadata) -> Self {
        if status.is_ok() && metadata.is_empty() {
            Self::Plain
        } else {
            Self::Full(Box::new((status, metadata)))
        }
    }

    fn parts(&self) -> (Option<&Status>, &Metadata) {
        const NONE: &Metadata = &Metadata::new();
        match self {
            Self::Plain => (None, NONE),
            Self::Full(parts) => (parts.0.as_ref().err(), &parts.1),
        }
    }
}

/// Writes trailers, or a whole response of one header list (`trailers_only`: its HTTP status). What would
/// break the peer's limit is shortened: details, then message, then metadata; the code always arrives.
pub(crate) fn write_ending(
    ending: &Ending,
    trailers_only: Option<u16>,
    peer_limit: usize,
    encoder: &mut Encoder,
    out: &mut Vec<u8>,
) {
    let (status, metadata) = ending.parts();
    encoder.begin(out);
    let mut left = peer_limit;
    if let Some(http_status) = trailers_only {
        write_prelude(http_status, encoder, out);
        left = left.saturating_sub(2 * 32 + 38);
    }
    let code = status.map_or(Code::Ok, Status::code);
    let text = [b'0'.wrapping_add(code.number() / 10), b'0'.wrapping_add(code.number() % 10)];
    let text = if code.number() < 10 { text.get(1..).unwrap_or_default() } else { &text };
    encoder.field(out, Token::GrpcStatus, text, Indexing::Indexed);
    left = left.saturating_sub(32 + 13);
    if let Some(status) = status {
        write_status(status, &mut left, encoder, out);
    }
    if metadata_size(metadata) <= left {
        write_metadata(metadata, encoder, out);
    }
}

fn write_status(status: &Status, left: &mut usize, encoder: &mut Encoder, out: &mut Vec<u8>) {
    if !status.message().is_empty() {
        let message = percent::encode(status.message());
        let room = left.saturating_sub(32 + 12);
        let message: Cow<'_, [u8]> =
            if message.len() <= room { message } else { shorten(status.message(), room) };
        if !message.is_empty() {
            encoder.field(out, Token::GrpcMessage, &message, Indexing::NotIndexed);
            *left = left.saturating_sub(message.len().saturating_add(32 + 12));
        }
    }
    let details = status.details();
    let size = details.len().div_ceil(3).saturating_mul(4).saturating_add(32 + 23);
    if !details.is_empty() && size <= *left {
        let mut text = Vec::with_capacity(size);
        base64::encode(details, &mut text);
        encoder.field(out, Token::GrpcStatusDetailsBin, &text, Indexing::Never);
        *left = left.saturating_sub(size);
    }
}

/// As many whole characters of `message` as fit into `room` octets, encoded.
fn shorten(message: &str, room: usize) -> Cow<'static, [u8]> {
    let mut keep = message.len().min(room);
    loop {
        while !message.is_char_boundary(keep) {
            keep = keep.saturating_sub(1);
        }
        let encoded = percent::encode(message.get(..keep).unwrap_or_default());
        if encoded.len() <= room {
            return Cow::Owned(encoded.into_owned());
        }
        keep = keep.saturating_sub(encoded.len().saturating_sub(room).div_ceil(3).max(1));
    }
}
