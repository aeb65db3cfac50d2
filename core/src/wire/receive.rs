//! Bytes in any chunking to frames.

use alloc::vec::Vec;
use core::fmt;

use super::data::DataFrame;
use super::frame_header::{FrameHeader, flag};
use super::preface::Comparison;
use super::{
    DEFAULT_MAX_FRAME_SIZE, Frame, FrameType, Malformed, StreamId, data, goaway, headers, ignored, ping,
    preface, rst_stream, settings, window_update,
};

/// Reads frames.
///
/// A frame that lies whole in the input is borrowed from it. Of DATA, nothing is ever kept; of any
/// other frame, what came so far is, which is less than the largest frame that we accept. Between
/// frames the reader holds no memory of its own.
pub struct FrameReader {
    state: State,
    /// A frame header that came in part.
    header: [u8; FrameHeader::LEN],
    /// How many octets of `header` are there.
    header_len: u8,
    max_frame_size: u32,
    /// A payload that came in part.
    held: Vec<u8>,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum State {
    /// The preface, of which some octets were there.
    Preface(usize),
    /// A frame header.
    Header,
    /// The octet that tells the length of the padding of DATA.
    PadLength(FrameHeader),
    /// Data, then padding.
    Data(DataFrame),
    /// The payload of any other frame, which is parsed as a whole.
    Payload(FrameHeader),
    /// So many octets that nobody needs.
    Skip(u32),
    /// Nothing: the bytes make no sense from here on.
    Failed(Malformed),
}

/// A frame of the kinds that calls are made of, which lies whole in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WholeFrame<'i> {
    /// HEADERS with a complete header block, without padding and priority.
    Headers { stream_id: StreamId, end_stream: bool, block: &'i [u8] },
    /// DATA without padding.
    Data { stream_id: StreamId, end_stream: bool, bytes: &'i [u8] },
    /// WINDOW_UPDATE.
    WindowUpdate { stream_id: StreamId, increment: u32 },
}

impl FrameReader {
    /// The next frame, if it is one of the common kinds and lies whole in `input`; it is the one that
    /// [`read`](Self::read) would tell in one piece or in several. `None` decides nothing: `read` goes on. To
    /// be called [at rest](Self::is_at_rest).
    #[inline]
    pub(crate) fn read_whole<'i>(&self, input: &mut &'i [u8]) -> Option<WholeFrame<'i>> {
        debug_assert!(self.is_at_rest(), "a frame has begun");
        let (octets, behind) = input.split_first_chunk()?;
        let header = FrameHeader::parse(octets);
        if header.length > self.max_frame_size {
            return None;
        }
        let (payload, behind) = behind.split_at_checked(header.length as usize)?;
        let (stream_id, end_stream) = (header.stream_id, header.has(flag::END_STREAM));
        let frame = match header.kind {
            FrameType::DATA if header.flags & flag::PADDED == 0 && !stream_id.is_zero() => {
                WholeFrame::Data { stream_id, end_stream, bytes: payload }
            }
            FrameType::HEADERS
                if header.flags & (flag::PADDED | flag::PRIORITY | flag::END_HEADERS)
                    == flag::END_HEADERS
                    && !stream_id.is_zero() =>
            {
                WholeFrame::Headers { stream_id, end_stream, block: payload }
            }
            FrameType::WINDOW_UPDATE => {
                let payload = <&[u8; 4]>::try_from(payload).ok()?;
                WholeFrame::WindowUpdate { stream_id, increment: window_update::increment(*payload) }
            }
            _ => return None,
        };
        *input = behind;
        Some(frame)
    }

    /// Between two frames, with nothing kept.
    #[inline]
    pub(crate) fn is_at_rest(&self) -> bool {
        matches!(self.state, State::Header) && self.header_len == 0 && self.held.capacity() == 0
    }

    /// A reader at the beginning of a connection. A server expects the preface of the client
    /// (RFC 9113 §3.4); a client does not expect one.
    #[must_use]
    pub const fn new(expect_preface: bool) -> Self {
        Self {
            state: if expect_preface { State::Preface(0) } else { State::Header },
            header: [0; FrameHeader::LEN],
            header_len: 0,
            max_frame_size: DEFAULT_MAX_FRAME_SIZE,
            held: Vec::new(),
        }
    }

    /// The next frame, or part of a DATA frame, out of `input`, which is advanced past what was
    /// used.
    ///
    /// `None` means that `input` is used up. Call it until then: the end of a DATA frame is told by
    /// a call of its own, for which no input is left.
    ///
    /// # Errors
    ///
    /// [`Malformed`] of connection scope. From then on all input is dropped with the same error.
    pub fn read<'r, 'i: 'r>(&'r mut self, input: &mut &'i [u8]) -> Result<Option<Frame<'r>>, Malformed> {
        loop {
            match self.state {
                State::Preface(matched) => {
                    if !self.read_preface(matched, input)? {
                        return Ok(None);
                    }
                }
                State::Header => {
                    self.held = Vec::new();
                    let Some(header) = self.read_header(input)? else {
                        return Ok(None);
                    };
                    if let Some(frame) = self.begin(header, input)? {
                        return Ok(Some(frame));
                    }
                }
                State::PadLength(header) => {
                    let Some((&pad_length, rest)) = input.split_first() else {
                        return Ok(None);
                    };
                    *input = rest;
                    match data::divide(header, Some(pad_length)) {
                        Ok(frame) => self.state = State::Data(frame),
                        Err(fault) => return Err(self.fail(fault, input)),
                    }
                    return Ok(Some(data::head(header)));
                }
                State::Data(frame) => return Ok(self.read_data(frame, input)),
                State::Payload(header) => return self.read_payload(header, input),
                State::Skip(left) => {
                    let left = left.saturating_sub(len(take(input, left)));
                    if left > 0 {
                        self.state = State::Skip(left);
                        return Ok(None);
                    }
                    self.state = State::Header;
                }
                State::Failed(fault) => {
                    *input = &[];
                    return Err(fault);
                }
            }
        }
    }

    /// Accepts payloads of so many octets: our `SETTINGS_MAX_FRAME_SIZE`, as the peer acknowledged
    /// it. At first it is [`DEFAULT_MAX_FRAME_SIZE`].
    pub const fn set_max_frame_size(&mut self, octets: u32) {
        self.max_frame_size = octets;
    }

    /// Whether a frame has begun and is not complete. The preface is no frame.
    #[must_use]
    pub const fn is_mid_frame(&self) -> bool {
        match self.state {
            State::Header => self.header_len > 0,
            State::PadLength(_) | State::Data(_) | State::Payload(_) | State::Skip(_) => true,
            State::Preface(_) | State::Failed(_) => false,
        }
    }

    #[cfg(test)]
    pub(super) const fn held_capacity(&self) -> usize {
        self.held.capacity()
    }

    /// Compares the preface. True if it is complete.
    fn read_preface(&mut self, matched: usize, input: &mut &[u8]) -> Result<bool, Malformed> {
        match preface::compare(matched, input) {
            Comparison::Partial(matched) => {
                self.state = State::Preface(matched);
                Ok(false)
            }
            Comparison::Complete => {
                self.state = State::Header;
                Ok(true)
            }
            Comparison::Differs => {
                // RFC 9113 §3.4: "Clients and servers MUST treat an invalid connection preface as a
                // connection error of type PROTOCOL_ERROR."
                Err(self.fail(Malformed::BadPreface, input))
            }
        }
    }

    /// The next frame header, if it is there.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<Option<FrameHeader>, Malformed> {
        if self.header_len == 0 {
            if let Some((octets, rest)) = input.split_first_chunk() {
                *input = rest;
                return Ok(Some(FrameHeader::parse(octets)));
            }
        }
        let room = self.header.iter_mut().skip(usize::from(self.header_len));
        let mut taken: u8 = 0;
        for (slot, octet) in room.zip(*input) {
            *slot = *octet;
            taken = taken.saturating_add(1);
        }
        *input = input.get(usize::from(taken)..).unwrap_or_default();
        self.header_len = self.header_len.saturating_add(taken);
        let header = FrameHeader::parse(&self.header);
        if usize::from(self.header_len) == FrameHeader::LEN {
            self.header_len = 0;
            return Ok(Some(header));
        }
        // A peer that speaks something else may stop before the ninth octet.
        if self.header_len >= 3 && header.length > self.max_frame_size {
            return Err(self.fail(Malformed::FrameTooLarge, input));
        }
        Ok(None)
    }

    /// Judges a frame by its header, and prepares for its payload.
    fn begin(&mut self, header: FrameHeader, input: &mut &[u8]) -> Result<Option<Frame<'static>>, Malformed> {
        match self.judge(header) {
            Ok((state, frame)) => {
                self.state = state;
                Ok(frame)
            }
            Err(fault) => Err(self.fail(fault, input)),
        }
    }

    /// What follows a header, and what of the frame is known by it.
    fn judge(&self, header: FrameHeader) -> Result<(State, Option<Frame<'static>>), Malformed> {
        // RFC 9113 §4.2: "An endpoint MUST send an error code of FRAME_SIZE_ERROR if a frame
        // exceeds the size defined in SETTINGS_MAX_FRAME_SIZE".
        if header.length > self.max_frame_size {
            return Err(Malformed::FrameTooLarge);
        }
        match header.kind {
            FrameType::DATA => {
                data::check(header)?;
                if data::is_padded(header) {
                    return Ok((State::PadLength(header), None));
                }
                let frame = data::divide(header, None)?;
                return Ok((State::Data(frame), Some(data::head(header))));
            }
            FrameType::HEADERS => headers::check(header)?,
            FrameType::PRIORITY => {
                if let Some(faulty) = ignored::check_priority(header)? {
                    return Ok((State::Skip(header.length), Some(faulty)));
                }
            }
            FrameType::RST_STREAM => rst_stream::check(header)?,
            FrameType::SETTINGS => settings::check(header)?,
            FrameType::PUSH_PROMISE => {
                let frame = ignored::push_promise(header)?;
                return Ok((State::Skip(header.length), Some(frame)));
            }
            FrameType::PING => ping::check(header)?,
            FrameType::GOAWAY => goaway::check(header)?,
            FrameType::WINDOW_UPDATE => window_update::check(header)?,
            FrameType::CONTINUATION => header.require_stream()?,
            _ => return Ok((State::Skip(header.length), Some(ignored::unknown(header)))),
        }
        Ok((State::Payload(header), None))
    }

    /// The next piece or the end of a DATA frame.
    fn read_data<'i>(&mut self, mut frame: DataFrame, input: &mut &'i [u8]) -> Option<Frame<'i>> {
        let DataFrame { stream_id, end_stream, .. } = frame;
        if frame.data > 0 {
            let bytes = take(input, frame.data);
            frame.data = frame.data.saturating_sub(len(bytes));
            self.state = State::Data(frame);
            return (!bytes.is_empty()).then_some(Frame::DataPiece { stream_id, bytes });
        }
        frame.padding = frame.padding.saturating_sub(len(take(input, frame.padding)));
        if frame.padding > 0 {
            self.state = State::Data(frame);
            return None;
        }
        self.state = State::Header;
        Some(Frame::DataEnd { stream_id, end_stream })
    }

    /// The frame if its payload is whole, in the input or with what is held.
    fn read_payload<'r, 'i: 'r>(
        &'r mut self,
        header: FrameHeader,
        input: &mut &'i [u8],
    ) -> Result<Option<Frame<'r>>, Malformed> {
        let missing = header.length.saturating_sub(len(&self.held));
        let came = take(input, missing);
        let payload: &'r [u8] = if len(came) == header.length {
            came
        } else {
            hold(&mut self.held, came, header.length);
            if len(&self.held) < header.length {
                return Ok(None);
            }
            &self.held
        };
        let parsed = parse(header, payload);
        match parsed {
            Ok(frame) => {
                self.state = State::Header;
                Ok(Some(frame))
            }
            Err(fault) => {
                self.state = State::Failed(fault);
                *input = &[];
                Err(fault)
            }
        }
    }

    /// Enters the state in which everything is dropped.
    const fn fail(&mut self, fault: Malformed, input: &mut &[u8]) -> Malformed {
        self.state = State::Failed(fault);
        *input = &[];
        fault
    }
}

/// Sizes only: a header block may be held.
impl fmt::Debug for FrameReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReader")
            .field("state", &self.state)
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

/// Reads a whole payload, whose header was judged before.
fn parse(header: FrameHeader, payload: &[u8]) -> Result<Frame<'_>, Malformed> {
    match header.kind {
        FrameType::HEADERS => headers::parse(header, payload),
        FrameType::PRIORITY => ignored::parse_priority(header, payload),
        FrameType::RST_STREAM => rst_stream::parse(header, payload),
        FrameType::SETTINGS => Ok(settings::parse(header, payload)),
        FrameType::PING => ping::parse(header, payload),
        FrameType::GOAWAY => goaway::parse(header, payload),
        FrameType::WINDOW_UPDATE => window_update::parse(header, payload),
        FrameType::CONTINUATION => Ok(headers::parse_continuation(header, payload)),
        _ => Ok(ignored::unknown(header)),
    }
}

/// Takes `most` octets off the front of `input`, or all that there are.
fn take<'i>(input: &mut &'i [u8], most: u32) -> &'i [u8] {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let (taken, rest) = input.split_at_checked(most).unwrap_or((*input, &[]));
    *input = rest;
    taken
}

/// Appends to a payload of `whole` octets in all. The capacity grows with what arrives, not with
/// what is announced, and never beyond the whole.
fn hold(held: &mut Vec<u8>, came: &[u8], whole: u32) {
    let needed = held.len().saturating_add(came.len());
    if needed > held.capacity() {
        let whole = usize::try_from(whole).unwrap_or(usize::MAX);
        let target = needed.saturating_mul(2).clamp(64, whole.max(64));
        held.reserve_exact(target.saturating_sub(held.len()));
    }
    held.extend_from_slice(came);
}

/// A length that is known to fit: no slice here is longer than a frame.
fn len(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
