//! See [`sailplane_fuzz::hpack_round_trip`].
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| sailplane_fuzz::hpack_round_trip(data));

#[cfg(not(fuzzing))]
fn main() {
    sailplane_fuzz::replay_arguments(sailplane_fuzz::hpack_round_trip);
}
