use super::*;
use crate::socket::Stream;
use sailplane::Config;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;

/// Notes whose bytes arrived, and has enough after so many.
struct Seen {
    tokens: Vec<usize>,
    enough: usize,
}

impl Turn for Seen {
    fn received(&mut self, link: &Arc<Link<Transport>>, _: &mut [u8]) {
        self.tokens.push(link.io().token());
    }

    fn has_enough(&self) -> bool {
        self.tokens.len() >= self.enough
    }
}

fn connect(poller: &Arc<Poller>) -> UnixStream {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let stream = Stream::Unix(theirs).prepared().unwrap();
    poller.add(stream, |io| Link::server(io, &Config::default())).unwrap();
    ours
}

#[test]
fn a_turn_that_stops_early_goes_on_before_the_next_wait_and_leaves_nobody_out() {
    let (poller, mut seat) = Poller::new().unwrap();
    let mut peers: Vec<_> = (0..3).map(|_| connect(&poller)).collect();
    for peer in &mut peers {
        peer.write_all(b"x").unwrap();
    }
    poller.request(Request::Accept);
    let mut seen = Seen { tokens: Vec::new(), enough: 1 };
    assert!(seat.wait(None, None));
    for count in 1..=3 {
        seen.enough = count;
        seat.turn(&mut seen);
        assert_eq!(seen.tokens.len(), count, "one at a time");
        assert_eq!(seat.take_listener_ready(), count == 3, "requests are served when all were read");
        if count < 3 {
            // There are no more events: it would wait for ever.
            assert!(!seat.wait(None, None));
        }
    }
    seen.tokens.sort_unstable();
    assert_eq!(seen.tokens, [0, 1, 2]);
    poller.clear();
}

#[test]
fn a_leader_that_leaves_the_time_to_others_is_woken_by_them() {
    let (poller, mut seat) = Poller::new().unwrap();
    let until = now().saturating_add(Duration::from_secs(3600));
    let watched = AtomicBool::new(true);
    for at in [Some(until), None] {
        std::thread::scope(|scope| {
            let leader = scope.spawn(|| seat.wait(Some(until), Some(&watched)));
            while !leader.is_finished() {
                poller.end_nap(Some(Instant::from_nanos(until.as_nanos() - 1)));
                // It may not sleep yet.
                poller.end_nap(at);
                std::thread::yield_now();
            }
            assert!(leader.join().unwrap());
        });
    }
    watched.store(false, Ordering::SeqCst);
    assert!(!poller.naps(until, &watched), "nobody looks at the time");
}
