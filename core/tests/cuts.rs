//! Every-cut loop: whatever ends a scenario at whatever place, every call ends once and nothing is left.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use core::time::Duration;
use sailplane::{Code, Status};
use support::actors::Plan;
use support::scenarios::{self, Scenario};
use support::world::World;

/// Octets that go up and down, and turns that it takes, when nothing disturbs.
fn size(scenario: &Scenario, piece: Option<usize>) -> (usize, usize, usize) {
    let mut world = scenario.world();
    world.link.piece = piece;
    world.settle();
    let turns = world.steps;
    (world.pair.client.written.len(), world.pair.server.written.len(), turns)
}

#[test]
fn the_way_up_is_cut_after_every_byte() {
    for scenario in scenarios::small() {
        for at in 0..=size(&scenario, None).0 {
            let mut world = scenario.world();
            world.link.cut_up = Some(at);
            world.finish();
        }
    }
}

#[test]
fn the_way_down_is_cut_after_every_byte() {
    for scenario in scenarios::small() {
        for at in 0..=size(&scenario, None).1 {
            let mut world = scenario.world();
            world.link.cut_down = Some(at);
            world.finish();
        }
    }
}

#[test]
fn a_large_transfer_is_cut_in_many_places() {
    for scenario in scenarios::large() {
        let (up, down, _) = size(&scenario, None);
        for part in 0..40 {
            let mut world = scenario.world();
            (world.link.cut_up, world.link.cut_down) = (Some(up * part / 40), Some(down * (part + 1) / 40));
            world.finish();
        }
    }
}

/// Runs a scenario in small pieces and does something after every number of turns.
fn at_every_turn(scenario: &Scenario, piece: usize, act: impl Fn(&mut World)) {
    for at in 0..=size(scenario, Some(piece)).2 {
        let mut world = scenario.world();
        world.link.piece = Some(piece);
        for _ in 0..at {
            world.step();
        }
        act(&mut world);
        world.finish();
    }
}

fn cancel_all(world: &mut World, by_server: bool) {
    let (actor, end) = if by_server {
        (&world.server, &mut world.pair.server)
    } else {
        (&world.client, &mut world.pair.client)
    };
    for call in actor.open() {
        end.connection.cancel(call, Status::cancelled("enough")).unwrap();
    }
}

#[test]
fn the_client_cancels_at_every_turn() {
    for scenario in scenarios::small() {
        for piece in [11, 100] {
            at_every_turn(&scenario, piece, |world| cancel_all(world, false));
        }
    }
}

#[test]
fn the_server_cancels_at_every_turn() {
    for scenario in scenarios::small() {
        for piece in [11, 100] {
            at_every_turn(&scenario, piece, |world| cancel_all(world, true));
        }
    }
}

#[test]
fn large_transfers_are_cancelled_at_every_turn_by_either_side() {
    for scenario in scenarios::large() {
        at_every_turn(&scenario, 20_000, |world| cancel_all(world, false));
        at_every_turn(&scenario, 20_000, |world| cancel_all(world, true));
    }
}

#[test]
fn a_call_is_released_at_every_turn_by_either_side() {
    for scenario in scenarios::small() {
        at_every_turn(&scenario, 30, |world| release_all(world, false));
        at_every_turn(&scenario, 30, |world| release_all(world, true));
    }
}

fn release_all(world: &mut World, by_server: bool) {
    let (actor, end) = if by_server {
        (&mut world.server, &mut world.pair.server)
    } else {
        (&mut world.client, &mut world.pair.client)
    };
    for call in actor.open() {
        end.connection.release(call);
        end.events.retain(|event| !format!("{event:?}").contains(&format!("{call:?}")));
        actor.forget(actor.at(call).unwrap());
    }
}

#[test]
fn the_deadline_passes_at_every_turn() {
    for mut scenario in scenarios::small() {
        let after = Duration::from_millis(50);
        scenario.plans = scenario.plans.into_iter().map(|plan| plan.deadline(after)).collect();
        at_every_turn(&scenario, 11, |world| {
            let due = world.pair.now.saturating_add(after);
            world.pair.now = due;
            let open = world.client.open();
            world.pair.client.connection.handle_timeout(due);
            world.pair.server.connection.handle_timeout(due);
            world.settle();
            for seen in world.client.calls.iter().filter(|seen| open.contains(&seen.call.unwrap())) {
                assert_eq!(seen.ended, 1, "a deadline is not overrun: {seen:?}");
            }
        });
    }
}

#[test]
fn a_server_shuts_down_at_every_turn() {
    for scenario in scenarios::small() {
        at_every_turn(&scenario, 30, |world| {
            let now = world.pair.now;
            world.pair.server.connection.shutdown(now, Duration::from_secs(5));
        });
    }
}

#[test]
fn either_side_closes_at_every_turn() {
    for scenario in scenarios::small() {
        at_every_turn(&scenario, 30, |world| world.pair.server.connection.close(world.pair.now));
        at_every_turn(&scenario, 30, |world| world.pair.client.connection.close(world.pair.now));
        at_every_turn(&scenario, 30, |world| {
            world.pair.client.connection.shutdown(world.pair.now, Duration::from_secs(5));
        });
    }
}

#[test]
fn a_deadline_in_the_past_ends_a_call_before_it_is_sent() {
    let mut world = World::new(&[Plan::new("unary", &[b"x"]).deadline(Duration::ZERO)]);
    world.finish();
    assert_eq!(world.client.calls[0].status(), Some(Err(Code::DeadlineExceeded)));
    assert_eq!(world.server.calls.len(), 0);
}

#[test]
fn the_deadline_of_a_call_that_is_gone_ends_no_other() {
    let after = Duration::from_secs(1);
    let mut world = World::new(&[Plan::new("unary", &[b"x"]).deadline(after)]);
    world.settle();
    let first = world.client.calls[0].call.unwrap();
    world.client.plans.push_back(Plan::new("hang", &[b"y"]));
    let now = world.pair.now;
    world.client.start_calls(&mut world.pair.client, now);
    world.settle();
    let second = world.client.calls[1].call.unwrap();
    assert_eq!(first.index(), second.index(), "the slot is used again");
    world.pass(after + after);
    assert_eq!((world.client.open(), world.server.open().len()), (vec![second], 1));
    world.finish();
}
