//! Every kind of call, from either kind of client to either kind of server.

use crate::channel::{Fake, block_on};
use crate::echo::{Echo, hello, request};
use crate::greet::{GreeterBlockingServer, GreeterClient, GreeterServer};
use sailplane::{Async, Blocking, CallInfo, Channel, Code, Result, Services, Stub};
use std::sync::Arc;
use std::thread;

fn services() -> [Services; 2] {
    [Services::new().service(GreeterServer(Echo)), Services::new().service(GreeterBlockingServer(Echo))]
}

/// A library's code: any async channel will do.
async fn every_kind<C: Channel<Mode = Async> + Clone>(client: &GreeterClient<C>) -> Result<()> {
    assert_eq!(client.say_hello(&request("you")).await?, hello("you"));

    let info = CallInfo::new();
    let mut replies = client.with_info(&info).lots_of_replies(&request("all"));
    assert_eq!(replies.headers().await?.get("x-node"), Some("n7"));
    let mut count = 0;
    while let Some(reply) = replies.message().await? {
        assert_eq!(reply, hello("all"));
        count += 1;
    }
    assert_eq!((count, replies.message().await?), (5, None));
    assert_eq!(replies.trailers().unwrap().get("x-cost"), Some("3"));
    assert_eq!(replies.headers().await?.get("x-node"), Some("n7"));
    assert_eq!((info.headers().get("x-node"), info.trailers().get("x-cost")), (Some("n7"), Some("3")));

    let mut greetings = client.lots_of_greetings();
    greetings.send(&request("a")).await?;
    greetings.send(&request("b")).await?;
    assert_eq!(greetings.finish().await?, hello("a and b"));
    let names = ["a", "b", "c", "d"].map(request);
    assert_eq!(client.lots_of_greetings().finish_with(&names).await?, hello("a and b and c and d"));

    let (mut sender, mut replies) = client.bidi_hello();
    for name in ["x", "y", "z"] {
        sender.send(&request(name)).await?;
        assert_eq!(replies.message().await?, Some(hello(name)));
    }
    sender.finish();
    assert_eq!(replies.message().await?, None);
    assert_eq!(replies.trailers().unwrap().get("x-cost"), Some("3"));
    Ok(())
}

#[test]
fn an_async_client_makes_calls_of_every_kind() {
    for services in services() {
        let channel = Arc::new(Fake::<Async>::new(Some(services)));
        block_on(every_kind(&GreeterClient::new(&*channel))).unwrap();

        let erased: Arc<dyn Channel<Mode = Async> + Send + Sync> = channel.clone();
        block_on(every_kind(&GreeterClient::new(erased))).unwrap();
        for (_, wire) in channel.calls.lock().unwrap().iter() {
            assert_eq!(wire.state().client_releases, 1);
        }
    }
}

#[test]
fn a_blocking_client_makes_calls_of_every_kind() {
    for services in services() {
        let client = GreeterClient::new(Arc::new(Fake::<Blocking>::new(Some(services))));
        assert_eq!(client.say_hello(&request("you")).unwrap(), hello("you"));

        let mut replies = client.lots_of_replies(&request("all"));
        assert_eq!(replies.headers().unwrap().get("x-node"), Some("n7"));
        let all = replies.by_ref().collect::<Result<Vec<_>>>().unwrap();
        assert_eq!(all, vec![hello("all"); 5]);
        assert_eq!(replies.trailers().unwrap().get("x-cost"), Some("3"));

        let mut greetings = client.lots_of_greetings();
        greetings.send(&request("a")).unwrap();
        assert_eq!(greetings.finish().unwrap(), hello("a"));
        let names = ["a", "b", "c", "d"].map(request);
        assert_eq!(client.lots_of_greetings().finish_with(names).unwrap(), hello("a and b and c and d"));

        let (mut sender, replies) = client.bidi_hello();
        thread::scope(|scope| {
            scope.spawn(move || {
                sender.send_all(["x", "y", "z", "u"].map(request)).unwrap();
                sender.finish();
            });
            let all = replies.collect::<Result<Vec<_>>>().unwrap();
            assert_eq!(all, ["x", "y", "z", "u"].map(hello));
        });
    }
}

#[test]
fn a_failure_arrives_with_its_metadata_and_wins_over_everything() {
    for services in services() {
        let channel = Fake::<Async>::new(Some(services));
        let (client, info) = (GreeterClient::new(&channel), CallInfo::new());
        let failed = block_on(client.with_info(&info).say_hello(&request("fail"))).unwrap_err();
        assert_eq!((failed.code(), failed.message()), (Code::NotFound, "nobody of that name"));
        assert_eq!((info.trailers().get("x-cost"), info.peer().as_deref()), (Some("3"), Some("server:1")));

        let mut replies = client.lots_of_replies(&request("fail"));
        assert_eq!(block_on(replies.headers()).unwrap_err().code(), Code::NotFound);
        assert_eq!(block_on(replies.message()).unwrap_err().code(), Code::NotFound);
        assert_eq!(block_on(replies.message()).unwrap(), None);
    }
}

#[test]
fn what_is_not_there_is_unimplemented_by_name() {
    let channel = Fake::<Async>::new(Some(Services::new()));
    let failed = block_on(GreeterClient::new(&channel).say_hello(&request("you"))).unwrap_err();
    assert_eq!((failed.code(), failed.message()), (Code::Unimplemented, "unknown service greet.Greeter"));
}
