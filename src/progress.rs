//! Progress bars, on standard error, only if that is a terminal.

use client::audit::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::print::Printer;

/// A bar that counts entries or records.
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(crate) fn new(printer: Printer, what: &'static str) -> Self {
        if !printer.bars {
            return Self(ProgressBar::hidden());
        }
        let template = "{msg} {wide_bar} {human_pos}/{human_len} ({per_sec}, {eta})";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(ProgressBar::new(0).with_style(style).with_message(what))
    }

    pub(crate) fn at(&self, done: u64, of: u64) {
        self.0.set_length(of);
        self.0.set_position(done);
    }

    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bar {
    fn entries(&self, done: u64, of: u64) {
        self.at(done, of);
    }

    fn note(&self, words: &str) {
        self.0.suspend(|| tracing::warn!("{words}"));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.finish();
    }
}
