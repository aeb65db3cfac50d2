//! Calls that block: a thread for each that is in flight.

use std::iter::repeat_n;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sailplane::{Blocking, Channel, Stub as _};
use sailplane_benches::Error;
use sailplane_benches::load::{Load, LoadKind};
use sailplane_benches::meter::Meter;
use sailplane_benches::program::ClientKind;
use sailplane_benches::proto::{BenchClient, Payload, Wish};

/// A channel whose calls block.
pub(crate) struct Client<C> {
    name: &'static str,
    connect: fn(SocketAddr) -> Result<C, Error>,
}

/// A socket that the callers drive.
pub(crate) const BLOCKING: Client<sailplane_blocking::Channel> = Client {
    name: "blocking",
    connect: |address| Ok(sailplane_blocking::Channel::plaintext(address.to_string())?),
};

/// A connection that threads share.
pub(crate) const THREADS: Client<sailplane_threads::Channel> = Client {
    name: "threads",
    connect: |address| Ok(sailplane_threads::Channel::plaintext(address.to_string())?),
};

impl<C: Channel<Mode = Blocking> + Clone + Send + 'static> ClientKind for Client<C> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&self, address: SocketAddr, load: &Load, meter: &Arc<Meter>) -> Result<(), Error> {
        let mut workers = Vec::new();
        for _ in 0..load.connections {
            let client = BenchClient::new((self.connect)(address)?);
            for _ in 0..load.in_flight {
                let (client, load, meter) = (client.clone(), *load, Arc::clone(meter));
                workers.push(thread::spawn(move || work(&client, &load, &meter)));
            }
        }
        for worker in workers {
            worker.join().map_err(|_| "a worker panicked")??;
        }
        Ok(())
    }
}

fn work<C>(client: &BenchClient<C>, load: &Load, meter: &Meter) -> Result<(), Error>
where
    C: Channel<Mode = Blocking> + Clone,
{
    let timely = client.with_timeout(Duration::from_secs(60));
    let payload = Payload { body: Bytes::from(vec![0; load.size]) };
    let expect = |reply: &Payload| if reply.body.len() == load.size { Ok(()) } else { Err("another reply") };
    match load.kind {
        LoadKind::Unary => loop {
            expect(&timely.unary(&payload)?)?;
            meter.add(1);
        },
        LoadKind::Latency => loop {
            let started = Instant::now();
            expect(&timely.unary(&payload)?)?;
            meter.add_timed(started.elapsed());
        },
        LoadKind::Download => {
            let wish = Wish { size: u64::try_from(load.size)?, count: u64::MAX };
            for reply in client.download(&wish) {
                expect(&reply?)?;
                meter.add(1);
            }
        }
        // The messages come from an iterator: what tonic's client is given as a stream.
        LoadKind::Upload => {
            client.upload().finish_with(repeat_n(payload, usize::MAX).inspect(|_| meter.add(1)))?;
        }
        LoadKind::Chat => {
            let (mut requests, replies) = client.chat();
            thread::spawn(move || requests.send_all(repeat_n(payload, usize::MAX)));
            for reply in replies {
                expect(&reply?)?;
                meter.add(1);
            }
        }
    }
    Err("the server ended a stream".into())
}
