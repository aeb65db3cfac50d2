//! The service, for both traits: two thin executors of one [`Plan`].

use sailplane::{Call, Result, Sender, Status, Streaming, Stub as _, blocking};

use crate::behaviour::AnyClient;
use crate::behaviour::plan::{Kind, Plan, Step};
use crate::behaviour::stage::Stage;
use crate::pb::{Behaviour, BehaviourBlocking, Reply, Request};

/// Does what its requests say.
#[derive(Clone, Debug)]
pub struct Actor(pub Stage);

/// What becomes of a call after a step.
enum After {
    Goes,
    Returns(Reply),
    Ends,
}

fn no_next() -> Status {
    Status::failed_precondition("there is no next server")
}

impl Behaviour for Actor {
    async fn unary(&self, request: Request, call: &Call) -> Result<Reply> {
        let mut plan = Plan::new(&self.0, Kind::Once, call);
        match perform(&mut plan, request, call, None).await? {
            After::Returns(reply) => Ok(reply),
            After::Goes | After::Ends => Ok(plan.finished()),
        }
    }

    async fn down(&self, request: Request, mut replies: Sender<Reply>, call: &Call) -> Result<()> {
        let mut plan = Plan::new(&self.0, Kind::Stream, call);
        perform(&mut plan, request, call, Some(&mut replies)).await?;
        Ok(())
    }

    async fn up(&self, mut requests: Streaming<Request>, call: &Call) -> Result<Reply> {
        let mut plan = Plan::new(&self.0, Kind::Once, call);
        while let Some(request) = requests.message().await? {
            if let After::Returns(reply) = perform(&mut plan, request, call, None).await? {
                return Ok(reply);
            }
        }
        Ok(plan.finished())
    }

    async fn both(
        &self,
        mut requests: Streaming<Request>,
        mut replies: Sender<Reply>,
        call: &Call,
    ) -> Result<()> {
        let mut plan = Plan::new(&self.0, Kind::Stream, call);
        while let Some(mut request) = requests.message().await? {
            request.count = request.count.max(1);
            if let After::Ends = perform(&mut plan, request, call, Some(&mut replies)).await? {
                return Ok(());
            }
        }
        plan.finished();
        Ok(())
    }
}

async fn perform(
    plan: &mut Plan,
    request: Request,
    call: &Call,
    mut replies: Option<&mut Sender<Reply>>,
) -> Result<After> {
    for step in plan.received(request) {
        match step {
            Step::SendHeaders => call.send_headers()?,
            Step::Panic => panic!("the handler was asked to"),
            Step::WaitForCancel => return Err(call.cancelled().await),
            Step::WaitForGate => {
                let (stage, key) = (plan.stage.clone(), plan.key.clone());
                stage.pass_async(&key).await;
            }
            Step::Relay(request) => {
                let next = plan.stage.next().ok_or_else(no_next)?;
                return relay(next, request, call).await.map(After::Returns);
            }
            Step::Flood(mut reply) => loop {
                plan.number(&mut reply);
                replies.as_mut().ok_or_else(no_next)?.send(&reply).await?;
                plan.sent();
            },
            Step::Replies(mut reply, count) => {
                for _ in 0..count {
                    plan.number(&mut reply);
                    replies.as_mut().ok_or_else(no_next)?.send(&reply).await?;
                    plan.sent();
                }
            }
            Step::Return(reply) => return Ok(After::Returns(reply)),
            Step::End(result) => return result.map(|()| After::Ends),
        }
    }
    Ok(After::Goes)
}

async fn relay(next: AnyClient, request: Request, call: &Call) -> Result<Reply> {
    match next {
        AnyClient::Async(client) => client.stub.inherit(call).unary(&request).await,
        AnyClient::Blocking(client) => {
            let client = client.stub.inherit(call);
            smol::unblock(move || client.unary(&request)).await
        }
    }
}

impl BehaviourBlocking for Actor {
    fn unary(&self, request: Request, call: &Call) -> Result<Reply> {
        let mut plan = Plan::new(&self.0, Kind::Once, call);
        match perform_blocking(&mut plan, request, call, None, None)? {
            After::Returns(reply) => Ok(reply),
            After::Goes | After::Ends => Ok(plan.finished()),
        }
    }

    fn down(&self, request: Request, mut replies: blocking::Sender<Reply>, call: &Call) -> Result<()> {
        let mut plan = Plan::new(&self.0, Kind::Stream, call);
        perform_blocking(&mut plan, request, call, None, Some(&mut replies))?;
        Ok(())
    }

    fn up(&self, mut requests: blocking::Streaming<Request>, call: &Call) -> Result<Reply> {
        let mut plan = Plan::new(&self.0, Kind::Once, call);
        while let Some(request) = requests.message()? {
            let after = perform_blocking(&mut plan, request, call, Some(&mut requests), None)?;
            if let After::Returns(reply) = after {
                return Ok(reply);
            }
        }
        Ok(plan.finished())
    }

    fn both(
        &self,
        mut requests: blocking::Streaming<Request>,
        mut replies: blocking::Sender<Reply>,
        call: &Call,
    ) -> Result<()> {
        let mut plan = Plan::new(&self.0, Kind::Stream, call);
        while let Some(mut request) = requests.message()? {
            request.count = request.count.max(1);
            let after = perform_blocking(&mut plan, request, call, Some(&mut requests), Some(&mut replies))?;
            if let After::Ends = after {
                return Ok(());
            }
        }
        plan.finished();
        Ok(())
    }
}

fn perform_blocking(
    plan: &mut Plan,
    request: Request,
    call: &Call,
    requests: Option<&mut blocking::Streaming<Request>>,
    mut replies: Option<&mut blocking::Sender<Reply>>,
) -> Result<After> {
    for step in plan.received(request) {
        match step {
            Step::SendHeaders => call.send_headers()?,
            Step::Panic => panic!("the handler was asked to"),
            Step::WaitForCancel => {
                // Where it can, it waits in a handle: that is what a blocking handler does.
                let Some(requests) = requests else { return Err(smol::block_on(call.cancelled())) };
                while requests.message()?.is_some() {}
                return Err(smol::block_on(call.cancelled()));
            }
            Step::WaitForGate => plan.stage.pass(&plan.key),
            Step::Relay(request) => {
                let next = plan.stage.next().ok_or_else(no_next)?;
                return relay_blocking(next, &request, call).map(After::Returns);
            }
            Step::Flood(mut reply) => loop {
                plan.number(&mut reply);
                replies.as_mut().ok_or_else(no_next)?.send(&reply)?;
                plan.sent();
            },
            Step::Replies(mut reply, count) => {
                for _ in 0..count {
                    plan.number(&mut reply);
                    replies.as_mut().ok_or_else(no_next)?.send(&reply)?;
                    plan.sent();
                }
            }
            Step::Return(reply) => return Ok(After::Returns(reply)),
            Step::End(result) => return result.map(|()| After::Ends),
        }
    }
    Ok(After::Goes)
}

fn relay_blocking(next: AnyClient, request: &Request, call: &Call) -> Result<Reply> {
    match next {
        AnyClient::Blocking(client) => client.stub.inherit(call).unary(request),
        AnyClient::Async(client) => smol::block_on(client.stub.inherit(call).unary(request)),
    }
}
