//! What Prometheus reads of a monitor (OpenMetrics text form).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::event::Kind;
use crate::heard::Heard;
use crate::run::LogHandle;

/// The text, of all logs.
pub fn text<'l>(logs: impl Iterator<Item = &'l LogHandle>) -> String {
    let mut page = Page::default();
    for log in logs {
        let (memory, origin) = (log.memory(), log.trust().origin().to_string());
        let labels = [("log", origin.as_str())];
        let size = |heard: Option<&Heard>| heard.map_or(0, Heard::size);
        page.gauge(
            "verified_size",
            "Entries that were hashed, up to a head that was signed",
            &labels,
            size(memory.verified()),
        );
        page.gauge(
            "proven_size",
            "Size of the largest head that continues all that was seen",
            &labels,
            size(memory.proven()),
        );
        page.gauge("waiting_heads", "Heads that are not connected", &labels, memory.waiting().len() as u64);
        page.gauge(
            "unreachable",
            "1 if the log could not be read at the last look",
            &labels,
            u64::from(memory.is_silent()),
        );
        page.gauge("judged_size", "Entries that the rules have judged", &labels, memory.judged());
        page.counter("hashed", "Entries hashed since the start", &labels, log.hashed());
        for kind in Kind::ALL {
            let open = memory.incidents().iter().filter(|each| each.kind == kind && each.is_open()).count();
            let labels = [("log", origin.as_str()), ("kind", kind.as_str())];
            page.gauge("incidents", "Incidents that are not over", &labels, open as u64);
        }
        for (rule, identity, count) in memory.findings() {
            let labels = [("log", origin.as_str()), ("rule", rule), ("identity", identity)];
            page.counter("findings", "Findings since the beginning of the log", &labels, count);
        }
    }
    page.end()
}

/// Lines of one metric stand together, whatever the order in which they come.
#[derive(Default)]
struct Page {
    metrics: BTreeMap<&'static str, String>,
}

impl Page {
    fn gauge(&mut self, name: &'static str, help: &str, labels: &[(&str, &str)], value: u64) {
        self.add(name, ("gauge", ""), help, labels, value);
    }

    fn counter(&mut self, name: &'static str, help: &str, labels: &[(&str, &str)], value: u64) {
        self.add(name, ("counter", "_total"), help, labels, value);
    }

    fn add(
        &mut self,
        name: &'static str,
        (kind, suffix): (&str, &str),
        help: &str,
        labels: &[(&str, &str)],
        value: u64,
    ) {
        let head =
            || format!("# HELP deedbook_monitor_{name} {help}.\n# TYPE deedbook_monitor_{name} {kind}\n");
        let lines = self.metrics.entry(name).or_insert_with(head);
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(lines, "deedbook_monitor_{name}{suffix}{{{}}} {value}", labels.join(","));
    }

    fn end(self) -> String {
        let mut text: String = self.metrics.into_values().collect();
        text.push_str("# EOF\n");
        text
    }
}

/// A label's value, as the form wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_stand_together_and_labels_are_escaped() {
        let mut page = Page::default();
        page.gauge("b", "Two", &[("log", "x")], 2);
        page.counter("a", "One", &[("log", "q\"\\\n")], 1);
        page.gauge("b", "Two", &[("log", "y")], 3);
        let expected = "# HELP deedbook_monitor_a One.\n# TYPE deedbook_monitor_a counter\n\
            deedbook_monitor_a_total{log=\"q\\\"\\\\\\n\"} 1\n\
            # HELP deedbook_monitor_b Two.\n# TYPE deedbook_monitor_b gauge\n\
            deedbook_monitor_b{log=\"x\"} 2\ndeedbook_monitor_b{log=\"y\"} 3\n# EOF\n";
        assert_eq!(page.end(), expected);
    }
}
