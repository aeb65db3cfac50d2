//! The `:path` of a call: `/package.Service/Method`.

use bytes::Bytes;
use core::fmt;

/// A checked request path of the form `/service/method`.
///
/// There is one canonical form, compared octet by octet: what the router matches is what
/// interceptors, logs and statistics see. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Path(Bytes);

impl Path {
    /// A path known at compile time.
    ///
    /// # Panics
    /// If `path` does not have the form `/service/method`; in a constant that is an error of compilation.
    #[must_use]
    pub const fn from_static(path: &'static str) -> Self {
        assert!(is_valid(path.as_bytes()), "a path has the form /service/method");
        Self(Bytes::from_static(path.as_bytes()))
    }

    /// Checks and takes a path.
    ///
    /// # Errors
    /// [`InvalidPath`] if it does not have the form `/service/method` in visible ASCII.
    pub fn new(path: Bytes) -> Result<Self, InvalidPath> {
        if is_valid(&path) { Ok(Self(path)) } else { Err(InvalidPath) }
    }

    /// The whole path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Checked on construction: a path is ASCII.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The octets of the path.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// `service` in `/service/method`.
    #[must_use]
    pub fn service(&self) -> &str {
        self.split().0
    }

    /// `method` in `/service/method`.
    #[must_use]
    pub fn method(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        let path = self.as_str();
        path.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')).unwrap_or(("", path))
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A path that is not `/service/method` in visible ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPath;

impl fmt::Display for InvalidPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a path must have the form /service/method")
    }
}

impl core::error::Error for InvalidPath {}

/// One slash in front, exactly one more between two non-empty parts, visible ASCII only.
#[expect(clippy::indexing_slicing, reason = "a const fn cannot iterate; the index is below the length")]
const fn is_valid(path: &[u8]) -> bool {
    let mut index = 0;
    let mut slash = 0;
    while index < path.len() {
        let octet = path[index];
        if octet <= b' ' || octet >= 0x7f {
            return false;
        }
        if octet == b'/' && index > 0 {
            if slash != 0 {
                return false;
            }
            slash = index;
        }
        index += 1;
    }
    path.len() >= 4 && path[0] == b'/' && slash > 1 && slash < path.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_service_and_method_make_a_path() {
        for good in ["/a/b", "/greet.Greeter/SayHello"] {
            assert!(Path::new(Bytes::from_static(good.as_bytes())).is_ok(), "{good}");
        }
        let bad = [
            "",
            "/",
            "//",
            "/a",
            "/a/",
            "//b",
            "a/b",
            "/a//b",
            "/a/b/",
            "/a/b/c",
            "/a /b",
            "/a/\u{7f}",
            "/张/b",
        ];
        for path in bad {
            assert!(Path::new(Bytes::from_static(path.as_bytes())).is_err(), "{path}");
        }
    }

    #[test]
    fn a_path_knows_its_parts() {
        let path = Path::from_static("/greet.Greeter/SayHello");
        assert_eq!((path.service(), path.method()), ("greet.Greeter", "SayHello"));
    }
}
