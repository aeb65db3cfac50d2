//! A channel over a transport that takes everything, for the tests inside this crate.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread::Thread;

use bytes::{Buf, Bytes};
use sailplane::call::RequestHead;
use sailplane::channel::ConnectionId;
use sailplane::stub::Driver;
use sailplane::{CallId, Config, Path, Start, Transmit};

use crate::{Client, Connector, Io, Link, StartOptions, now};

/// Takes everything; the next write does what it is told to before.
#[derive(Default)]
pub(crate) struct Sink {
    on_write: Mutex<Option<OnWrite>>,
    pub(crate) finished: Mutex<Option<Thread>>,
}

type OnWrite = Box<dyn FnOnce() + Send>;

impl Sink {
    pub(crate) fn on_write(&self, act: impl FnOnce() + Send + 'static) {
        *self.on_write.lock().unwrap() = Some(Box::new(act));
    }
}

impl Io for Sink {
    fn write(&self, transmit: &mut Transmit) -> io::Result<()> {
        let on_write = self.on_write.lock().unwrap().take();
        if let Some(on_write) = on_write {
            on_write();
        }
        transmit.advance(transmit.remaining());
        Ok(())
    }

    fn finished(&self) {
        if let Some(thread) = self.finished.lock().unwrap().take() {
            thread.unpark();
        }
    }
}

#[derive(Default)]
pub(crate) struct Net(pub(crate) Mutex<Vec<ConnectionId>>);

impl Connector for Net {
    type Io = Sink;

    fn connect(&self, _: &Arc<Client<Self>>, id: ConnectionId) {
        self.0.lock().unwrap().push(id);
    }
}

pub(crate) type World = (Arc<Client<Net>>, Arc<Link<Sink>>, Arc<dyn Driver>);

pub(crate) fn connected() -> World {
    let (client, link, call) = connecting();
    client.connected(&link);
    (client, link, call)
}

/// The same just before the connection takes calls: that one waits.
pub(crate) fn connecting() -> World {
    let client = Client::new(Net::default(), Config::default());
    let call = start(&client);
    let id = client.connector().0.lock().unwrap().pop().unwrap();
    let link = client.link(id, Sink::default(), None);
    (client, link, call)
}

pub(crate) fn start(client: &Arc<Client<Net>>) -> Arc<dyn Driver> {
    let head = RequestHead::new(Path::from_static("/a/B"), Bytes::from_static(b"x:1"));
    let start = Start { head, message: None, finished: false };
    client.start(now(), start, StartOptions::default())
}

pub(crate) const ANY: CallId = CallId::new(0, 0);
