//! Typed calls with prost messages, through the blocking channel and in one process: stub, driver, both
//! machines and a typed handler, on one thread and without a socket.

use bytes::Bytes;
use sailplane::{Call, Result, Services, blocking};
use sailplane_benches::proto::{BenchBlocking, BenchBlockingServer, BenchClient, Count, Payload, Wish};

struct Echo;

impl BenchBlocking for Echo {
    fn unary(&self, request: Payload, _: &Call) -> Result<Payload> {
        Ok(request)
    }

    fn download(&self, _: Wish, _: blocking::Sender<Payload>, _: &Call) -> Result<()> {
        Ok(())
    }

    fn upload(&self, _: blocking::Streaming<Payload>, _: &Call) -> Result<Count> {
        Ok(Count::default())
    }

    fn chat(&self, _: blocking::Streaming<Payload>, _: blocking::Sender<Payload>, _: &Call) -> Result<()> {
        Ok(())
    }
}

/// `calls` unary calls, one at a time.
pub(crate) fn unary(calls: u64) {
    let services = Services::new().service(BenchBlockingServer::new(Echo));
    let client = BenchClient::new(sailplane_blocking::Channel::in_process(services));
    let payload = Payload { body: Bytes::from_static(b"sixteen bytes ok") };
    for _ in 0..calls {
        let reply = client.unary(&payload).expect("the handler answers");
        assert_eq!(reply, payload);
    }
}
