//! Loads of the stacks on tokio: a task for each call that is in flight, on a runtime of one thread.

use tokio::runtime;
use tokio::task::JoinSet;

use crate::Error;
use crate::load::Load;

/// Makes the connections of `load`, and has `work` done on each as often at once as there are calls in flight.
///
/// # Errors
/// The first of a connection or of `work`.
pub fn run<C: Clone, W>(
    load: &Load,
    connect: impl AsyncFn() -> Result<C, Error>,
    work: impl Fn(C) -> W,
) -> Result<(), Error>
where
    W: Future<Output = Result<(), Error>> + Send + 'static,
{
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..load.connections {
            let connection = connect().await?;
            for _ in 0..load.in_flight {
                tasks.spawn(work(connection.clone()));
            }
        }
        while let Some(result) = tasks.join_next().await {
            result??;
        }
        Ok(())
    })
}
