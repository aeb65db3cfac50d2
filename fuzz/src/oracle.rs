//! `hpack` 0.3.0, an HPACK of other authors. It panics on some inputs (RUSTSEC-2023-0085), which is no
//! finding about Sailplane.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// What `ask` returns, or `None` where it panics.
///
/// libFuzzer's hook ends the process at every panic; while the oracle is asked another one stands before it.
pub fn fenced<T>(ask: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !ASKING.get() {
                previous(info);
            }
        }));
    });
    ASKING.set(true);
    let answer = panic::catch_unwind(AssertUnwindSafe(ask)).ok();
    ASKING.set(false);
    answer
}
