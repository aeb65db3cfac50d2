//! What a server is told to listen on.

use std::io;
use std::net::ToSocketAddrs;

use sailplane_driver::LocalAddress;

/// What `text` names, in the order to be tried: `host:port` or `unix:path`.
pub(crate) fn parse(text: &str) -> io::Result<Vec<LocalAddress>> {
    if let Some(path) = LocalAddress::unix_path(text) {
        return Ok(vec![LocalAddress::Unix(path)]);
    }
    Ok(text.to_socket_addrs()?.map(LocalAddress::Tcp).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_a_target() {
        for (text, target) in
            [("127.0.0.1:80", "127.0.0.1:80"), ("unix:///a/b", "unix:/a/b"), ("unix:b", "unix:b")]
        {
            assert_eq!(parse(text).unwrap()[0].to_string(), target);
        }
        assert!(parse("nothing").is_err());
    }
}
