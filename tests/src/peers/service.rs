//! Our side of `behaviour.Behaviour`, as the peers' scripts do it, and the greeter of the quick start.

use std::collections::HashMap;
use std::sync::mpsc::{self, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use sailplane::{Call, Code, Result, Sender, Status, Streaming, Value, blocking};
use sailplane_examples_protos::helloworld::{Greeter, GreeterBlocking, HelloReply, HelloRequest};

use crate::pb::{Act, Behaviour, BehaviourBlocking, Reply, Request};

/// No wait is longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The greeter.
pub(crate) struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
        Ok(HelloReply { message: format!("Hello, {}!", request.name) })
    }
}

impl GreeterBlocking for MyGreeter {
    fn say_hello(&self, request: HelloRequest, _: &Call) -> Result<HelloReply> {
        Ok(HelloReply { message: format!("Hello, {}!", request.name) })
    }
}

/// How far calls came, by a key that their clients chose.
#[derive(Default)]
pub(crate) struct Ledger {
    entries: Mutex<HashMap<String, &'static str>>,
    changed: Condvar,
}

impl Ledger {
    fn put(&self, key: String, text: &'static str) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).insert(key, text);
        self.changed.notify_all();
    }

    fn wait_for(&self, key: &str) -> &'static str {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = |entries: &mut HashMap<_, _>| !entries.contains_key(key);
        let waited = self.changed.wait_timeout_while(entries, PATIENCE, missing);
        waited.unwrap_or_else(PoisonError::into_inner).0.get(key).copied().unwrap_or("unknown")
    }
}

/// What is wanted of the one who keeps the server.
pub(crate) enum Wanted {
    /// Another server in the place of this one; answered when this one has begun to shut down.
    Replacement(SyncSender<()>),
    /// The end.
    End,
}

/// Does what its requests say. Clones are the same.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) keeper: mpsc::Sender<Wanted>,
}

/// What a request asks for, after all that takes no time.
enum Step {
    Goes,
    Waits,
    Ends,
}

/// One call. Dropped, it says in the ledger how it was left.
struct Running {
    call: Call,
    ledger: Arc<Ledger>,
    key: String,
    done: bool,
    requests: u32,
    octets: u64,
    number: u32,
    milliseconds_left: i64,
}

impl Running {
    fn new(peer: &Peer, call: &Call) -> Result<Self> {
        for field in call.metadata().iter() {
            let value = match field.as_str() {
                Some(text) if !field.is_binary() => Value::from(text),
                _ => Value::from(field.as_bytes()),
            };
            match field.name() {
                name @ ("x-echo-initial" | "x-echo-initial-bin") => call.set_header(name, value)?,
                name @ ("x-echo-trailing" | "x-echo-trailing-bin") => call.set_trailer(name, value)?,
                _ => {}
            }
        }
        let left = call.time_remaining().map(|left| left.as_millis());
        Ok(Self {
            call: call.clone(),
            ledger: Arc::clone(&peer.ledger),
            key: call.metadata().get("x-ledger").unwrap_or_default().into(),
            done: false,
            requests: 0,
            octets: 0,
            number: 0,
            milliseconds_left: left.map_or(-1, |left| i64::try_from(left).unwrap_or(i64::MAX)),
        })
    }

    fn act(&mut self, request: &Request) -> Result<Step> {
        self.requests += 1;
        self.octets += request.payload.len() as u64;
        let mut step = Step::Goes;
        for act in request.acts() {
            match act {
                Act::SendHeaders => self.call.send_headers()?,
                Act::Panic => panic!("asked to panic"),
                Act::WaitForCancel => {
                    self.ledger.put(format!("{} waits", self.key), "yes");
                    step = Step::Waits;
                }
                Act::AnswerEarly => step = Step::Ends,
                _ => {}
            }
        }
        let Some(code) = Code::from_number(request.code).filter(|code| *code != Code::Ok) else {
            return Ok(step);
        };
        self.done = true;
        let details = self.call.metadata().get_bin("x-details-bin").unwrap_or_default().to_vec();
        Err(Status::new(code, request.message.clone()).with_details(details))
    }

    async fn perform(&mut self, request: &Request) -> Result<bool> {
        match self.act(request)? {
            Step::Goes => Ok(false),
            Step::Ends => Ok(true),
            Step::Waits => Err(self.call.cancelled().await),
        }
    }

    fn perform_blocking(&mut self, request: &Request) -> Result<bool> {
        match self.act(request)? {
            Step::Goes => Ok(false),
            Step::Ends => Ok(true),
            Step::Waits => Err(smol::block_on(self.call.cancelled())),
        }
    }

    fn reply(&mut self, request: &Request) -> Reply {
        let size = usize::try_from(request.reply_size).unwrap_or(0);
        let payload = if size == 0 { request.payload.clone() } else { vec![0; size] };
        let number = self.number;
        self.number += 1;
        Reply {
            payload,
            requests: self.requests,
            octets: self.octets,
            number,
            milliseconds_left: self.milliseconds_left,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.key.is_empty() {
            let left = if self.done { "done" } else { "cancelled" };
            self.ledger.put(format!("{} over", self.key), left);
        }
    }
}

impl Peer {
    /// What a client wants of the test, and not of the call.
    fn beside_the_call(&self, call: &Call) -> Option<Reply> {
        if call.metadata().get("x-shutdown").is_some() {
            let (tell, told) = sync_channel(1);
            if self.keeper.send(Wanted::Replacement(tell)).is_ok() {
                _ = told.recv_timeout(PATIENCE);
            }
        }
        let question = call.metadata().get("x-ask")?;
        let payload = self.ledger.wait_for(question).as_bytes().to_vec();
        Some(Reply { payload, ..Reply::default() })
    }
}

impl Behaviour for Peer {
    async fn unary(&self, request: Request, call: &Call) -> Result<Reply> {
        let (peer, asked) = (self.clone(), call.clone());
        if let Some(reply) = smol::unblock(move || peer.beside_the_call(&asked)).await {
            return Ok(reply);
        }
        let mut running = Running::new(self, call)?;
        running.perform(&request).await?;
        running.done = true;
        Ok(running.reply(&request))
    }

    async fn down(&self, request: Request, mut replies: Sender<Reply>, call: &Call) -> Result<()> {
        let mut running = Running::new(self, call)?;
        running.perform(&request).await?;
        for _ in 0..request.count {
            replies.send(&running.reply(&request)).await?;
        }
        running.done = true;
        Ok(())
    }

    async fn up(&self, mut requests: Streaming<Request>, call: &Call) -> Result<Reply> {
        let (mut running, mut last) = (Running::new(self, call)?, Request::default());
        while let Some(request) = requests.message().await? {
            let ends = running.perform(&request).await?;
            last = request;
            if ends {
                break;
            }
        }
        running.done = true;
        Ok(running.reply(&last))
    }

    async fn both(
        &self,
        mut requests: Streaming<Request>,
        mut replies: Sender<Reply>,
        call: &Call,
    ) -> Result<()> {
        let mut running = Running::new(self, call)?;
        while let Some(request) = requests.message().await? {
            let ends = running.perform(&request).await?;
            for _ in 0..request.count.max(1) {
                replies.send(&running.reply(&request)).await?;
            }
            if ends {
                break;
            }
        }
        running.done = true;
        Ok(())
    }
}

impl BehaviourBlocking for Peer {
    fn unary(&self, request: Request, call: &Call) -> Result<Reply> {
        if let Some(reply) = self.beside_the_call(call) {
            return Ok(reply);
        }
        let mut running = Running::new(self, call)?;
        running.perform_blocking(&request)?;
        running.done = true;
        Ok(running.reply(&request))
    }

    fn down(&self, request: Request, mut replies: blocking::Sender<Reply>, call: &Call) -> Result<()> {
        let mut running = Running::new(self, call)?;
        running.perform_blocking(&request)?;
        for _ in 0..request.count {
            replies.send(&running.reply(&request))?;
        }
        running.done = true;
        Ok(())
    }

    fn up(&self, requests: blocking::Streaming<Request>, call: &Call) -> Result<Reply> {
        let (mut running, mut last) = (Running::new(self, call)?, Request::default());
        for request in requests {
            last = request?;
            if running.perform_blocking(&last)? {
                break;
            }
        }
        running.done = true;
        Ok(running.reply(&last))
    }

    fn both(
        &self,
        requests: blocking::Streaming<Request>,
        mut replies: blocking::Sender<Reply>,
        call: &Call,
    ) -> Result<()> {
        let mut running = Running::new(self, call)?;
        for request in requests {
            let request = request?;
            let ends = running.perform_blocking(&request)?;
            for _ in 0..request.count.max(1) {
                replies.send(&running.reply(&request))?;
            }
            if ends {
                break;
            }
        }
        running.done = true;
        Ok(())
    }
}
