//! `content-type: application/grpc[+codec][;parameters]` (PROTOCOL-HTTP2.md).

/// What both roles send.
pub const GRPC: &[u8] = b"application/grpc";

/// Whether a content type is one of gRPC over HTTP/2: `application/grpc`, alone or followed by
/// `+codec` or parameters. `application/grpc-web` is another protocol.
#[must_use]
pub fn is_grpc(content_type: &[u8]) -> bool {
    let Some((head, rest)) = content_type.split_at_checked(GRPC.len()) else { return false };
    (head == GRPC || head.eq_ignore_ascii_case(GRPC)) && matches!(rest.first(), None | Some(b'+' | b';'))
}

#[cfg(test)]
mod tests {
    use super::is_grpc;

    #[test]
    fn only_grpc_is_grpc() {
        for good in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc+json",
            "application/grpc;a=b",
            "Application/GRPC",
        ] {
            assert!(is_grpc(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "text/html",
            "application/grp",
            "application/grpc-web",
            "application/grpcx",
            "application/json",
        ] {
            assert!(!is_grpc(bad.as_bytes()), "{bad}");
        }
    }
}
