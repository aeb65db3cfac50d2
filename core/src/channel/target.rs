//! Where a channel goes: the grammar of targets (gRPC naming), and the `:authority` that follows from one.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::str::FromStr;

/// A parsed target: `host:port`, `dns:///host:port`, `ipv4:address:port,…`, `ipv6:[address]:port,…`,
/// `unix:path` or `unix:///absolute/path`.
///
/// ```
/// use sailplane::channel::{Endpoint, Target};
///
/// let target: Target = "localhost:50051".parse().unwrap();
/// assert_eq!(target.authority(), "localhost:50051");
/// assert_eq!(*target.endpoint(), Endpoint::Name { host: "localhost".into(), port: 50051 });
/// assert_eq!(
///     "localhost".parse::<Target>().unwrap_err().to_string(),
///     "invalid target `localhost`: the port is missing: write `localhost:50051`"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    text: Arc<str>,
    authority: Bytes,
    endpoint: Endpoint,
}

/// What a target names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// A name to resolve.
    Name {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// Addresses, to be tried in this order; at least one.
    Addresses(Vec<SocketAddr>),
    /// The path of a Unix socket.
    Unix(String),
}

/// A target that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTarget {
    target: String,
    reason: String,
}

impl Target {
    /// The target as it was written.
    #[must_use]
    pub const fn as_str(&self) -> &Arc<str> {
        &self.text
    }

    /// `:authority` of the calls to this target.
    #[must_use]
    pub const fn authority(&self) -> &Bytes {
        &self.authority
    }

    /// What it names.
    #[must_use]
    pub const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn new(text: &str, authority: String, endpoint: Endpoint) -> Self {
        Self { text: text.into(), authority: authority.into(), endpoint }
    }
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        parse(text).map_err(|reason| InvalidTarget { target: text.into(), reason })
    }
}

impl TryFrom<&str> for Target {
    type Error = InvalidTarget;

    fn try_from(text: &str) -> Result<Self, InvalidTarget> {
        text.parse()
    }
}

impl TryFrom<String> for Target {
    type Error = InvalidTarget;

    fn try_from(text: String) -> Result<Self, InvalidTarget> {
        text.parse()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for InvalidTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid target `{}`: {}", self.target, self.reason)
    }
}

impl core::error::Error for InvalidTarget {}

fn parse(text: &str) -> Result<Target, String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if let Some(rest) = text.strip_prefix("unix:") {
        return unix(text, rest);
    }
    if let Some(rest) = text.strip_prefix("ipv4:") {
        return addresses(text, rest, IpAddr::is_ipv4, "an IPv4 address and port: `127.0.0.1:50051`");
    }
    if let Some(rest) = text.strip_prefix("ipv6:") {
        return addresses(text, rest, IpAddr::is_ipv6, "an IPv6 address and port: `[::1]:50051`");
    }
    if let Some(rest) = text.strip_prefix("dns:") {
        return name(text, dns_path(rest)?);
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(unknown_scheme(scheme, rest));
    }
    name(text, text)
}

fn unknown_scheme(scheme: &str, rest: &str) -> String {
    match scheme {
        "http" | "https" | "grpc" | "grpcs" => {
            let host = rest.split('/').next().unwrap_or(rest);
            alloc::format!("a target has no `{scheme}://`: write `{host}`")
        }
        _ => alloc::format!("there is no scheme `{scheme}`: use `dns`, `ipv4`, `ipv6` or `unix`"),
    }
}

/// `dns:host:port`, `dns:///host:port`; what stands between the second and third slash is a DNS server.
fn dns_path(rest: &str) -> Result<&str, String> {
    let Some(after) = rest.strip_prefix("//") else { return Ok(rest) };
    match after.split_once('/') {
        Some(("", path)) => Ok(path),
        Some((server, _)) => Err(alloc::format!("a DNS server of one's own (`{server}`) is not supported")),
        None => Err(alloc::format!("a slash is missing: write `dns:///{after}`")),
    }
}

fn unix(text: &str, rest: &str) -> Result<Target, String> {
    let path = match rest.strip_prefix("//") {
        Some(absolute) if absolute.starts_with('/') => absolute,
        Some(_) => return Err("after `unix://` the path must be absolute: `unix:///run/x.sock`".into()),
        None => rest,
    };
    if path.is_empty() {
        return Err("the path of the socket is missing".into());
    }
    if path.contains('\0') {
        return Err("a path has no NUL".into());
    }
    Ok(Target::new(text, "localhost".into(), Endpoint::Unix(path.into())))
}

fn addresses(text: &str, rest: &str, family: fn(&IpAddr) -> bool, expected: &str) -> Result<Target, String> {
    let parsed: Result<Vec<SocketAddr>, String> = rest
        .split(',')
        .map(|part| match part.parse::<SocketAddr>() {
            Ok(address) if family(&address.ip()) => Ok(address),
            _ => Err(alloc::format!("`{part}` is not {expected}")),
        })
        .collect();
    let parsed = parsed?;
    let authority = parsed.first().map(ToString::to_string).unwrap_or_default();
    Ok(Target::new(text, authority, Endpoint::Addresses(parsed)))
}

fn name(text: &str, path: &str) -> Result<Target, String> {
    if let Ok(address) = path.parse::<SocketAddr>() {
        return Ok(Target::new(text, path.into(), Endpoint::Addresses(alloc::vec![address])));
    }
    if path.parse::<Ipv6Addr>().is_ok() || path.matches(':').count() > 1 {
        return Err("an IPv6 address needs brackets and a port: `[::1]:50051`".into());
    }
    let Some((host, port)) = path.rsplit_once(':') else {
        return Err(alloc::format!("the port is missing: write `{path}:50051`"));
    };
    if host.is_empty() {
        return Err("the host is missing".into());
    }
    if let Some(bad) = host.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_')) {
        return Err(alloc::format!("a host name has no `{bad}`"));
    }
    let port = match port.parse::<u16>() {
        Ok(number) if number > 0 && !port.starts_with('+') => number,
        _ => return Err(alloc::format!("`{port}` is not a port: a number from 1 to 65535")),
    };
    Ok(Target::new(text, path.into(), Endpoint::Name { host: host.into(), port }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, authority: &str, endpoint: Endpoint) {
        let target: Target = text.parse().unwrap();
        assert_eq!(target.authority(), authority);
        assert_eq!(*target.endpoint(), endpoint);
        assert_eq!(target.to_string(), text);
    }

    #[track_caller]
    fn refuse(text: &str, reason: &str) {
        let error = text.parse::<Target>().unwrap_err();
        assert_eq!(error.reason, reason, "{text}");
    }

    #[test]
    fn every_form_is_understood() {
        let name = || Endpoint::Name { host: "api.example.com".into(), port: 443 };
        check("api.example.com:443", "api.example.com:443", name());
        check("dns:///api.example.com:443", "api.example.com:443", name());
        check("dns:api.example.com:443", "api.example.com:443", name());
        let addresses =
            |list: &[&str]| Endpoint::Addresses(list.iter().map(|a| a.parse().unwrap()).collect());
        check("127.0.0.1:80", "127.0.0.1:80", addresses(&["127.0.0.1:80"]));
        check("[::1]:80", "[::1]:80", addresses(&["[::1]:80"]));
        check("ipv4:1.2.3.4:5,6.7.8.9:10", "1.2.3.4:5", addresses(&["1.2.3.4:5", "6.7.8.9:10"]));
        check("ipv6:[::1]:80", "[::1]:80", addresses(&["[::1]:80"]));
        check("unix:x.sock", "localhost", Endpoint::Unix("x.sock".into()));
        check("unix:/run/x.sock", "localhost", Endpoint::Unix("/run/x.sock".into()));
        check("unix:///run/x.sock", "localhost", Endpoint::Unix("/run/x.sock".into()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        refuse("", "it is empty");
        refuse("localhost", "the port is missing: write `localhost:50051`");
        refuse("localhost:", "`` is not a port: a number from 1 to 65535");
        refuse("localhost:0", "`0` is not a port: a number from 1 to 65535");
        refuse("localhost:http", "`http` is not a port: a number from 1 to 65535");
        refuse(":80", "the host is missing");
        refuse("a b:80", "a host name has no ` `");
        refuse("::1:80", "an IPv6 address needs brackets and a port: `[::1]:50051`");
        refuse("http://api:80/x", "a target has no `http://`: write `api:80`");
        refuse("xds:///api", "there is no scheme `xds`: use `dns`, `ipv4`, `ipv6` or `unix`");
        refuse("dns://8.8.8.8/api:80", "a DNS server of one's own (`8.8.8.8`) is not supported");
        refuse("dns://api:80", "a slash is missing: write `dns:///api:80`");
        refuse("ipv4:api:80", "`api:80` is not an IPv4 address and port: `127.0.0.1:50051`");
        refuse("ipv4:[::1]:80", "`[::1]:80` is not an IPv4 address and port: `127.0.0.1:50051`");
        refuse("unix:", "the path of the socket is missing");
        refuse("unix://run/x", "after `unix://` the path must be absolute: `unix:///run/x.sock`");
    }
}
