use super::*;
use crate::call::{Code, Path, Replay, RequestHead};
use alloc::string::ToString;
use alloc::vec::Vec;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Instant {
    Instant::ZERO.saturating_add(Duration::from_secs(seconds))
}

fn record() -> Record {
    let head = RequestHead::new(Path::from_static("/a/B"), "x:1".into());
    let call = Replay { head, messages: VecDeque::new(), finished: true, never_sent: true };
    Record { call, wait_for_ready: false, repetitions: 0 }
}

fn until(deadline: Instant) -> Record {
    let mut record = record();
    record.call.head.deadline = Some(deadline);
    record
}

fn patient(deadline: Instant) -> Record {
    Record { wait_for_ready: true, ..until(deadline) }
}

fn machine() -> Machine {
    Machine::new(Config { waiting_calls_max: 3, pause: SECOND, ..Config::default() })
}

#[track_caller]
fn connect(machine: &mut Machine) -> ConnectionId {
    match machine.poll_action() {
        Some(Action::Connect(id)) => id,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn placing(machine: &mut Machine) -> (Ticket, Record, Place) {
    match machine.poll_action() {
        Some(Action::Place { ticket, record, place }) => (ticket, record, place),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn placed(machine: &mut Machine) -> (Ticket, Place) {
    let (ticket, _, place) = placing(machine);
    machine.placed();
    (ticket, place)
}

#[track_caller]
fn failed(machine: &mut Machine) -> (Ticket, Status) {
    match machine.poll_action() {
        Some(Action::Fail { ticket, status }) => (ticket, status),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn quiet(machine: &mut Machine) {
    assert!(machine.poll_action().is_none());
}

#[test]
fn the_first_call_connects_and_calls_are_placed_in_order() {
    let mut machine = machine();
    quiet(&mut machine);
    let first = machine.start(at(0), record()).unwrap();
    let id = connect(&mut machine);
    let second = machine.start(at(0), record()).unwrap();
    quiet(&mut machine);
    assert_eq!(machine.ready(), None);
    machine.handle_connected(at(1), id);
    assert_eq!(machine.ready(), None, "nobody overtakes");
    assert_eq!(placed(&mut machine).0, first);
    assert_eq!(placed(&mut machine).0, second);
    assert_eq!(machine.ready().unwrap().connection, id);
}

#[test]
fn nobody_overtakes_a_call_that_is_being_placed() {
    let mut machine = machine();
    let first = machine.start(at(0), record()).unwrap();
    let id = connect(&mut machine);
    machine.handle_connected(at(0), id);
    let (ticket, record_of_first, place) = placing(&mut machine);
    assert_eq!(machine.ready(), None, "a new call would take its room");
    let second = machine.start(at(0), record()).unwrap();
    quiet(&mut machine);
    machine.no_room(ticket, record_of_first, place);
    machine.placed();
    machine.handle_room(id);
    assert_eq!((placed(&mut machine).0, placed(&mut machine).0), (first, second));
    assert!(machine.ready().is_some());
}

#[test]
fn a_refused_call_keeps_its_place_until_there_is_room() {
    let mut machine = machine();
    let first = machine.start(at(0), record()).unwrap();
    let id = connect(&mut machine);
    machine.start(at(0), record()).unwrap();
    machine.handle_connected(at(0), id);
    let (ticket, record, place) = placing(&mut machine);
    machine.no_room(ticket, record, place);
    machine.placed();
    quiet(&mut machine);
    machine.handle_room(id);
    assert_eq!(placed(&mut machine).0, first);
}

#[test]
fn a_refusal_that_room_has_overtaken_does_not_count() {
    let mut machine = machine();
    machine.start(at(0), record()).unwrap();
    let id = connect(&mut machine);
    machine.handle_connected(at(0), id);
    let (ticket, record, place) = placing(&mut machine);
    machine.handle_room(id);
    machine.no_room(ticket, record, place);
    machine.placed();
    assert_eq!(placed(&mut machine).0, ticket);
}

#[test]
fn a_failed_attempt_fails_the_calls_and_the_next_call_connects_again() {
    let mut machine = machine();
    let ticket = machine.start(at(0), record()).unwrap();
    let id = connect(&mut machine);
    machine.handle_connect_failed(at(1), id, Status::unavailable("refused"));
    let (failed_ticket, status) = failed(&mut machine);
    assert_eq!((failed_ticket, status.message()), (ticket, "refused"));
    quiet(&mut machine);
    machine.start(at(1), record()).unwrap();
    assert_ne!(connect(&mut machine), id);
}

#[test]
fn a_call_that_waits_for_ready_survives_failures_until_its_deadline() {
    let mut machine = machine();
    machine.start(at(0), patient(at(2))).unwrap();
    let id = connect(&mut machine);
    machine.handle_connect_failed(at(0), id, Status::unavailable("refused"));
    quiet(&mut machine);
    let Some(Timeout { at: retry, timer: Timer::Reconnect }) = machine.poll_timeout() else {
        panic!("a pause")
    };
    assert!(retry.saturating_duration_since(at(0)).abs_diff(SECOND) <= SECOND / 5, "{retry:?}");
    machine.handle_timeout(retry);
    let id = connect(&mut machine);
    machine.handle_connect_failed(retry, id, Status::unavailable("refused"));
    assert_eq!(machine.poll_timeout(), Some(Timeout { at: at(2), timer: Timer::Deadline }));
    machine.handle_timeout(at(2));
    let (_, status) = failed(&mut machine);
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(
        alloc::format!("{status:#}"),
        "DEADLINE_EXCEEDED: the call waited for a connection until its deadline: UNAVAILABLE: refused"
    );
    assert!(!status.may_have_run());
    quiet(&mut machine);
}

#[test]
fn an_impatient_call_does_not_wait_for_the_pause() {
    let mut machine = machine();
    machine.start(at(0), patient(at(9))).unwrap();
    let id = connect(&mut machine);
    machine.handle_connect_failed(at(0), id, Status::unavailable("refused"));
    quiet(&mut machine);
    machine.start(at(0), record()).unwrap();
    connect(&mut machine);
}

#[test]
fn deadlines_pass_in_their_order_and_exactly_then() {
    let mut machine = machine();
    machine.start(at(0), until(at(5))).unwrap();
    let sooner = machine.start(at(0), until(at(3))).unwrap();
    connect(&mut machine);
    assert_eq!(machine.poll_timeout().unwrap().at, at(3));
    machine.handle_timeout(at(2));
    quiet(&mut machine);
    machine.handle_timeout(at(3));
    assert_eq!(failed(&mut machine).0, sooner);
    assert_eq!(machine.poll_timeout().unwrap().at, at(5));
}

#[test]
fn too_many_waiting_calls_are_refused() {
    let mut machine = machine();
    for _ in 0..3 {
        machine.start(at(0), record()).unwrap();
    }
    let status = machine.start(at(0), record()).unwrap_err();
    assert_eq!(status.to_string(), "RESOURCE_EXHAUSTED: 3 calls wait for a connection already");
}

/// What the caller asked for comes first: more time would not have helped a call that has none.
#[test]
fn a_call_whose_deadline_has_passed_says_so_also_where_too_many_wait() {
    let mut machine = machine();
    for calls in 0..=3 {
        let status = machine.start(at(5), until(at(5))).unwrap_err();
        assert_eq!(
            (status.code(), status.may_have_run(), machine.waiting()),
            (Code::DeadlineExceeded, false, calls)
        );
        if calls < 3 {
            machine.start(at(5), record()).unwrap();
        }
    }
}

#[test]
fn a_lost_or_draining_connection_is_replaced_when_a_call_needs_one() {
    let mut machine = machine();
    machine.start(at(0), record()).unwrap();
    let id = connect(&mut machine);
    machine.handle_connected(at(0), id);
    placed(&mut machine);
    machine.handle_draining(id);
    assert_eq!(machine.ready(), None);
    quiet(&mut machine);
    machine.start(at(0), record()).unwrap();
    let next = connect(&mut machine);
    machine.handle_lost(id);
    machine.handle_connected(at(0), next);
    assert_eq!(placed(&mut machine).1.connection, next, "the loss of the old one changes nothing");
    machine.handle_lost(next);
    assert_eq!(machine.ready(), None);
}

#[test]
fn an_abandoned_attempt_is_asked_for_again_while_calls_wait() {
    let mut machine = machine();
    machine.start(at(0), until(at(1))).unwrap();
    machine.start(at(0), record()).unwrap();
    let id = connect(&mut machine);
    machine.handle_connect_abandoned(at(1), id);
    failed(&mut machine);
    let again = connect(&mut machine);
    machine.handle_connected(at(1), id);
    quiet(&mut machine);
    machine.handle_connected(at(1), again);
    placed(&mut machine);
}

#[test]
fn withdrawn_calls_are_forgotten_and_a_closed_channel_fails_the_others() {
    let mut machine = machine();
    let gone = machine.start(at(0), until(at(1))).unwrap();
    let stays = machine.start(at(0), record()).unwrap();
    assert!(machine.withdraw(gone).is_some());
    assert!(machine.withdraw(gone).is_none());
    assert_eq!(machine.poll_timeout(), None);
    machine.close();
    let tickets: Vec<_> = core::iter::from_fn(|| machine.poll_action()).collect();
    assert!(matches!(&tickets[..], [Action::Fail { ticket, .. }] if *ticket == stays));
    assert_eq!(machine.start(at(0), record()).unwrap_err().message(), "the channel was closed");
}
