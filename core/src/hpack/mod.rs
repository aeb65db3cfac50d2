//! Header blocks ⇄ field lists (RFC 7541).
//!
//! A [`Decoder`] turns the block of one HEADERS frame and its CONTINUATIONs into a [`FieldList`], an
//! [`Encoder`] appends fields to a block. One of each belongs to a connection, for as long as it
//! lives. Known names become [`Token`]s on the way, and nothing is allocated once the buffers have
//! grown to what the connection needs.
//!
//! ```
//! use sailplane::hpack::{DecodeLimits, Decoder, Encoder, FieldList, Indexing, Token};
//!
//! let mut encoder = Encoder::new();
//! let mut block = Vec::new();
//! encoder.begin(&mut block);
//! encoder.field(&mut block, Token::Method, b"POST", Indexing::Indexed);
//! encoder.field(&mut block, Token::Path, b"/echo.Echo/Unary", Indexing::Indexed);
//! encoder.literal(&mut block, b"x-secret", b"1234", Indexing::Never);
//!
//! let mut decoder = Decoder::new(4096);
//! let limits = DecodeLimits {
//!     header_list_bytes_max: 16 * 1024,
//!     fields_max: 128,
//!     decode_bytes_max: 64 * 1024,
//! };
//! let mut fields = FieldList::new();
//! decoder.decode(&block, &limits, &mut fields)?;
//! assert_eq!(fields.get(Token::Path), Some(&b"/echo.Echo/Unary"[..]));
//! assert!(fields.iter().last().is_some_and(|field| field.never_indexed));
//! # Ok::<(), sailplane::hpack::DecodeError>(())
//! ```
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::unwrap_used))]

mod block_memo;
mod byte_queue;
mod decode_error;
mod decoder;
mod dynamic_table;
mod encoder;
mod encoder_index;
mod field_list;
mod huffman;
mod huffman_table;
mod integer;
mod path_cache;
mod repeat;
mod resting;
mod static_table;
mod string;
mod token;

pub(crate) use block_memo::Stamp;
pub use decode_error::DecodeError;
pub(crate) use decoder::RestingDecoder;
pub use decoder::{DecodeLimits, Decoder};
pub(crate) use encoder::RestingEncoder;
pub use encoder::{Encoder, Indexing};
pub use field_list::{Field, FieldList};
pub(crate) use repeat::Repeat;
pub use token::Token;

#[cfg(test)]
mod tests;
