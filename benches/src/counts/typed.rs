//! Typed calls with prost messages, in one process: stub, driver, both machines and a typed handler. One at a time
//! through the blocking channel, on one thread and without a socket; many at a time through smol, as tasks of one
//! executor with both ends of the connection, over a Unix socket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sailplane::{Blocking, Channel, Services, Stub as _};
use sailplane_benches::proto::{BenchBlockingServer, BenchClient, BenchServer, Payload};
use sailplane_benches::service::Echo;

const PAYLOAD: Payload = Payload { body: Bytes::from_static(b"sixteen bytes ok") };

/// `calls` unary calls, one at a time.
pub(crate) fn unary(calls: u64) {
    let services = Services::new().service(BenchBlockingServer::new(Echo));
    ask_blocking(&BenchClient::new(sailplane_blocking::Channel::in_process(services)), calls);
}

/// `calls` unary calls with a deadline, `in_flight` at a time.
pub(crate) fn unary_async(calls: u64, in_flight: u64) {
    let executor = Arc::new(smol::Executor::new());
    let services = Services::new().service(BenchServer::new(Echo));
    let client = BenchClient::new(sailplane_smol::Channel::in_process(services).on(&executor))
        .with_timeout(Duration::from_secs(60));
    ask_async(&client, &executor, calls, in_flight);
}

/// Makes the calls, one at a time.
pub(crate) fn ask_blocking<C: Channel<Mode = Blocking> + Clone>(client: &BenchClient<C>, calls: u64) {
    for _ in 0..calls {
        let reply = client.unary(&PAYLOAD).expect("the handler answers");
        assert_eq!(reply, PAYLOAD);
    }
}

/// Makes the calls, `in_flight` at a time, each in turn by a task of its own.
pub(crate) fn ask_async(
    client: &BenchClient<sailplane_smol::Channel>,
    executor: &smol::Executor<'static>,
    calls: u64,
    in_flight: u64,
) {
    let work = |client: BenchClient<sailplane_smol::Channel>| async move {
        for _ in 0..calls / in_flight {
            let reply = client.unary(&PAYLOAD).await.expect("the handler answers");
            assert_eq!(reply, PAYLOAD);
        }
    };
    let tasks: Vec<_> = (0..in_flight).map(|_| executor.spawn(work(client.clone()))).collect();
    smol::block_on(executor.run(async {
        for task in tasks {
            task.await;
        }
    }));
}
