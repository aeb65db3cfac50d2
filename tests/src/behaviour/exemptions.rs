//! What an adapter does not promise, and why.

use crate::behaviour::world::{Adapter, Pairing, Transport};

/// Where something does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Where {
    /// With servers on this adapter.
    Server(Adapter),
    /// With any server but those on this adapter.
    ServerOtherThan(Adapter),
    /// Where there is no connection.
    InProcess,
    /// In process, on this adapter.
    InProcessOn(Adapter),
    /// Where a cable stands between both.
    Weather,
}

/// Scenario, where, why.
type Exemption = (&'static str, Where, &'static str);

const ONE_CALL: &str = "`serve_connection` runs handlers inline, one call at a time";
const NO_LISTENER: &str = "`serve_connection` has no server around it that could be shut down";
const INLINE: &str = "a handler that runs inline cannot see a cancel except in its own sends and receives";
const CALLER: &str = "a unary handler runs on the thread of its caller, which can do nothing else";
const NO_LIMITS: &str = "a channel in process takes no limits here";
const NO_SOCKET: &str = "there is no connection that could be lost";
const NO_WORKERS: &str = "only the threads server bounds the handlers that run";

const CABLE: &str =
    "what the client is connected to is the cable, which has its own address and outlives the server";

const EXEMPTIONS: &[Exemption] = &[
    ("limit_of_concurrent_calls_queues", Where::Server(Adapter::Blocking), ONE_CALL),
    ("thousand_concurrent_calls", Where::Server(Adapter::Blocking), ONE_CALL),
    ("stalled_stream_holds_nobody_up", Where::Server(Adapter::Blocking), ONE_CALL),
    ("many_stalled_streams_hold_nobody_up", Where::Server(Adapter::Blocking), ONE_CALL),
    ("two_threads_wait_on_one_channel", Where::Server(Adapter::Blocking), ONE_CALL),
    ("panic_of_the_thread_that_reads", Where::Server(Adapter::Blocking), ONE_CALL),
    ("unary_cancel_reaches_the_server", Where::Server(Adapter::Blocking), INLINE),
    ("dropped_unary_is_cancelled", Where::Server(Adapter::Blocking), INLINE),
    ("token_cancels_many", Where::Server(Adapter::Blocking), ONE_CALL),
    ("deadline_reaches_a_unary_handler", Where::Server(Adapter::Blocking), INLINE),
    ("cancellation_is_inherited", Where::Server(Adapter::Blocking), INLINE),
    ("shutdown_lets_calls_finish", Where::Server(Adapter::Blocking), NO_LISTENER),
    ("shutdown_is_bounded", Where::Server(Adapter::Blocking), NO_LISTENER),
    ("calls_after_shutdown_go_elsewhere", Where::Server(Adapter::Blocking), NO_LISTENER),
    ("more_streams_than_workers", Where::ServerOtherThan(Adapter::Threads), NO_WORKERS),
    ("handler_that_does_not_read_slows_only_its_client", Where::Server(Adapter::Blocking), ONE_CALL),
    ("unary_cancel_reaches_the_server", Where::InProcessOn(Adapter::Blocking), CALLER),
    ("dropped_unary_is_cancelled", Where::InProcessOn(Adapter::Blocking), CALLER),
    ("deadline_reaches_a_unary_handler", Where::InProcessOn(Adapter::Blocking), CALLER),
    ("missed_deadline_of_a_unary_call", Where::InProcessOn(Adapter::Blocking), CALLER),
    ("cancellation_is_inherited", Where::InProcessOn(Adapter::Blocking), CALLER),
    ("panic_of_the_thread_that_reads", Where::InProcessOn(Adapter::Blocking), CALLER),
    ("large_messages", Where::InProcessOn(Adapter::Blocking), NO_LIMITS),
    ("large_messages", Where::InProcessOn(Adapter::Threads), NO_LIMITS),
    ("shutdown_lets_calls_finish", Where::InProcess, NO_SOCKET),
    ("shutdown_is_bounded", Where::InProcess, NO_SOCKET),
    ("calls_after_shutdown_go_elsewhere", Where::InProcess, NO_SOCKET),
    ("killed_server_is_unavailable_and_comes_back", Where::InProcess, NO_SOCKET),
    ("nobody_listens", Where::InProcess, NO_SOCKET),
    ("wait_for_ready_waits_for_a_server", Where::InProcess, NO_SOCKET),
    ("lost_connection_cancels_on_the_server", Where::InProcess, NO_SOCKET),
    ("server_that_leaves_while_idle", Where::InProcess, NO_SOCKET),
    ("call_before_connect_moves", Where::InProcess, NO_SOCKET),
    ("refused_call_is_repeated_once", Where::InProcess, NO_SOCKET),
    ("unprocessed_call_is_repeated", Where::InProcess, NO_SOCKET),
    ("call_that_may_have_run_is_not_repeated", Where::InProcess, NO_SOCKET),
    ("peers_know_each_other", Where::InProcess, NO_SOCKET),
    ("more_streams_than_workers", Where::InProcess, NO_WORKERS),
    ("peers_know_each_other", Where::Weather, CABLE),
    ("killed_server_is_unavailable_and_comes_back", Where::Weather, CABLE),
];

/// Why this pairing need not pass this scenario, if so.
#[must_use]
pub fn exemption(pairing: Pairing, weather: bool, scenario: &str) -> Option<&'static str> {
    let applies = |place: Where| match place {
        Where::InProcess => pairing.transport == Transport::InProcess,
        Where::Server(adapter) => pairing.transport != Transport::InProcess && pairing.server == adapter,
        Where::InProcessOn(adapter) => pairing.transport == Transport::InProcess && pairing.server == adapter,
        Where::ServerOtherThan(adapter) => pairing.server != adapter,
        Where::Weather => weather,
    };
    EXEMPTIONS.iter().find(|(name, place, _)| *name == scenario && applies(*place)).map(|&(_, _, why)| why)
}

/// The scenarios that have an exemption.
pub fn exempt() -> impl Iterator<Item = &'static str> {
    EXEMPTIONS.iter().map(|&(name, ..)| name)
}
