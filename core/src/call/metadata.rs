//! Custom-Metadata (PROTOCOL-HTTP2.md): a flat list of names and values, text or binary.

use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;

/// Metadata of a call: an ordered list of names with text or binary values.
///
/// A name may occur more than once; the order of its values is kept. Names are lower case. A name that
/// ends in `-bin` has a binary value, which travels as base64; every other value is printable ASCII.
/// Kept flat in one buffer and searched linearly: calls carry few fields.
///
/// `Debug` shows names and the lengths of values only: values may be secrets.
#[derive(Clone, Default)]
pub struct Metadata {
    /// The fields one after the other: an [`Extent`], the name, the value. Binary values are raw.
    bytes: Vec<u8>,
}

/// What stands before a field.
#[derive(Clone, Copy)]
struct Extent {
    name_len: u16,
    value_len: u32,
    sensitive: bool,
}

/// A value to put into [`Metadata`].
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Printable ASCII, for names that do not end in `-bin`.
    Ascii(String),
    /// Any octets, for names that end in `-bin`.
    Binary(Bytes),
}

/// One field of [`Metadata`], borrowed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ValueRef<'a> {
    name: &'a str,
    value: &'a [u8],
    sensitive: bool,
}

/// Why a field cannot be metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidMetadata {
    /// The name is empty, too long, or not made of `0-9 a-z _ - .`.
    Name,
    /// The name belongs to HTTP/2 or gRPC (`grpc-…`, `:path`, `te`, …).
    ReservedName,
    /// A text value with an octet outside printable ASCII, or with a space at its edge.
    AsciiValue,
    /// A text value for a `-bin` name, or a binary value for another.
    ValueKind,
    /// A value longer than 2^32 - 1 octets.
    TooLarge,
}

impl Metadata {
    /// No metadata; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// The octets that it has in memory.
    pub(crate) fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Adds a field, beside others of the same name.
    ///
    /// # Errors
    /// [`InvalidMetadata`] where the name is reserved or the value may not be sent.
    pub fn append(&mut self, name: impl AsRef<str>, value: impl Into<Value>) -> Result<(), InvalidMetadata> {
        self.put(name.as_ref(), &value.into(), false)
    }

    /// Adds a field in place of all others of the same name.
    ///
    /// # Errors
    /// [`InvalidMetadata`]; then nothing was changed.
    pub fn insert(&mut self, name: impl AsRef<str>, value: impl Into<Value>) -> Result<(), InvalidMetadata> {
        let (name, kept) = (name.as_ref(), self.len());
        self.put(name, &value.into(), false)?;
        self.remove_within(name, kept);
        Ok(())
    }

    /// Adds a field whose value is a secret: it goes out as a never-indexed literal (RFC 7541 §7.1.3).
    ///
    /// # Errors
    /// [`InvalidMetadata`], as [`append`](Self::append).
    pub fn append_sensitive(
        &mut self,
        name: impl AsRef<str>,
        value: impl Into<Value>,
    ) -> Result<(), InvalidMetadata> {
        self.put(name.as_ref(), &value.into(), true)
    }

    /// Removes all fields of this name; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.remove_within(name, usize::MAX)
    }

    /// Removes those of the first `count` fields that have this name, and what they held: a field that is
    /// replaced over and over must not grow the buffer.
    fn remove_within(&mut self, name: &str, count: usize) -> bool {
        let goes =
            |index: usize, field: &ValueRef<'_>| index < count && field.name.eq_ignore_ascii_case(name);
        if !self.iter().enumerate().any(|(index, field)| goes(index, &field)) {
            return false;
        }
        let old = core::mem::take(self);
        for (_, field) in old.iter().enumerate().filter(|(index, field)| !goes(*index, field)) {
            self.push(field.name.as_bytes(), field.value, field.sensitive);
        }
        true
    }

    /// The first text value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.get_all(name).next().and_then(|field| field.as_str())
    }

    /// The first binary value of this name, which ends in `-bin`; decoded.
    #[must_use]
    pub fn get_bin(&self, name: &str) -> Option<&[u8]> {
        self.get_all(name).next().filter(|field| field.is_binary()).map(|field| field.as_bytes())
    }

    /// All values of this name, in order.
    pub fn get_all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = ValueRef<'a>> + use<'a, 'n> {
        self.iter().filter(move |field| field.name().eq_ignore_ascii_case(name))
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = ValueRef<'_>> {
        self.raw().map(|(name, value, sensitive)| ValueRef {
            name: core::str::from_utf8(name).unwrap_or_default(),
            value,
            sensitive,
        })
    }

    /// The number of fields.
    #[must_use]
    pub fn len(&self) -> usize {
        self.raw().count()
    }

    /// Whether there is no field.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Name, value and whether it is a secret, of all fields in order.
    #[inline]
    pub(crate) fn raw(&self) -> impl Iterator<Item = (&[u8], &[u8], bool)> {
        let mut rest = self.bytes.as_slice();
        core::iter::from_fn(move || {
            let (octets, behind) = rest.split_first_chunk()?;
            let extent = Extent::parse(*octets);
            let (name, behind) = behind.split_at_checked(usize::from(extent.name_len))?;
            let (value, behind) = behind.split_at_checked(extent.value_len as usize)?;
            rest = behind;
            Some((name, value, extent.sensitive))
        })
    }

    /// Appends every field of `other`.
    pub fn extend(&mut self, other: &Self) {
        self.bytes.extend_from_slice(&other.bytes);
    }

    /// Drops every field and keeps the buffer.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    fn put(&mut self, name: &str, value: &Value, sensitive: bool) -> Result<(), InvalidMetadata> {
        check(name, value)?;
        let octets = match value {
            Value::Ascii(text) => text.as_bytes(),
            Value::Binary(octets) => octets,
        };
        if self.push(name.as_bytes(), octets, sensitive) { Ok(()) } else { Err(InvalidMetadata::TooLarge) }
    }

    /// Adds a field as it came from a peer or was checked already. False if it does not fit.
    pub(crate) fn push(&mut self, name: &[u8], value: &[u8], sensitive: bool) -> bool {
        let (Ok(name_len), Ok(value_len)) = (u16::try_from(name.len()), u32::try_from(value.len())) else {
            return false;
        };
        let octets = name.len().saturating_add(value.len()).saturating_add(Extent::LEN);
        if self.bytes.is_empty() {
            // Room for a few fields at once.
            self.bytes.reserve(octets.max(128));
        }
        self.bytes.extend_from_slice(&Extent { name_len, value_len, sensitive }.octets());
        self.bytes.extend_from_slice(name);
        let start = self.bytes.len().saturating_sub(name.len());
        if let Some(name) = self.bytes.get_mut(start..) {
            name.make_ascii_lowercase();
        }
        self.bytes.extend_from_slice(value);
        true
    }
}

impl Extent {
    const LEN: usize = 7;

    const fn octets(self) -> [u8; Self::LEN] {
        let ([a, b], [c, d, e, f]) = (self.name_len.to_ne_bytes(), self.value_len.to_ne_bytes());
        [a, b, c, d, e, f, self.sensitive as u8]
    }

    const fn parse([a, b, c, d, e, f, sensitive]: [u8; Self::LEN]) -> Self {
        Self {
            name_len: u16::from_ne_bytes([a, b]),
            value_len: u32::from_ne_bytes([c, d, e, f]),
            sensitive: sensitive != 0,
        }
    }
}

impl<'a> ValueRef<'a> {
    /// The name, in lower case.
    #[must_use]
    pub const fn name(&self) -> &'a str {
        self.name
    }

    /// The octets of the value; those of a `-bin` field are decoded.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.value
    }

    /// The value as text, unless it is binary or has octets outside printable ASCII.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        let printable = self.value.iter().all(|octet| (0x20..=0x7e).contains(octet));
        if self.is_binary() || !printable { None } else { core::str::from_utf8(self.value).ok() }
    }

    /// Whether the name ends in `-bin`.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        is_binary(self.name.as_bytes())
    }

    /// Whether the value must never be indexed.
    #[must_use]
    pub const fn is_sensitive(&self) -> bool {
        self.sensitive
    }
}

impl fmt::Debug for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: <{} bytes>", self.name, self.value.len())
    }
}

/// Equal by their fields, in order; how they are stored does not matter.
impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Metadata {}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ascii(text) => write!(f, "<{} characters>", text.len()),
            Self::Binary(octets) => write!(f, "<{} bytes>", octets.len()),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Ascii(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Ascii(text)
    }
}

impl From<Bytes> for Value {
    fn from(octets: Bytes) -> Self {
        Self::Binary(octets)
    }
}

impl From<Vec<u8>> for Value {
    fn from(octets: Vec<u8>) -> Self {
        Self::Binary(octets.into())
    }
}

impl From<&[u8]> for Value {
    fn from(octets: &[u8]) -> Self {
        Self::Binary(Bytes::copy_from_slice(octets))
    }
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(octets: &[u8; N]) -> Self {
        Self::Binary(Bytes::copy_from_slice(octets))
    }
}

impl fmt::Display for InvalidMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a metadata name is made of 0-9 a-z _ - .",
            Self::ReservedName => "this metadata name is reserved for HTTP/2 and gRPC",
            Self::AsciiValue => "a text value is printable ASCII without spaces at its edges",
            Self::ValueKind => "names that end in -bin have binary values, all others text",
            Self::TooLarge => "the metadata is too large",
        })
    }
}

impl core::error::Error for InvalidMetadata {}

/// Whether a field of this name has a binary value.
pub(crate) fn is_binary(name: &[u8]) -> bool {
    name.ends_with(b"-bin")
}

/// Whether this (lower-case) name belongs to HTTP/2 or gRPC and not to the application.
pub(crate) fn is_reserved(name: &[u8]) -> bool {
    name.starts_with(b"grpc-")
        || matches!(
            name,
            b"te"
                | b"content-type"
                | b"content-length"
                | b"user-agent"
                | b"host"
                | b"connection"
                | b"keep-alive"
                | b"proxy-connection"
                | b"transfer-encoding"
                | b"upgrade"
        )
}

fn check(name: &str, value: &Value) -> Result<(), InvalidMetadata> {
    let mut lower = [0; 20];
    let name = name.as_bytes();
    let legal = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-' | b'.');
    if name.is_empty() || name.len() > usize::from(u16::MAX) || !name.iter().all(legal) {
        return Err(InvalidMetadata::Name);
    }
    // The longest reserved name, and the reserved prefix, fit into 20 octets.
    let head = name.get(..name.len().min(lower.len())).unwrap_or_default();
    for (to, from) in lower.iter_mut().zip(head) {
        *to = from.to_ascii_lowercase();
    }
    let lower = lower.get(..head.len()).unwrap_or_default();
    if is_reserved(lower) && (head.len() == name.len() || lower.starts_with(b"grpc-")) {
        return Err(InvalidMetadata::ReservedName);
    }
    let binary_name =
        name.len() >= 4 && name.iter().rev().zip(b"nib-").all(|(a, b)| a.eq_ignore_ascii_case(b));
    match value {
        Value::Ascii(_) if binary_name => Err(InvalidMetadata::ValueKind),
        Value::Binary(_) if !binary_name => Err(InvalidMetadata::ValueKind),
        Value::Ascii(text) if !is_printable(text.as_bytes()) => Err(InvalidMetadata::AsciiValue),
        _ => Ok(()),
    }
}

/// ASCII-Value of PROTOCOL-HTTP2.md, without the spaces at the edge that RFC 9113 §8.2.1 forbids.
fn is_printable(text: &[u8]) -> bool {
    text.iter().all(|octet| (0x20..=0x7e).contains(octet))
        && text.first() != Some(&b' ')
        && text.last() != Some(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_replaced_over_and_over_does_not_grow_the_buffer() {
        let mut metadata = Metadata::new();
        for _ in 0..100 {
            metadata.insert("x-a", "1234").unwrap();
        }
        assert_eq!((metadata.len(), metadata.bytes.len()), (1, Extent::LEN + 7));
    }

    #[test]
    fn names_keep_all_their_values_in_order() {
        let mut metadata = Metadata::new();
        for value in ["one", "two"] {
            metadata.append("X-Name", value).unwrap();
        }
        let values: Vec<_> = metadata.get_all("x-name").filter_map(|field| field.as_str()).collect();
        assert_eq!(values, ["one", "two"]);
        metadata.insert("x-name", "three").unwrap();
        assert_eq!((metadata.len(), metadata.get("x-name")), (1, Some("three")));
    }

    #[test]
    fn what_may_not_be_sent_is_refused() {
        let mut metadata = Metadata::new();
        let mut refused = |name: &str, value: Value| metadata.append(name, value).unwrap_err();
        assert_eq!(refused("", "x".into()), InvalidMetadata::Name);
        assert_eq!(refused(":path", "x".into()), InvalidMetadata::Name);
        assert_eq!(refused("na me", "x".into()), InvalidMetadata::Name);
        assert_eq!(refused("grpc-status", "x".into()), InvalidMetadata::ReservedName);
        assert_eq!(refused("GRPC-anything-that-is-long", "x".into()), InvalidMetadata::ReservedName);
        assert_eq!(refused("TE", "x".into()), InvalidMetadata::ReservedName);
        assert_eq!(refused("x", "张三".into()), InvalidMetadata::AsciiValue);
        assert_eq!(refused("x", "a\r\nb: c".into()), InvalidMetadata::AsciiValue);
        assert_eq!(refused("x", " edge".into()), InvalidMetadata::AsciiValue);
        assert_eq!(refused("x-bin", "text".into()), InvalidMetadata::ValueKind);
        assert_eq!(refused("x", (&[1, 2]).into()), InvalidMetadata::ValueKind);
        assert!(metadata.is_empty());
    }

    #[test]
    fn debug_shows_no_value() {
        let mut metadata = Metadata::new();
        metadata.append("authorization", "Bearer secret").unwrap();
        assert_eq!(alloc::format!("{metadata:?}"), "[authorization: <13 bytes>]");
    }
}
