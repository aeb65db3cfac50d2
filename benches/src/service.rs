//! The service, async and blocking: typed handlers as an application writes them.

use bytes::Bytes;
use sailplane::{Call, Result, Sender, Streaming, blocking};

use crate::proto::{Bench, BenchBlocking, Count, Payload, Wish};

/// Answers with what it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Echo;

/// The payloads that are wished for.
fn payloads(wish: Wish) -> impl Iterator<Item = Payload> {
    let body = Bytes::from(vec![0; usize::try_from(wish.size).unwrap_or_default()]);
    (0..wish.count).map(move |_| Payload { body: body.clone() })
}

impl Bench for Echo {
    async fn unary(&self, request: Payload, _: &Call) -> Result<Payload> {
        Ok(request)
    }

    async fn download(&self, wish: Wish, mut replies: Sender<Payload>, _: &Call) -> Result<()> {
        Ok(replies.send_all(payloads(wish)).await?)
    }

    async fn upload(&self, mut requests: Streaming<Payload>, _: &Call) -> Result<Count> {
        let mut count = 0;
        while requests.message().await?.is_some() {
            count += 1;
        }
        Ok(Count { count })
    }

    async fn chat(
        &self,
        mut requests: Streaming<Payload>,
        mut replies: Sender<Payload>,
        _: &Call,
    ) -> Result<()> {
        while let Some(request) = requests.message().await? {
            replies.send(&request).await?;
        }
        Ok(())
    }
}

impl BenchBlocking for Echo {
    fn unary(&self, request: Payload, _: &Call) -> Result<Payload> {
        Ok(request)
    }

    fn download(&self, wish: Wish, mut replies: blocking::Sender<Payload>, _: &Call) -> Result<()> {
        Ok(replies.send_all(payloads(wish))?)
    }

    fn upload(&self, requests: blocking::Streaming<Payload>, _: &Call) -> Result<Count> {
        let mut count = 0;
        for request in requests {
            request?;
            count += 1;
        }
        Ok(Count { count })
    }

    fn chat(
        &self,
        requests: blocking::Streaming<Payload>,
        mut replies: blocking::Sender<Payload>,
        _: &Call,
    ) -> Result<()> {
        for request in requests {
            replies.send(&request?)?;
        }
        Ok(())
    }
}
