//! Who looked: noted before he is shown anything, and so that looking does not drown the log.
//!
//! Each reader, kind of look and minute has at most two records: the first look is in the log before it is answered; those
//! that follow in the same minute wait until it is, are counted, and told in one record when the minute is over or the
//! server stops. So a crash loses how often somebody looked in its last minute, and never that he did. Where the first
//! cannot be written, looking is refused.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use sequencer::beside::Rows;
use tokio::sync::OnceCell;

use super::Draft;
use crate::{
    access::{Access, Caller},
    app::App,
    limits::{LOOK_WINDOW, LOOKED_QUERIES_BYTES_MAX},
    problem::Problem,
};

/// What somebody looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Look {
    /// One record.
    Record,
    /// A bundle of entries.
    Entries,
    /// Content.
    Payload,
    /// What a search found.
    Search,
    /// A session as a story.
    Session,
    /// The tokens, or the holds.
    Administration,
}

impl Look {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Entries => "entries",
            Self::Payload => "payload",
            Self::Search => "search",
            Self::Session => "session",
            Self::Administration => "administration",
        }
    }
}

/// The looks of the present minute.
#[derive(Default)]
pub(crate) struct Looks(Mutex<HashMap<(String, Look), Window>>);

/// Looks of one kind by one reader.
struct Window {
    since_ms: i64,
    /// Set when the first look is in the log.
    written: Arc<OnceCell<()>>,
    /// Those after the first.
    further: u64,
    /// What they asked, a line each, as far as there is room.
    queries: String,
}

impl Looks {
    /// The window that a look belongs to, by what tells whether its first look is written; and what is to be told of the
    /// one before, if this look opens it.
    fn window(&self, reader: &str, look: Look, now_ms: i64) -> (Arc<OnceCell<()>>, Option<Draft>) {
        let mut windows = self.0.lock();
        let key = (reader.to_owned(), look);
        if let Some(window) = windows.get(&key)
            && window.is_open(now_ms)
        {
            return (window.written.clone(), None);
        }
        let written = Arc::<OnceCell<()>>::default();
        let window =
            Window { since_ms: now_ms, written: written.clone(), further: 0, queries: String::new() };
        let before = windows.insert(key, window);
        (written, before.and_then(|before| before.told(reader, look)))
    }

    /// Counts a look after the first of a window that was written.
    fn further(&self, reader: &str, look: Look, query: Option<&str>, written: &Arc<OnceCell<()>>) {
        if let Some(window) = self.0.lock().get_mut(&(reader.to_owned(), look))
            && Arc::ptr_eq(&window.written, written)
        {
            window.further += 1;
            window.note(query);
        }
    }

    /// What is to be told of windows that are over; of all of them, at the end.
    fn over(&self, now_ms: Option<i64>) -> Vec<Draft> {
        let mut told = vec![];
        self.0.lock().retain(|(reader, look), window| {
            let open = now_ms.is_some_and(|now| window.is_open(now));
            if !open {
                told.extend(window.told(reader, *look));
            }
            open
        });
        told
    }

    /// A window whose first look was not written is none.
    fn forget(&self, reader: &str, look: Look, written: &Arc<OnceCell<()>>) {
        self.0.lock().retain(|key, window| {
            (key.0.as_str(), key.1) != (reader, look) || !Arc::ptr_eq(&window.written, written)
        });
    }
}

impl Window {
    /// A clock that goes back begins a new one.
    fn is_open(&self, now_ms: i64) -> bool {
        let age = now_ms - self.since_ms;
        (0..LOOK_WINDOW.as_millis() as i64).contains(&age)
    }

    fn note(&mut self, query: Option<&str>) {
        let Some(query) = query else { return };
        if self.queries.len() + query.len() < LOOKED_QUERIES_BYTES_MAX {
            self.queries.push_str(query);
            self.queries.push('\n');
        }
    }

    fn told(&self, reader: &str, look: Look) -> Option<Draft> {
        let queries = (!self.queries.is_empty()).then(|| self.queries.clone());
        (self.further > 0).then(|| Draft::read(reader, look.name(), self.further, queries))
    }
}

impl App {
    /// Notes that somebody looks, before he is shown anything. Where nobody is asked who he is, nobody is noted.
    pub(crate) async fn look(
        self: &Arc<Self>,
        caller: &Caller,
        look: Look,
        query: Option<&str>,
    ) -> Result<(), Box<Problem>> {
        let (Access::Tokens(_), Some(custody)) = (&self.access, &self.custody) else { return Ok(()) };
        let (reader, looks) = (caller.reader(), &custody.clerk.looks);
        let (written, before) = looks.window(&reader, look, self.clock.now_ms());
        let mut is_first = false;
        let first = written.get_or_try_init(async || {
            is_first = true;
            let now = Draft::read(&reader, look.name(), 1, query.map(str::to_owned));
            for draft in before.into_iter().chain([now]) {
                custody.clerk.write(self, draft, |_| Ok(Rows::default())).await?;
            }
            Ok(())
        });
        if let Err(problem) = first.await {
            looks.forget(&reader, look, &written);
            return Err(problem);
        }
        if !is_first {
            looks.further(&reader, look, query, &written);
        }
        Ok(())
    }

    /// Writes what is still to be told of looks whose minute is over, again and again.
    pub async fn tell_looks(self: Arc<Self>) {
        let Some(custody) = &self.custody else { return };
        let mut ticks = tokio::time::interval(LOOK_WINDOW / 12);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.tell(custody.clerk.looks.over(Some(self.clock.now_ms()))).await;
        }
    }

    /// Writes what is still to be told of all looks: before the log is closed.
    pub async fn tell_last_looks(self: &Arc<Self>) {
        if let Some(custody) = &self.custody {
            self.tell(custody.clerk.looks.over(None)).await;
        }
    }

    async fn tell(self: &Arc<Self>, drafts: Vec<Draft>) {
        let Some(custody) = &self.custody else { return };
        for draft in drafts {
            if let Err(problem) = custody.clerk.write(self, draft, |_| Ok(Rows::default())).await {
                tracing::warn!(%problem, "how often somebody looked was not written");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks as somebody does whose first look is always written; whether it was the first, and what of before is told.
    fn count(looks: &Looks, look: Look, query: &str, now_ms: i64) -> (bool, Option<Draft>) {
        let (written, before) = looks.window("r", look, now_ms);
        let first = written.set(()).is_ok();
        if !first {
            looks.further("r", look, Some(query), &written);
        }
        (first, before)
    }

    #[test]
    fn a_minute_of_looks_is_two_records() {
        let looks = Looks::default();
        let count = |look, now| count(&looks, look, "q", now).0;
        assert!(count(Look::Search, 1_000));
        assert!(count(Look::Record, 1_000), "another kind of look");
        for at_ms in 1_001..1_100 {
            assert!(!count(Look::Search, at_ms));
        }
        assert!(looks.over(Some(60_999)).is_empty(), "the minute is not over");
        let told = looks.over(Some(61_000));
        assert_eq!(told.len(), 1, "one look that was written already is not told again");
        let json = told[0].json("o", crate::access::Moment::from_ms(0), None);
        assert_eq!((&json["access"]["count"], &json["access"]["reader"]), (&99.into(), &"r".into()));
        assert_eq!(told[0].content.as_ref().unwrap().1, "q\n".repeat(99));
        assert!(count(Look::Search, 61_000));
    }

    #[test]
    fn the_first_look_of_a_new_minute_tells_of_the_one_before() {
        let looks = Looks::default();
        count(&looks, Look::Search, "q", 0);
        count(&looks, Look::Search, "q", 1);
        let (first, before) = count(&looks, Look::Search, "q", 60_000);
        assert!(first && before.is_some());
        assert!(count(&looks, Look::Search, "q", 59_000).0, "a clock that went back");
        assert!(looks.over(None).is_empty());
    }

    #[test]
    fn a_window_whose_first_look_was_not_written_is_forgotten_and_no_other() {
        let looks = Looks::default();
        let (failed, _) = looks.window("r", Look::Search, 0);
        looks.forget("r", Look::Search, &failed);
        let (next, _) = looks.window("r", Look::Search, 1);
        assert!(!Arc::ptr_eq(&failed, &next));
        // Whoever still waited for the first one takes nothing from the next.
        looks.forget("r", Look::Search, &failed);
        looks.further("r", Look::Search, None, &failed);
        assert!(Arc::ptr_eq(&next, &looks.window("r", Look::Search, 2).0));
        assert!(looks.over(None).is_empty());
    }

    #[test]
    fn queries_are_kept_as_far_as_there_is_room() {
        let looks = Looks::default();
        let long = "x".repeat(LOOKED_QUERIES_BYTES_MAX / 2);
        for _ in 0..4 {
            count(&looks, Look::Search, &long, 0);
        }
        let told = looks.over(None);
        assert!(told[0].content.as_ref().unwrap().1.len() <= LOOKED_QUERIES_BYTES_MAX);
    }
}
