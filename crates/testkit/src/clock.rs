//! A clock that stands still until it is told to move, and that may be told to jump back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z, moved by hand. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// A clock that shows `ms`.
    pub fn at(ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(ms)))
    }

    /// What it shows, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Makes it show `ms`, earlier or later.
    pub fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }

    /// Moves it on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as u64, Ordering::SeqCst);
    }

    /// Moves it back, as a corrected system clock does.
    ///
    /// # Panics
    /// When that would be before 1970.
    pub fn jump_back(&self, by: Duration) {
        let earlier = |now: u64| now.checked_sub(by.as_millis() as u64);
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, earlier).expect("a time since 1970");
    }

    /// The clock as a function, for code that takes its time as an argument.
    pub fn reader(&self) -> impl Fn() -> u64 + Clone + Send + Sync + 'static {
        let clock = self.clone();
        move || clock.now_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use std::time::Duration;

    #[test]
    fn clones_and_readers_show_the_time_that_was_set_last() {
        let clock = Clock::at(10_000);
        let (other, reader) = (clock.clone(), clock.reader());
        clock.advance(Duration::from_secs(5));
        assert_eq!((other.now_ms(), reader()), (15_000, 15_000));
        other.jump_back(Duration::from_secs(14));
        assert_eq!((clock.now_ms(), reader()), (1_000, 1_000));
        clock.set(2);
        assert_eq!(reader(), 2);
    }

    #[test]
    #[should_panic(expected = "since 1970")]
    fn there_is_no_time_before_1970() {
        Clock::at(10).jump_back(Duration::from_secs(1));
    }
}
