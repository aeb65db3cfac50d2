//! Flow-control windows (RFC 9113 §5.2, §6.9): one type for each direction, used by streams and by the
//! connection alike.

/// RFC 9113 §6.9.1: "A sender MUST NOT allow a flow-control window to exceed 2^31-1 octets."
pub const WINDOW_MAX: i64 = 0x7fff_ffff;

/// What every window starts with (RFC 9113 §6.9.2), until settings change it.
pub const WINDOW_INITIAL: u32 = 65_535;

/// How much this side may send. Negative after the peer lowered its initial window size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendWindow(i32);

/// The peer raised a window above 2^31-1, or sent more than it may: FLOW_CONTROL_ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowOverflow;

impl SendWindow {
    /// A window of `octets`.
    #[must_use]
    pub const fn new(octets: u32) -> Self {
        Self(if octets > i32::MAX as u32 { i32::MAX } else { octets as i32 })
    }

    /// Octets that may be sent now.
    #[must_use]
    #[inline]
    pub fn available(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    /// The window as it is, negative where it is.
    #[must_use]
    pub const fn octets(self) -> i64 {
        self.0 as i64
    }

    /// Credit is spent as a frame is written, never before. `octets` is at most what is available.
    #[inline]
    pub fn spend(&mut self, octets: usize) {
        let octets = i32::try_from(octets).unwrap_or(i32::MAX);
        debug_assert!(octets <= self.0, "spent more than the window");
        // What is available was spent of, so it is not below zero.
        self.0 = self.0.wrapping_sub(octets);
    }

    /// WINDOW_UPDATE came.
    ///
    /// # Errors
    /// The window would exceed 2^31-1.
    pub fn increase(&mut self, increment: u32) -> Result<(), WindowOverflow> {
        self.adjust(i64::from(increment))
    }

    /// The peer changed SETTINGS_INITIAL_WINDOW_SIZE by `difference` (RFC 9113 §6.9.2).
    ///
    /// # Errors
    /// The window would exceed 2^31-1.
    pub fn adjust(&mut self, difference: i64) -> Result<(), WindowOverflow> {
        let window = i64::from(self.0).saturating_add(difference);
        if window > WINDOW_MAX {
            return Err(WindowOverflow);
        }
        self.0 = narrowed(window);
        Ok(())
    }
}

/// How much the peer may send, and what it is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveWindow {
    /// What the peer may still send, as it knows. Negative after our initial window size fell.
    available: i32,
    /// What it is owed: returned by the next WINDOW_UPDATE.
    owed: u32,
    /// The size that the window is kept at.
    size: u32,
    /// By how much it is larger, for a message in progress.
    lent: u32,
    /// Octets up to where the credit ends that the peer is sure to know of. Zero: it used up all of that.
    edge: u32,
}

impl ReceiveWindow {
    /// A window of `size` octets, known to the peer.
    #[must_use]
    pub const fn new(size: u32) -> Self {
        let available = if size > i32::MAX as u32 { i32::MAX } else { size as i32 };
        Self { available, owed: 0, size, lent: 0, edge: known(available) }
    }

    /// The peer sent `octets` of flow-controlled payload.
    ///
    /// # Errors
    /// It was not allowed to.
    #[inline]
    pub fn receive(&mut self, octets: u32) -> Result<(), WindowOverflow> {
        // Both are far from the bounds of the type.
        let left = i64::from(self.available).wrapping_sub(i64::from(octets));
        // RFC 9113 §6.9: an empty frame needs no window, also where a lowered size made it negative.
        if left < 0 && octets > 0 {
            return Err(WindowOverflow);
        }
        self.available = narrowed(left);
        self.approach(octets);
        Ok(())
    }

    /// The peer came nearer to where its credit ends, as far as it is sure to know. One that has more to send than it
    /// has credit for sends just that, and its frame ends there; a frame that goes beyond shows that it knew of more.
    /// So it shows without a clock, and at any distance, whether the window is what holds the peer up.
    #[inline]
    const fn approach(&mut self, octets: u32) {
        match self.edge.checked_sub(octets) {
            Some(left) => self.edge = left,
            None if self.edge > 0 => self.edge = known(self.available),
            None => {}
        }
    }

    /// Whether the peer was held up by this window.
    #[must_use]
    #[inline]
    pub const fn is_used_up(&self) -> bool {
        self.edge == 0
    }

    /// From now on it is asked anew whether the window holds the peer up: once it knows of what it is owed, too.
    pub fn look_again(&mut self) {
        self.edge = known(self.available).saturating_add(self.owed);
    }

    /// `octets` of what was received need no more room here.
    #[inline]
    pub fn give_back(&mut self, octets: usize) {
        self.owed = self.owed.saturating_add(u32::try_from(octets).unwrap_or(u32::MAX));
    }

    /// The window is larger by so many octets until they are [taken back](Self::take_back). How many of them fit
    /// below the largest window that there is.
    pub fn lend(&mut self, octets: u32) -> u32 {
        let most = i32::MAX.unsigned_abs().saturating_sub(self.size).saturating_sub(self.lent);
        let lent = octets.min(most);
        self.lent = self.lent.saturating_add(lent);
        self.owed = self.owed.saturating_add(lent);
        lent
    }

    /// Of `octets` that came, keeps so many as are lent beyond `stays`, instead of giving them back; how many.
    pub fn take_back(&mut self, octets: usize, stays: u32) -> u32 {
        let over = self.lent.saturating_sub(stays);
        let taken = u32::try_from(octets).map_or(over, |octets| over.min(octets));
        self.lent = self.lent.saturating_sub(taken);
        taken
    }

    /// Octets that are lent.
    #[must_use]
    #[inline]
    pub const fn lent(&self) -> u32 {
        self.lent
    }

    /// Of so many octets, those that no window of this size can take, nothing lent.
    #[must_use]
    pub fn beyond(&self, octets: usize) -> u32 {
        u32::try_from(octets).unwrap_or(u32::MAX).saturating_sub(self.size)
    }

    /// The size that the window is kept at, nothing lent.
    #[must_use]
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// Keeps the window at `size` from now on; a larger one is owed to the peer by WINDOW_UPDATE.
    pub fn grow_to(&mut self, size: u32) {
        self.owed = self.owed.saturating_add(size.saturating_sub(self.size));
        self.size = self.size.max(size);
    }

    /// Keeps the window at `size` from now on. What the peer has credit for beyond it, it keeps.
    pub fn shrink_to(&mut self, size: u32) {
        self.size = self.size.min(size);
    }

    /// Our SETTINGS_INITIAL_WINDOW_SIZE was acknowledged: `difference` to the old value (RFC 9113 §6.9.2).
    pub fn adjust(&mut self, difference: i64) {
        self.available = narrowed(i64::from(self.available).saturating_add(difference));
        self.size = u32::try_from(i64::from(self.size).saturating_add(difference)).unwrap_or(0);
        if self.edge > 0 {
            self.edge = u32::try_from(i64::from(self.edge).saturating_add(difference)).unwrap_or(0);
        }
    }

    /// Whether a WINDOW_UPDATE is worth a frame: half of the window is owed.
    #[must_use]
    #[inline]
    pub const fn wants_update(&self) -> bool {
        self.owed > 0 && self.owed >= self.size.saturating_add(self.lent) / 2
    }

    /// The increment of a WINDOW_UPDATE to be written now, if one is worth it.
    pub fn take_update(&mut self) -> Option<u32> {
        if !self.wants_update() {
            return None;
        }
        // The window never exceeds its maximum: what the peer may send plus what it is owed is at most `size` and `lent`.
        let increment = self.owed.min(0x7fff_ffff);
        self.owed = self.owed.saturating_sub(increment);
        self.available = narrowed(i64::from(self.available).saturating_add(i64::from(increment)));
        Some(increment)
    }

    /// What the peer may still send, as it knows.
    #[must_use]
    pub const fn available(&self) -> i64 {
        self.available as i64
    }

    /// What is owed and not yet returned.
    #[must_use]
    pub const fn owed(&self) -> u32 {
        self.owed
    }
}

/// What may be sent of a window.
const fn known(available: i32) -> u32 {
    if available < 0 { 0 } else { available.unsigned_abs() }
}

/// A window, which is never larger than its maximum.
#[inline]
fn narrowed(octets: i64) -> i32 {
    i32::try_from(octets).unwrap_or(if octets < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9113 §6.9.1: a window never exceeds 2^31-1.
    #[test]
    fn a_send_window_does_not_overflow() {
        let mut window = SendWindow::new(1);
        assert_eq!(window.increase(0x7fff_ffff), Err(WindowOverflow));
        assert_eq!(window.increase(0x7fff_fffe), Ok(()));
        assert_eq!(window.available(), 0x7fff_ffff);
    }

    /// RFC 9113 §6.9.2: a change of the initial size can make a window negative.
    #[test]
    fn a_send_window_can_be_negative() {
        let mut window = SendWindow::new(10);
        window.spend(10);
        window.adjust(-5).unwrap();
        assert_eq!(window.available(), 0);
        window.increase(6).unwrap();
        assert_eq!(window.available(), 1);
    }

    #[test]
    fn updates_go_out_when_half_a_window_is_owed() {
        let mut window = ReceiveWindow::new(100);
        assert_eq!(window.receive(101), Err(WindowOverflow));
        window.receive(100).unwrap();
        window.give_back(49);
        assert_eq!(window.take_update(), None);
        window.give_back(1);
        assert_eq!(window.take_update(), Some(50));
        assert_eq!((window.available(), window.owed()), (50, 0));
    }
}
