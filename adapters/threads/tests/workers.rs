//! How many handlers run at once, and what those that wait keep others from: nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use sailplane::Stub;
use sailplane_threads::Server;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::{Running, hello};

const WORKERS: usize = 4;

#[test]
fn handlers_that_wait_for_messages_give_their_place_away() {
    let server = Running::with(Server::new().workers(WORKERS));
    let client = server.client();
    let mut calls: Vec<_> = (0..=WORKERS).map(|_| client.bidi_hello()).collect();
    for (greetings, replies) in &mut calls {
        greetings.send(&hello("you")).unwrap();
        assert_eq!(replies.message().unwrap().unwrap().message, "Hello, you!");
    }
    // All of them wait for another message.
    assert_eq!(client.say_hello(&hello("me")).unwrap().message, "Hello, me!");
    for (greetings, mut replies) in calls {
        greetings.finish();
        assert!(replies.message().unwrap().is_none());
    }
}

/// Spare threads are bounded, and one is kept for each poller: what waits for messages would never get one
/// otherwise.
#[test]
fn as_many_handlers_as_may_wait_leave_a_thread_that_reads() {
    const HANDLERS: usize = WORKERS + 1023;
    let limits = sailplane::Limits::default().concurrent_calls_max(4096);
    let server = Running::with(Server::new().workers(WORKERS).pollers(1).limits(limits));
    let client = server.client().with_timeout(Duration::from_secs(20));
    let mut calls: Vec<_> = (0..HANDLERS).map(|_| client.bidi_hello()).collect();
    for (greetings, replies) in &mut calls {
        greetings.send(&hello("you")).unwrap();
        assert_eq!(replies.message().unwrap().unwrap().message, "Hello, you!");
    }
    let mut more: Vec<_> = (0..4).map(|_| client.bidi_hello()).collect();
    let late = client.with_timeout(Duration::from_millis(50)).say_hello(&hello("me")).unwrap_err();
    assert_eq!(late.code(), sailplane::Code::DeadlineExceeded, "no thread is left for it");
    for (greetings, mut replies) in calls {
        greetings.finish();
        assert!(replies.message().unwrap().is_none());
    }
    for (greetings, replies) in &mut more {
        greetings.send(&hello("you")).unwrap();
        assert_eq!(replies.message().unwrap().unwrap().message, "Hello, you!");
    }
}

#[test]
fn handlers_that_wait_to_send_give_their_place_away() {
    let server = Running::with(Server::new().workers(WORKERS));
    let client = server.client();
    let name = format!("endless {}", "x".repeat(10_000));
    let calls: Vec<_> = (0..=WORKERS).map(|_| client.lots_of_replies(&hello(&name))).collect();
    assert_eq!(client.say_hello(&hello("me")).unwrap().message, "Hello, me!");
    drop(calls);
    let cancelled = &server.guest.0.cancelled;
    while cancelled.load(Ordering::SeqCst) <= WORKERS {
        std::thread::yield_now();
    }
}

#[test]
fn no_more_handlers_run_than_workers_and_a_poller_is_led_all_the_same() {
    let server = Running::with(Server::new().workers(WORKERS).pollers(1));
    let client = server.client();
    let gate = &server.guest.0.gate;
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..2 * WORKERS)
            .map(|_| scope.spawn(|| client.say_hello(&hello("gate")).unwrap().message))
            .collect();
        gate.await_waiting(WORKERS);
        // A call that waits for a thread is ended by its deadline, so the connection is served.
        let late = client.with_timeout(Duration::from_millis(50)).say_hello(&hello("me")).unwrap_err();
        assert_eq!(late.code(), sailplane::Code::DeadlineExceeded);
        assert_eq!(gate.waiting(), WORKERS);
        gate.open();
        for call in calls {
            assert_eq!(call.join().unwrap(), "Hello, gate!");
        }
    });
}

#[test]
fn a_method_that_always_returned_at_once_may_take_its_time() {
    let server = Running::with(Server::new().pollers(1));
    let client = server.client();
    let gate = &server.guest.0.gate;
    std::thread::scope(|scope| {
        for waiting in 1..=3 {
            // The leader does not expect it to wait, and wakes nobody.
            for _ in 0..100 {
                client.say_hello(&hello("you")).unwrap();
            }
            scope.spawn(|| client.say_hello(&hello("gate")).unwrap());
            gate.await_waiting(waiting);
            assert_eq!(client.say_hello(&hello("me")).unwrap().message, "Hello, me!");
        }
        gate.open();
    });
}

#[test]
fn an_inline_service_that_blocks_all_the_same_keeps_nobody_for_long() {
    let server = Running::of(Server::inline, "127.0.0.1:0", Server::new().pollers(1));
    let client = server.client();
    let gate = &server.guest.0.gate;
    std::thread::scope(|scope| {
        for waiting in 1..=3 {
            scope.spawn(|| client.say_hello(&hello("gate")).unwrap());
            gate.await_waiting(waiting);
            assert_eq!(client.say_hello(&hello("me")).unwrap().message, "Hello, me!");
        }
        gate.open();
    });
}

/// A handler that waits again soon, time after time, leads the poller while it waits.
#[test]
fn a_handler_that_leads_while_it_waits_keeps_nobody_from_being_served() {
    let server = Running::with(Server::new().pollers(1));
    let (client, other) = (server.client(), server.client());
    let (mut greetings, mut replies) = client.bidi_hello();
    for _ in 0..3 {
        for _ in 0..100 {
            greetings.send(&hello("you")).unwrap();
            assert_eq!(replies.message().unwrap().unwrap().message, "Hello, you!");
        }
        // Calls come to the handler that leads: on its connection, and on another.
        for _ in 0..3 {
            assert_eq!(client.say_hello(&hello("me")).unwrap().message, "Hello, me!");
            assert_eq!(other.say_hello(&hello("me")).unwrap().message, "Hello, me!");
        }
    }
    for _ in 0..100 {
        greetings.send(&hello("you")).unwrap();
        assert_eq!(replies.message().unwrap().unwrap().message, "Hello, you!");
    }
    greetings.send(&hello("gate")).unwrap();
    let gate = &server.guest.0.gate;
    gate.await_waiting(1);
    // It is expected to be back soon, and is not.
    assert_eq!(client.say_hello(&hello("me")).unwrap().message, "Hello, me!");
    assert_eq!(other.say_hello(&hello("me")).unwrap().message, "Hello, me!");
    gate.open();
    assert_eq!(replies.message().unwrap().unwrap().message, "Hello, gate!");
    greetings.finish();
    assert!(replies.message().unwrap().is_none());
}

#[test]
fn several_handlers_that_wait_and_their_cancellation_reach_each_other() {
    let server = Running::with(Server::new().pollers(1));
    let clients: Vec<_> = (0..3).map(|_| server.client()).collect();
    let mut calls: Vec<_> = clients.iter().map(|client| client.bidi_hello()).collect();
    for _ in 0..200 {
        for (greetings, replies) in &mut calls {
            greetings.send(&hello("you")).unwrap();
            assert_eq!(replies.message().unwrap().unwrap().message, "Hello, you!");
        }
    }
    drop(calls);
    let since = std::time::Instant::now();
    while server.guest.0.cancelled.load(Ordering::SeqCst) < 3 {
        assert!(since.elapsed() < Duration::from_secs(10), "a handler does not see that it was cancelled");
        std::thread::yield_now();
    }
    assert_eq!(clients[0].say_hello(&hello("me")).unwrap().message, "Hello, me!");
}

#[test]
fn messages_of_a_handler_that_then_waits_for_something_else_are_on_their_way() {
    let server = Running::with(Server::new().pollers(1));
    let client = server.client();
    for _ in 0..100 {
        assert_eq!(client.lots_of_replies(&hello("you")).count(), 3);
    }
    let mut replies = client.lots_of_replies(&hello("gate"));
    for n in 0..3 {
        assert_eq!(replies.message().unwrap().unwrap().message, format!("Hello, gate {n}!"));
    }
    server.guest.0.gate.open();
    assert!(replies.message().unwrap().is_none());
}

#[test]
fn a_handler_calls_its_own_server() {
    let server = Running::with(Server::new().workers(1).pollers(1));
    let client = server.client();
    assert!(server.guest.0.back.set(client.clone()).is_ok());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(client.say_hello(&hello("back")).unwrap().message, "Hello, you!");
                }
            });
        }
    });
}

#[test]
fn a_thousand_calls_at_once_on_one_connection() {
    const CALLS: usize = 1000;
    let limits = sailplane::Limits::default().concurrent_calls_max(2000);
    let server = Running::with(Server::new().limits(limits));
    thousand(&server, CALLS, CALLS);
}

#[test]
fn a_thousand_calls_at_once_wait_for_room_on_a_connection() {
    thousand(&Running::start(), 1000, 100);
}

/// So many calls at once, of which so many can run. Each is started, then each is continued.
fn thousand(server: &Running, count: usize, at_once: usize) {
    let client = server.client();
    let mut calls: Vec<_> = (0..count).map(|_| client.bidi_hello()).collect();
    for chunk in calls.chunks_mut(at_once) {
        for (greetings, replies) in chunk.iter_mut() {
            greetings.send(&hello("you")).unwrap();
            assert_eq!(replies.message().unwrap().unwrap().message, "Hello, you!");
        }
        if at_once < count {
            for (greetings, replies) in chunk {
                greetings.cancel();
                while replies.message().is_ok_and(|message| message.is_some()) {}
            }
        }
    }
}

#[test]
fn unary_calls_from_a_thousand_threads_share_a_connection() {
    let server = Running::start();
    let client = server.client();
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..1000 {
            scope.spawn(|| {
                assert_eq!(client.say_hello(&hello("you")).unwrap().message, "Hello, you!");
                answered.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    assert_eq!(answered.load(Ordering::SeqCst), 1000);
}

/// In a process of its own, in which a thread's stack is larger than the memory that there is to address.
#[test]
fn a_server_that_gets_no_thread_says_so() {
    const CHILD: &str = "SAILPLANE_TEST_WITHOUT_THREADS";
    if std::env::var_os(CHILD).is_some() {
        let bound = Server::new().bind("127.0.0.1:0").unwrap();
        let address = bound.local_addr().to_string();
        assert_eq!(bound.run().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        assert!(std::net::TcpStream::connect(address).is_err(), "it listens no longer");
        return;
    }
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_server_that_gets_no_thread_says_so", "--test-threads=1"]);
    let output = child.env(CHILD, "1").env("RUST_MIN_STACK", (1_usize << 50).to_string()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
