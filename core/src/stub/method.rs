//! A method's description: path, kind, and how its messages become bytes.

use bytes::Bytes;
use core::fmt;

use crate::call::{Batch, Result};

/// Who sends how many messages.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MethodKind {
    /// One request, one reply.
    Unary,
    /// One request, any number of replies.
    ServerStreaming,
    /// Any number of requests, one reply.
    ClientStreaming,
    /// Any number of both, independently.
    Bidi,
}

/// What is known of a method without its types.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MethodInfo {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// Who sends how many messages.
    pub kind: MethodKind,
}

/// Turns messages of type `T` into bytes and back.
pub trait Codec<T> {
    /// Encodes a message.
    fn encode(message: &T) -> Bytes;

    /// Encodes a message of a stream, behind those in `batch`. Worth more than the default where a small message
    /// can be written there ([`Batch::push_with`]).
    fn encode_into(message: &T, batch: &mut Batch) {
        batch.push(Self::encode(message));
    }

    /// Decodes a message.
    ///
    /// # Errors
    /// The bytes are no such message; INTERNAL.
    fn decode(bytes: Bytes) -> Result<T>;
}

/// A method: path, kind, and the codecs of its request `Q` and reply `R`. A constant of generated code.
///
/// The codecs are function pointers inside, so what is made of a method carries no bound on its types.
pub struct Method<Q, R> {
    info: MethodInfo,
    encode_request: fn(&Q) -> Bytes,
    decode_request: fn(Bytes) -> Result<Q>,
    batch_request: fn(&Q, &mut Batch),
    encode_reply: fn(&R) -> Bytes,
    decode_reply: fn(Bytes) -> Result<R>,
    batch_reply: fn(&R, &mut Batch),
}

impl<Q, R> Method<Q, R> {
    const fn new<C: Codec<Q> + Codec<R>>(path: &'static str, kind: MethodKind) -> Self {
        Self {
            info: MethodInfo { path, kind },
            encode_request: <C as Codec<Q>>::encode,
            decode_request: <C as Codec<Q>>::decode,
            batch_request: <C as Codec<Q>>::encode_into,
            encode_reply: <C as Codec<R>>::encode,
            decode_reply: <C as Codec<R>>::decode,
            batch_reply: <C as Codec<R>>::encode_into,
        }
    }

    /// A unary method with the codec `C`.
    #[must_use]
    pub const fn unary_with<C: Codec<Q> + Codec<R>>(path: &'static str) -> Self {
        Self::new::<C>(path, MethodKind::Unary)
    }

    /// A server-streaming method with the codec `C`.
    #[must_use]
    pub const fn server_streaming_with<C: Codec<Q> + Codec<R>>(path: &'static str) -> Self {
        Self::new::<C>(path, MethodKind::ServerStreaming)
    }

    /// A client-streaming method with the codec `C`.
    #[must_use]
    pub const fn client_streaming_with<C: Codec<Q> + Codec<R>>(path: &'static str) -> Self {
        Self::new::<C>(path, MethodKind::ClientStreaming)
    }

    /// A bidirectional method with the codec `C`.
    #[must_use]
    pub const fn bidi_with<C: Codec<Q> + Codec<R>>(path: &'static str) -> Self {
        Self::new::<C>(path, MethodKind::Bidi)
    }

    /// `/package.Service/Method`.
    #[must_use]
    pub const fn path(&self) -> &'static str {
        self.info.path
    }

    /// Who sends how many messages.
    #[must_use]
    pub const fn kind(&self) -> MethodKind {
        self.info.kind
    }

    /// The method without its types.
    #[must_use]
    pub const fn info(&self) -> MethodInfo {
        self.info
    }

    /// Encodes a request.
    #[must_use]
    pub fn encode(&self, request: &Q) -> Bytes {
        (self.encode_request)(request)
    }

    /// Decodes a reply.
    ///
    /// # Errors
    /// INTERNAL: the bytes are no such message.
    pub fn decode(&self, reply: Bytes) -> Result<R> {
        (self.decode_reply)(reply)
    }

    /// Encodes a reply: what a server does.
    #[must_use]
    pub fn encode_reply(&self, reply: &R) -> Bytes {
        (self.encode_reply)(reply)
    }

    /// Decodes a request: what a server does.
    ///
    /// # Errors
    /// INTERNAL: the bytes are no such message.
    pub fn decode_request(&self, request: Bytes) -> Result<Q> {
        (self.decode_request)(request)
    }

    pub(crate) const fn request_encoder(&self) -> fn(&Q, &mut Batch) {
        self.batch_request
    }

    pub(crate) const fn request_decoder(&self) -> fn(Bytes) -> Result<Q> {
        self.decode_request
    }

    pub(crate) const fn reply_encoder(&self) -> fn(&R, &mut Batch) {
        self.batch_reply
    }

    pub(crate) const fn reply_decoder(&self) -> fn(Bytes) -> Result<R> {
        self.decode_reply
    }
}

impl<Q, R> Clone for Method<Q, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q, R> Copy for Method<Q, R> {}

impl<Q, R> fmt::Debug for Method<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info.fmt(f)
    }
}

#[cfg(feature = "prost")]
mod protobuf {
    use super::{Codec, Method, MethodKind};
    use crate::call::spare::{Buffer, LARGE};
    use crate::call::{Batch, Code, Result, ResultExt as _};
    use bytes::Bytes;
    use prost::Message;

    /// Protobuf by `prost`.
    #[derive(Clone, Copy, Debug)]
    pub struct Prost;

    impl<T: Message + Default> Codec<T> for Prost {
        /// One allocation of exactly the encoded length; none for an empty message, and for a large one if there is
        /// a spare buffer.
        fn encode(message: &T) -> Bytes {
            let octets = message.encoded_len();
            if octets < LARGE {
                return Bytes::from(message.encode_to_vec());
            }
            let mut buffer = Buffer::spare(octets).unwrap_or_else(|| Buffer::new(octets));
            // It grows without a bound.
            let encoded = message.encode(buffer.bytes());
            debug_assert!(encoded.is_ok(), "{encoded:?}");
            buffer.freeze()
        }

        fn encode_into(message: &T, batch: &mut Batch) {
            let octets = message.encoded_len();
            if octets >= Batch::SMALL {
                return batch.push(Self::encode(message));
            }
            // A vector has room for everything.
            batch.push_with(octets, |out| _ = message.encode(out));
        }

        fn decode(bytes: Bytes) -> Result<T> {
            T::decode(bytes).or_status(Code::Internal, "a message could not be decoded")
        }
    }

    impl<Q: Message + Default, R: Message + Default> Method<Q, R> {
        /// A unary method of protobuf messages.
        #[must_use]
        pub const fn unary(path: &'static str) -> Self {
            Self::new::<Prost>(path, MethodKind::Unary)
        }

        /// A server-streaming method of protobuf messages.
        #[must_use]
        pub const fn server_streaming(path: &'static str) -> Self {
            Self::new::<Prost>(path, MethodKind::ServerStreaming)
        }

        /// A client-streaming method of protobuf messages.
        #[must_use]
        pub const fn client_streaming(path: &'static str) -> Self {
            Self::new::<Prost>(path, MethodKind::ClientStreaming)
        }

        /// A bidirectional method of protobuf messages.
        #[must_use]
        pub const fn bidi(path: &'static str) -> Self {
            Self::new::<Prost>(path, MethodKind::Bidi)
        }
    }
}

#[cfg(feature = "prost")]
pub use protobuf::Prost;
