//! What a server knows beside its connections: where a path leads.

use alloc::vec::Vec;
use hashbrown::HashTable;

/// Methods by path, compared octet by octet: found by hash, without an allocation.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    entries: Vec<Entry>,
    /// Indices of `entries`.
    by_path: HashTable<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    path: &'static str,
    target: Target,
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The number of the service, in the order of the server's list.
    pub service: usize,
    /// The number of the method in its service.
    pub method: usize,
}

impl Routes {
    /// `path` leads to `target` from now on.
    pub fn insert(&mut self, path: &'static str, target: Target) {
        let entries = &mut self.entries;
        let hash = hash(path.as_bytes());
        let known = self.by_path.find(hash, |index| path_of(entries, *index) == path.as_bytes());
        if let Some(entry) = known.and_then(|index| entries.get_mut(*index)) {
            entry.target = target;
            return;
        }
        let index = entries.len();
        entries.push(Entry { path, target });
        self.by_path.insert_unique(hash, index, |index| self::hash(path_of(entries, *index)));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.by_path.clear();
    }

    /// Where `path` leads.
    #[must_use]
    pub fn find(&self, path: &[u8]) -> Option<Target> {
        let index = self.by_path.find(hash(path), |index| path_of(&self.entries, *index) == path)?;
        self.entries.get(*index).map(|entry| entry.target)
    }
}

fn path_of(entries: &[Entry], index: usize) -> &[u8] {
    entries.get(index).map_or(&[], |entry| entry.path.as_bytes())
}

/// FNV-1a. The keys are constants of the program: a peer can look up, but not insert.
fn hash(path: &[u8]) -> u64 {
    let step = |hash: u64, octet: &u8| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
    path.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_last_target_and_no_other_does() {
        let target = |method| Target { service: 0, method };
        let mut routes = Routes::default();
        for (method, path) in ["/a.B/C", "/a.B/D", "/a.B/C"].into_iter().enumerate() {
            routes.insert(path, target(method));
        }
        assert_eq!(routes.find(b"/a.B/C"), Some(target(2)));
        assert_eq!(routes.find(b"/a.B/D"), Some(target(1)));
        for other in ["/a.B/c", "/a.B/C/", "//a.B/C", "a.B/C", ""] {
            assert_eq!(routes.find(other.as_bytes()), None);
        }
    }
}
