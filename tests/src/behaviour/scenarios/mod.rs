//! What holds for every client and every server.

use std::time::Duration;

use sailplane::{Code, Result, Status};

use crate::behaviour::{Pairing, World};
use crate::pb::{Act, Reply, Request};

mod cancelling;
mod connections;
mod deadlines;
mod failures;
mod kinds;
mod large;
mod many;
mod metadata;
mod shutdown;
mod slow;
mod threads;

/// Lists the scenarios.
macro_rules! list {
    ($($module:ident: $($scenario:ident)+;)+) => {
        $($(pub use $module::$scenario;)+)+

        /// All scenarios with their names.
        pub const ALL: &[(&str, fn(&World))] = &[$($((stringify!($scenario), $scenario),)+)+];
    };
}

list! {
    kinds: unary down up both empty_messages thousand_messages_each_way thousand_messages_up
        thousand_messages_down half_close_lets_the_client_read_on early_answer_to_an_upload
        early_answer_to_an_endless_upload early_end_of_a_conversation;
    large: large_messages too_large_request too_large_reply;
    metadata: metadata_of_a_unary_call metadata_of_streams initial_metadata_come_first trailers_with_an_error
        trailers_only_response every_code_and_any_text metadata_that_cannot_be_sent too_large_metadata
        peers_know_each_other;
    cancelling: dropped_stream_is_cancelled dropped_flood_is_cancelled cancelled_stream
        unary_cancel_reaches_the_server dropped_unary_is_cancelled dropped_upload_is_cancelled
        token_cancels_many server_ends_a_stream_with_an_error server_ends_an_upload_with_an_error;
    deadlines: missed_deadline_of_a_unary_call missed_deadline_of_a_stream deadline_reaches_a_unary_handler
        deadline_is_seen_by_the_server deadline_that_has_passed deadline_is_inherited
        cancellation_is_inherited;
    failures: unimplemented_method unimplemented_service panic_in_a_unary_handler panic_in_a_stream;
    many: thousand_concurrent_calls limit_of_concurrent_calls_queues many_calls_one_after_the_other;
    slow: stalled_stream_holds_nobody_up many_stalled_streams_hold_nobody_up
        handler_that_does_not_read_slows_only_its_client;
    threads: many_threads_on_one_channel few_slots_for_many_threads two_threads_wait_on_one_channel panic_of_the_thread_that_reads
        more_streams_than_workers;
    connections: nobody_listens killed_server_is_unavailable_and_comes_back wait_for_ready_waits_for_a_server
        lost_connection_cancels_on_the_server server_that_leaves_while_idle call_before_connect_moves
        unprocessed_call_is_repeated refused_call_is_repeated_once call_that_may_have_run_is_not_repeated;
    shutdown: shutdown_lets_calls_finish shutdown_is_bounded calls_after_shutdown_go_elsewhere;
}

fn say(payload: impl AsRef<[u8]>) -> Request {
    Request { payload: payload.as_ref().to_vec(), ..Request::default() }
}

fn ask(acts: &[Act]) -> Request {
    Request { acts: acts.iter().map(|&act| act.into()).collect(), ..Request::default() }
}

/// Asks for a failure.
fn fail(code: Code, message: &str) -> Request {
    Request { code: code.number().into(), message: message.into(), ..Request::default() }
}

#[track_caller]
fn assert_status<T: std::fmt::Debug>(result: Result<T>, code: Code, text: &str) -> Status {
    let status = result.expect_err("a failure");
    assert_eq!(status.code(), code, "{status}");
    assert!(status.message().contains(text), "{status}");
    status
}

fn payload(reply: Result<Option<Reply>>) -> Option<Vec<u8>> {
    reply.expect("a reply or the end").map(|reply| reply.payload)
}

/// Long enough for a call to arrive, short enough to wait for.
const SHORT: Duration = Duration::from_millis(100);
/// Never the reason why a test ends.
const LONG: Duration = Duration::from_secs(3600);

/// Whether the server serves one call at a time.
fn is_serial(pairing: Pairing) -> bool {
    use crate::behaviour::{Adapter, Transport};
    pairing.server == Adapter::Blocking && pairing.transport != Transport::InProcess
}
