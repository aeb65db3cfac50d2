//! The table of limits: its page, and for each row a test that goes to the bound and beyond.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod adapters;
mod fixed;
mod headers;
mod honest;
mod keepalive;
mod messages;
mod page;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod timeouts;

/// Makes a test of every row, and the list of rows that have one.
macro_rules! rows {
    ($list:ident: $($name:ident in $module:ident;)*) => {
        const $list: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                $module::$name();
            }
        )*
    };
}

rows! { KNOBS:
    concurrent_calls_max in streams;
    resets_burst in streams;
    resets_per_second in streams;
    glitches_burst in streams;
    glitches_per_second in streams;
    queued_replies_max in streams;
    header_list_bytes_max in headers;
    header_fields_max in headers;
    header_decode_bytes_max in headers;
    continuation_frames_max in headers;
    header_table_bytes in headers;
    stream_window_bytes in messages;
    connection_window_bytes in messages;
    unread_bytes_max in messages;
    credit_ahead_bytes_max in messages;
    unread_stall in messages;
    unsent_call_bytes_max in messages;
    unsent_bytes_max in messages;
    message_bytes_max in messages;
    settings_per_frame_max in streams;
    interim_responses_max in headers;
    handshake_timeout in timeouts;
    settings_ack_timeout in timeouts;
    partial_frame_timeout in timeouts;
    header_block_timeout in timeouts;
    write_stall_timeout in timeouts;
    ping_interval_min in keepalive;
    ping_interval_idle_min in keepalive;
    ping_strikes_max in keepalive;
    server_keepalive in keepalive;
    client_keepalive in keepalive;
    keepalive_timeout in keepalive;
    connection_idle_max in keepalive;
    connection_age_max in keepalive;
    connection_age_grace in keepalive;
    request_metadata_bytes_max in headers;
    replay_bytes_max in messages;
    waiting_calls_max in streams;
    reconnect_pause in streams;
    reconnect_pause_max in streams;
    connections_max in adapters;
    handshakes_max in adapters;
    server_bytes_max in messages;
}

rows! { FIXED:
    hpack_integer in fixed;
    hpack_string in fixed;
    hpack_size_updates in fixed;
    hpack_encoder_table in fixed;
    frame_size in fixed;
    small_data in fixed;
    spare_buffers in fixed;
    sent_message in fixed;
    push_promise in fixed;
    closed_streams in fixed;
    grpc_timeout in fixed;
}

#[test]
fn every_row_has_a_test() {
    let limits = sailplane::Limits::default();
    let rows: Vec<_> = limits.rows().iter().map(|row| row.name).collect();
    assert_eq!(rows, KNOBS);
    let rows: Vec<_> = sailplane::limits::FIXED.iter().map(|(name, ..)| *name).collect();
    assert_eq!(rows, FIXED);
}
