//! `h2` as server and as client, with no runtime.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_lite::future::zip;
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response};

use super::pipe::Pipe;
use super::{End, Options, Plan, Results, Seen, Side, Task, Theirs, framed};

type Tasks = Rc<RefCell<Vec<(usize, Task)>>>;

/// A connection in either role, from its handshake on.
pub(super) enum Connection {
    ServerHandshake(Box<h2::server::Handshake<Pipe, Bytes>>),
    Server(Box<h2::server::Connection<Pipe, Bytes>>),
    /// It is a task of its own; this is its wish for a window.
    Client(Rc<RefCell<Option<u32>>>),
    Over,
}

impl Connection {
    pub(super) fn poll(&mut self, context: &mut Context<'_>, tasks: &Tasks) {
        if let Self::ServerHandshake(handshake) = self {
            match std::pin::Pin::new(&mut **handshake).poll(context) {
                Poll::Ready(Ok(connection)) => *self = Self::Server(Box::new(connection)),
                Poll::Ready(Err(_)) => *self = Self::Over,
                Poll::Pending => {}
            }
        }
        let Self::Server(connection) = self else { return };
        loop {
            match connection.poll_accept(context) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    let task: Task = Box::pin(async move { _ = serve(request, respond).await });
                    tasks.borrow_mut().push((usize::MAX, task));
                }
                Poll::Ready(_) => return *self = Self::Over,
                Poll::Pending => return,
            }
        }
    }

    pub(super) fn shut_down(&mut self) {
        if let Self::Server(connection) = self {
            connection.graceful_shutdown();
        }
    }

    pub(super) fn set_window(&mut self, window: u32) {
        match self {
            // Refused while another change is not acknowledged.
            Self::Server(connection) => _ = connection.set_initial_window_size(window),
            Self::Client(wish) => *wish.borrow_mut() = Some(window),
            _ => {}
        }
    }
}

/// Their side, and what their client sees.
pub(super) fn start(options: &Options) -> (Theirs, Results) {
    let pipe = Pipe::new(options.side == Side::OurClient);
    let tasks = Tasks::default();
    let results = Rc::new(RefCell::new(vec![Seen::default(); options.plans.len()]));
    let connection = match options.side {
        Side::OurClient => {
            let mut builder = h2::server::Builder::new();
            builder.initial_window_size(options.their_window).max_concurrent_streams(options.their_streams);
            builder.data_frame_budget(1 << 40);
            Connection::ServerHandshake(Box::new(builder.handshake(pipe.clone())))
        }
        Side::OurServer => {
            let wish = Rc::new(RefCell::new(None));
            let task = client(
                options.clone(),
                pipe.clone(),
                Rc::clone(&tasks),
                Rc::clone(&results),
                Rc::clone(&wish),
            );
            tasks.borrow_mut().push((usize::MAX, Box::pin(task)));
            Connection::Client(wish)
        }
    };
    (Theirs { pipe, connection, tasks }, results)
}

fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)))
        .collect()
}

async fn serve(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let mut response = Response::new(());
    *response.headers_mut() = fields(&[("content-type", "application/grpc")]);
    let kind = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let mut body = request.into_body();
    match kind.as_str() {
        "early" => {
            response.headers_mut().extend(fields(&[("grpc-status", "10")]));
            respond.send_response(response, true)?;
        }
        "reset" => respond.send_reset(Reason::INTERNAL_ERROR),
        "fail" => {
            while let Some(chunk) = body.data().await {
                body.flow_control().release_capacity(chunk?.len())?;
            }
            response.headers_mut().extend(fields(&[("grpc-status", "5")]));
            respond.send_response(response, true)?;
        }
        _ => {
            let mut send = respond.send_response(response, false)?;
            while let Some(chunk) = body.data().await {
                let chunk = chunk?;
                body.flow_control().release_capacity(chunk.len())?;
                write(&mut send, chunk).await?;
            }
            send.send_trailers(fields(&[("grpc-status", "0"), ("x-trailer", "done")]))?;
        }
    }
    Ok(())
}

/// Sends as the windows allow.
async fn write(send: &mut SendStream<Bytes>, mut chunk: Bytes) -> Result<(), h2::Error> {
    while !chunk.is_empty() {
        send.reserve_capacity(chunk.len());
        match poll_fn(|context| send.poll_capacity(context)).await {
            Some(Ok(0)) => {}
            Some(Ok(room)) => send.send_data(chunk.split_to(room.min(chunk.len())), false)?,
            Some(Err(error)) => return Err(error),
            None => return Err(Reason::CANCEL.into()),
        }
    }
    Ok(())
}

/// Their connection as a client, which starts a task for each call.
async fn client(
    options: Options,
    pipe: Pipe,
    tasks: Tasks,
    results: Results,
    wish: Rc<RefCell<Option<u32>>>,
) {
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(options.their_window).data_frame_budget(1 << 40);
    let Ok((sender, mut connection)) = builder.handshake::<_, Bytes>(pipe).await else {
        for seen in results.borrow_mut().iter_mut() {
            seen.end = Some(End::Error("no handshake".into()));
        }
        return;
    };
    for (at, plan) in options.plans.into_iter().enumerate() {
        let (sender, results) = (sender.clone(), Rc::clone(&results));
        let task = async move {
            let end = match call(sender, &plan, at, &results).await {
                Ok(status) => End::Status(status),
                Err(error) => End::Error(error.to_string()),
            };
            results.borrow_mut()[at].end = Some(end);
        };
        tasks.borrow_mut().push((at, Box::pin(task)));
    }
    drop(sender);
    _ = poll_fn(|context| {
        if let Some(window) = wish.borrow_mut().take() {
            // Refused while another change is not acknowledged.
            _ = connection.set_initial_window_size(window);
        }
        std::pin::Pin::new(&mut connection).poll(context)
    })
    .await;
}

/// One call; its status.
async fn call(
    sender: SendRequest<Bytes>,
    plan: &Plan,
    at: usize,
    results: &Results,
) -> Result<u32, h2::Error> {
    let mut sender = sender.ready().await?;
    let request = Request::post(format!("http://localhost{}", plan.path()));
    let request = request.header("te", "trailers").header("content-type", "application/grpc");
    let (response, mut send) = sender.send_request(request.body(()).expect("a request"), false)?;
    drop(sender);
    let upload = async {
        for message in &plan.messages {
            write(&mut send, framed(message).into()).await?;
        }
        send.send_data(Bytes::new(), true)
    };
    let download = async {
        let (head, mut body) = response.await?.into_parts();
        while let Some(chunk) = body.data().await {
            let chunk = chunk?;
            body.flow_control().release_capacity(chunk.len())?;
            results.borrow_mut()[at].octets.extend(chunk);
        }
        let trailers = body.trailers().await?.unwrap_or(head.headers);
        let text = |name: &str| Some(trailers.get(name)?.to_str().ok()?.to_owned());
        results.borrow_mut()[at].trailer = text("x-trailer");
        Ok(text("grpc-status").and_then(|status| status.parse().ok()).unwrap_or(99))
    };
    // What the upload meets shows in the response as well, unless that is complete.
    zip(upload, download).await.1
}
