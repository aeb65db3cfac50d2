//! Statuses for calls that ended without a `grpc-status`.

use alloc::format;

use crate::call::{Code, Phase, Status};
use crate::error::ErrorCode;

/// The code for an HTTP status (doc/http-grpc-status-mapping.md). Only for responses without `grpc-status`.
#[must_use]
pub const fn from_http_status(http: u16) -> Code {
    match http {
        400 | 431 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// The code for a stream that the peer reset (PROTOCOL-HTTP2.md, "Errors").
#[must_use]
pub const fn from_reset(code: ErrorCode) -> Code {
    match code {
        ErrorCode::NO_ERROR
        | ErrorCode::PROTOCOL_ERROR
        | ErrorCode::INTERNAL_ERROR
        | ErrorCode::FLOW_CONTROL_ERROR
        | ErrorCode::SETTINGS_TIMEOUT
        | ErrorCode::FRAME_SIZE_ERROR
        | ErrorCode::COMPRESSION_ERROR
        | ErrorCode::CONNECT_ERROR => Code::Internal,
        ErrorCode::REFUSED_STREAM => Code::Unavailable,
        ErrorCode::CANCEL => Code::Cancelled,
        ErrorCode::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
        ErrorCode::INADEQUATE_SECURITY => Code::PermissionDenied,
        _ => Code::Unknown,
    }
}

/// The status of a stream that the peer reset.
#[must_use]
pub fn reset_status(code: ErrorCode) -> Status {
    Status::transport(from_reset(code), Phase::Stream, format!("the peer reset the stream: {code}"))
        .with_http2_code(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_statuses_map_as_the_document_says() {
        let table = [
            (200, Code::Unknown),
            (400, Code::Internal),
            (401, Code::Unauthenticated),
            (403, Code::PermissionDenied),
            (404, Code::Unimplemented),
            (418, Code::Unknown),
            (429, Code::Unavailable),
            (431, Code::Internal),
            (500, Code::Unknown),
            (502, Code::Unavailable),
            (503, Code::Unavailable),
            (504, Code::Unavailable),
        ];
        for (http, code) in table {
            assert_eq!(from_http_status(http), code, "{http}");
        }
    }

    #[test]
    fn resets_map_as_the_document_says() {
        let table = [
            (0x0, Code::Internal),
            (0x1, Code::Internal),
            (0x7, Code::Unavailable),
            (0x8, Code::Cancelled),
            (0xb, Code::ResourceExhausted),
            (0xc, Code::PermissionDenied),
            (0xd, Code::Unknown),
            (0xff, Code::Unknown),
        ];
        for (code, expected) in table {
            assert_eq!(from_reset(ErrorCode(code)), expected);
        }
    }
}
