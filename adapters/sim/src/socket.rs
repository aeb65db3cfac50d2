//! One end of a connection, as the driver writes to it.

use std::io;
use std::sync::Weak;

use sailplane::{Instant, Transmit};
use sailplane_driver::Io;

use crate::executor::lock;
use crate::network::{At, Event};
use crate::world::World;

/// The transport of one end.
pub(crate) struct Socket {
    pub(crate) world: Weak<World>,
    pub(crate) at: At,
}

impl Socket {
    fn later(&self, at: Option<Instant>, event: Event) {
        if let Some(world) = self.world.upgrade() {
            let mut network = lock(&world.network);
            let at = at.map_or(network.now, Instant::as_nanos);
            network.at(at, event);
        }
    }
}

impl Io for Socket {
    fn write(&self, transmit: &mut Transmit) -> io::Result<()> {
        let gone = || io::Error::from(io::ErrorKind::ConnectionReset);
        let world = self.world.upgrade().ok_or_else(gone)?;
        let mut network = lock(&world.network);
        let room = network.room(self.at).ok_or_else(gone)?.min(transmit.len());
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut octets = Vec::with_capacity(room);
        take(transmit, room, &mut octets);
        network.send(self.at, octets);
        Ok(())
    }

    fn want_writable(&self) {
        let Some(world) = self.world.upgrade() else { return };
        let mut network = lock(&world.network);
        let has_room = network.room(self.at).is_none_or(|room| room > 0);
        match network.connections.get_mut(&self.at.connection) {
            Some(connection) if !has_room => connection.pipes[1 - self.at.side].is_full = true,
            _ => {
                let now = network.now;
                network.at(now, Event::Writable(self.at));
            }
        }
    }

    fn timeout_earlier(&self, at: Instant) {
        self.later(Some(at), Event::Timeout(self.at));
    }

    fn calls_waiting(&self) {
        self.later(None, Event::Calls(self.at));
    }

    fn finished(&self) {
        if let Some(world) = self.world.upgrade() {
            lock(&world.network).close(self.at);
        }
    }

    fn now(&self) -> Instant {
        self.world.upgrade().map_or(Instant::MAX, |world| world.now())
    }
}

/// Moves `count` octets out of `transmit`.
fn take(transmit: &mut Transmit, count: usize, octets: &mut Vec<u8>) {
    use sailplane::bytes::Buf;
    while octets.len() < count {
        let chunk = transmit.chunk();
        let piece = chunk.len().min(count - octets.len());
        octets.extend_from_slice(&chunk[..piece]);
        transmit.advance(piece);
    }
}
