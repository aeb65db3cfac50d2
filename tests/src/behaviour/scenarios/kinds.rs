//! The four kinds of calls, their order and their ends.

use std::thread;

use sailplane::Code;

use crate::behaviour::scenarios::{ask, assert_status, payload, say};
use crate::behaviour::{Fact, World};
use crate::pb::{Act, Request};

/// A request, a reply; again and again on one channel.
pub fn unary(world: &World) {
    let client = world.client();
    for text in ["one", "two", "three"] {
        let reply = client.unary(&say(text)).unwrap();
        assert_eq!((reply.payload, reply.requests), (text.into(), 1));
    }
}

/// One request, five replies.
pub fn down(world: &World) {
    let mut replies = world.client().down(&Request { count: 5, ..say("x") });
    for number in 0..5 {
        let reply = replies.message().unwrap().expect("five replies");
        assert_eq!((reply.number, reply.payload), (number, b"x".to_vec()));
    }
    assert_eq!(replies.message().unwrap(), None);
    assert_eq!(replies.message().unwrap(), None);
}

/// Three requests, one reply.
pub fn up(world: &World) {
    let mut call = world.client().up();
    for text in ["a", "bb", "ccc"] {
        call.send(&say(text)).unwrap();
    }
    let reply = call.finish().unwrap();
    assert_eq!((reply.requests, reply.octets, reply.payload), (3, 6, b"ccc".to_vec()));
    let reply = world.client().up().finish_with(["a", "bb"].map(say)).unwrap();
    assert_eq!((reply.requests, reply.octets), (2, 3));
}

/// A conversation: each request is answered before the next is sent.
pub fn both(world: &World) {
    let (mut requests, mut replies) = world.client().both();
    for number in 0..5_u32 {
        requests.send(&say(number.to_string())).unwrap();
        let reply = replies.message().unwrap().expect("a reply");
        assert_eq!((reply.payload, reply.number), (number.to_string().into_bytes(), number));
    }
    requests.finish();
    assert_eq!(replies.message().unwrap(), None);
}

/// Messages without an octet, streams without a message.
pub fn empty_messages(world: &World) {
    let client = world.client();
    assert_eq!(client.unary(&Request::default()).unwrap().payload, b"");
    let (replies, end) = client.down(&Request { count: 3, ..Request::default() }).drain();
    assert_eq!((replies.len(), end.is_ok()), (3, true));
    let (replies, end) = client.down(&Request::default()).drain();
    assert_eq!((replies.len(), end.is_ok()), (0, true));
    assert_eq!(client.up().finish().unwrap().requests, 0);
    let (mut requests, mut replies) = client.both();
    for _ in 0..3 {
        requests.send(&Request::default()).unwrap();
        assert_eq!(payload(replies.message()), Some(Vec::new()));
    }
    requests.finish();
    assert_eq!(replies.message().unwrap(), None);
    let (requests, mut replies) = client.both();
    requests.finish();
    assert_eq!(replies.message().unwrap(), None);
}

/// A thread sends while another receives.
pub fn thousand_messages_each_way(world: &World) {
    let (mut requests, mut replies) = world.client().both();
    thread::scope(|scope| {
        scope.spawn(move || {
            for number in 0..1000_u32 {
                requests.send(&say(number.to_be_bytes())).unwrap();
            }
            requests.finish();
        });
        for number in 0..1000_u32 {
            let reply = replies.message().unwrap().expect("a thousand replies");
            assert_eq!((reply.payload, reply.number), (number.to_be_bytes().to_vec(), number));
        }
        assert_eq!(replies.message().unwrap(), None);
    });
}

/// Requests arrive in order, all of them.
pub fn thousand_messages_up(world: &World) {
    let numbers = (0..1000_u32).map(|number| say(number.to_be_bytes()));
    let reply = world.client().key("up").up().finish_with(numbers).unwrap();
    assert_eq!((reply.requests, reply.octets), (1000, 4000));
    assert_eq!(reply.payload, 999_u32.to_be_bytes());
}

/// Replies arrive in order, all of them.
pub fn thousand_messages_down(world: &World) {
    let request = Request { count: 1000, reply_size: 1000, ..Request::default() };
    let (replies, end) = world.client().down(&request).drain();
    assert!(end.is_ok(), "{end:?}");
    assert!(replies.iter().map(|reply| reply.number).eq(0..1000));
    assert!(replies.iter().all(|reply| reply.payload.len() == 1000));
}

/// The client has nothing more to say, the server has: more than fits in any window.
pub fn half_close_lets_the_client_read_on(world: &World) {
    let (mut requests, mut replies) = world.client().key("talk").both();
    for _ in 0..100 {
        requests.send(&Request { count: 10, reply_size: 1024, ..Request::default() }).unwrap();
    }
    requests.finish();
    let (replies, end) = replies.drain();
    assert!(end.is_ok(), "{end:?}");
    assert!(replies.iter().map(|reply| reply.number).eq(0..1000));
    world.stage.wait_for(&Fact::HalfClosed("talk".into()));
    world.stage.wait_left("talk", false);
}

/// The server answers while the client is still sending: sending fails, and the reply is there.
pub fn early_answer_to_an_upload(world: &World) {
    let mut call = world.client().up();
    call.send(&Request { payload: b"enough".into(), ..ask(&[Act::AnswerEarly]) }).unwrap();
    let error = loop {
        if let Err(error) = call.send(&say([0; 1000])) {
            break error;
        }
    };
    assert_eq!(error.status().code(), Code::Cancelled, "{error}");
    assert_eq!(call.finish().unwrap().payload, b"enough");
}

/// An early answer ends the sending of everything.
pub fn early_answer_to_an_endless_upload(world: &World) {
    let first = Request { payload: b"enough".into(), ..ask(&[Act::AnswerEarly]) };
    let endless = std::iter::once(first).chain(std::iter::repeat_with(|| say([0; 1000])));
    assert_eq!(world.client().up().finish_with(endless).unwrap().payload, b"enough");
    assert_eq!(world.client().unary(&say("next")).unwrap().payload, b"next");
}

/// The server ends a conversation well while the client is still sending.
pub fn early_end_of_a_conversation(world: &World) {
    let (mut requests, mut replies) = world.client().both();
    requests.send(&say("hello")).unwrap();
    requests.send(&ask(&[Act::AnswerEarly])).unwrap();
    assert_eq!(payload(replies.message()), Some(b"hello".to_vec()));
    assert_eq!(replies.message().unwrap(), None);
    let failed = requests.send(&say("more")).map_err(Into::into);
    assert_status(failed, Code::Cancelled, "");
}
