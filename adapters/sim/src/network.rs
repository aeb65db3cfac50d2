//! What the network is like, what is on its way, and what happens when.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use sailplane::channel::ConnectionId;
use sailplane::limits::Budget;
use sailplane::{Limits, Services};
use sailplane_driver::{Client, Link};

use crate::channel::Connector;
use crate::socket::Socket;

/// Octets on their way in one direction above which a transport takes no more.
const PIPE_BYTES: usize = 256 * 1024;

/// The end of a connection that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) connection: u64,
    /// [`CLIENT`] or [`SERVER`].
    pub(crate) side: usize,
}

pub(crate) const CLIENT: usize = 0;
pub(crate) const SERVER: usize = 1;

impl At {
    pub(crate) const fn other(self) -> Self {
        Self { connection: self.connection, side: 1 - self.side }
    }
}

/// Something that happens at its time.
pub(crate) enum Event {
    /// Octets, or the end, may arrive at this end.
    Arrive(At),
    /// The transport of this end may take octets.
    Writable(At),
    /// The timeout of this end may have passed.
    Timeout(At),
    /// This end has calls that were not handed out.
    Calls(At),
    /// An attempt to connect has a result.
    Connect {
        client: Weak<Client<Connector>>,
        id: ConnectionId,
        /// Nothing was heard for as long as an attempt may take.
        late: bool,
    },
    /// The timeout of this channel may have passed.
    Channel(Weak<Client<Connector>>),
    /// Somebody sleeps until now.
    Wake(Waker),
}

struct Timed {
    at: u64,
    order: u64,
    event: Event,
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Timed {}

impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timed {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// A server's place in the network.
pub(crate) struct Host {
    pub(crate) services: Services,
    pub(crate) limits: Arc<Limits>,
    pub(crate) memory: Budget,
    pub(crate) is_up: bool,
    /// Nothing of it arrives anywhere, and nothing there.
    pub(crate) is_partitioned: bool,
    pub(crate) latency: (Duration, Duration),
}

/// One direction of a connection.
#[derive(Default)]
pub(crate) struct Pipe {
    /// Octets, and when they arrive.
    octets: VecDeque<(u64, Vec<u8>)>,
    held: usize,
    /// When the last octet arrives.
    last: u64,
    /// The writer closed it; when that arrives.
    end: Option<u64>,
    /// The writer waits for room.
    pub(crate) is_full: bool,
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) host: String,
    /// None where that end is gone.
    pub(crate) links: [Option<Arc<Link<Socket>>>; 2],
    /// What each side is sent.
    pub(crate) pipes: [Pipe; 2],
}

/// What arrived.
pub(crate) enum Arrival {
    Octets(Vec<u8>),
    End,
    /// Not before this time.
    Later(u64),
    Nothing,
}

pub(crate) struct Network {
    pub(crate) now: u64,
    random: u64,
    order: u64,
    events: BinaryHeap<Reverse<Timed>>,
    pub(crate) hosts: BTreeMap<String, Host>,
    pub(crate) connections: BTreeMap<u64, Connection>,
    pub(crate) next_connection: u64,
    pub(crate) latency: (Duration, Duration),
}

impl Network {
    pub(crate) fn new(seed: u64, now: u64) -> Self {
        Self {
            now,
            random: seed,
            order: 0,
            events: BinaryHeap::new(),
            hosts: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_connection: 0,
            latency: (Duration::from_millis(1), Duration::from_millis(1)),
        }
    }

    /// A number that the seed decides: splitmix64.
    pub(crate) const fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Lets something happen at a time, not before now.
    pub(crate) fn at(&mut self, at: u64, event: Event) {
        self.order += 1;
        self.events.push(Reverse(Timed { at: at.max(self.now), order: self.order, event }));
    }

    /// What happens next. Time moves there.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let Reverse(Timed { at, event, .. }) = self.events.pop()?;
        self.now = self.now.max(at);
        Some(event)
    }

    /// How long something is on its way to or from `host`.
    pub(crate) fn delay(&mut self, host: &str) -> u64 {
        let (least, most) = self.hosts.get(host).map_or(self.latency, |host| host.latency);
        let (least, most) = (nanos(least), nanos(most));
        least + self.random() % (most.saturating_sub(least) + 1)
    }

    pub(crate) fn is_partitioned(&self, host: &str) -> bool {
        self.hosts.get(host).is_some_and(|host| host.is_partitioned)
    }

    /// Room for octets from this end. None: the other end is gone.
    pub(crate) fn room(&mut self, from: At) -> Option<usize> {
        let connection = self.connections.get_mut(&from.connection)?;
        connection.links[1 - from.side].as_ref()?;
        Some(PIPE_BYTES.saturating_sub(connection.pipes[1 - from.side].held))
    }

    /// Octets leave this end.
    pub(crate) fn send(&mut self, from: At, octets: Vec<u8>) {
        let Some(host) = self.connections.get(&from.connection).map(|it| it.host.clone()) else { return };
        let arrives = self.now + self.delay(&host);
        let Some(connection) = self.connections.get_mut(&from.connection) else { return };
        let pipe = &mut connection.pipes[1 - from.side];
        pipe.last = pipe.last.max(arrives);
        pipe.held += octets.len();
        let at = pipe.last;
        pipe.octets.push_back((at, octets));
        self.at(at, Event::Arrive(from.other()));
    }

    /// This end is done with the connection.
    pub(crate) fn close(&mut self, end: At) {
        let Some(host) = self.connections.get(&end.connection).map(|it| it.host.clone()) else { return };
        let arrives = self.now + self.delay(&host);
        let Some(connection) = self.connections.get_mut(&end.connection) else { return };
        connection.links[end.side] = None;
        if connection.links.iter().all(Option::is_none) {
            self.connections.remove(&end.connection);
            return;
        }
        let pipe = &mut connection.pipes[1 - end.side];
        pipe.last = pipe.last.max(arrives);
        let at = pipe.last;
        pipe.end = Some(at);
        self.at(at, Event::Arrive(end.other()));
    }

    /// What has arrived at this end.
    pub(crate) fn take(&mut self, to: At) -> Arrival {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&to.connection) else { return Arrival::Nothing };
        let is_partitioned = self.hosts.get(&connection.host).is_some_and(|host| host.is_partitioned);
        if is_partitioned {
            // It is looked at again when the partition heals.
            return Arrival::Nothing;
        }
        let pipe = &mut connection.pipes[to.side];
        match pipe.octets.front() {
            Some((at, _)) if *at > now => return Arrival::Later(*at),
            Some(_) => {}
            None => {
                return match pipe.end {
                    Some(at) if at <= now => Arrival::End,
                    Some(at) => Arrival::Later(at),
                    None => Arrival::Nothing,
                };
            }
        }
        let mut octets = Vec::new();
        while pipe.octets.front().is_some_and(|(at, _)| *at <= now) {
            octets.extend(pipe.octets.pop_front().into_iter().flat_map(|(_, octets)| octets));
        }
        pipe.held -= octets.len();
        if std::mem::take(&mut pipe.is_full) {
            self.at(now, Event::Writable(to.other()));
        }
        Arrival::Octets(octets)
    }

    /// The link of an end, if it is there.
    pub(crate) fn link(&self, at: At) -> Option<Arc<Link<Socket>>> {
        self.connections.get(&at.connection)?.links[at.side].clone()
    }

    /// Takes all connections with `host` away; their links.
    pub(crate) fn cut(&mut self, host: &str) -> Vec<Arc<Link<Socket>>> {
        let mine = self.connections.iter().filter(|(_, connection)| connection.host == host);
        let numbers: Vec<u64> = mine.map(|(number, _)| *number).collect();
        let cut = numbers.into_iter().filter_map(|number| self.connections.remove(&number));
        cut.flat_map(|connection| connection.links).flatten().collect()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4)
}
