//! The task that takes new connections in.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use async_io::Timer;
use futures_lite::future;
use sailplane_driver::Link;

use crate::address::Listener;
use crate::connection;
use crate::socket::Socket;
use crate::spawner::Spawner;
use crate::state::State;

/// How long nothing is accepted after an error that is not the peer's, at first and at most.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Connections that are taken in before other tasks get their turn.
const AT_ONCE: usize = 32;

/// Takes connections in until the server shuts down; then the listener closes.
pub(crate) async fn accept(listener: Listener, state: Arc<State>, spawner: Spawner) {
    let closing = state.closing();
    let accept = async {
        let mut pause = PAUSE_MIN;
        let mut count = 0;
        loop {
            match accept_one(&listener, &state, &spawner).await {
                Ok(()) => pause = PAUSE_MIN,
                Err(error) if is_of_peer(&error) => {}
                Err(_) => {
                    // Out of descriptors or memory: the next attempt would fail as well.
                    Timer::after(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
            count += 1;
            if count % AT_ONCE == 0 {
                future::yield_now().await;
            }
        }
    };
    future::or(closing, accept).await;
}

async fn accept_one(listener: &Listener, state: &Arc<State>, spawner: &Spawner) -> io::Result<()> {
    let room = state.room().await;
    let shaking = state.room_to_shake().await;
    let (stream, address) = listener.accept().await?;
    let link = Link::server_with_permit(Socket::new(stream), &state.config(address), shaking);
    let Some(guest) = state.enter(&link, room) else { return Ok(()) };
    let handlers = Arc::clone(state.handlers());
    spawner.spawn(Box::pin(async move {
        connection::serve(link, Some(handlers)).await;
        drop(guest);
    }));
    Ok(())
}

/// Whether the connection ended before it was accepted.
fn is_of_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
            | ErrorKind::NotConnected
            | ErrorKind::InvalidInput
    )
}
