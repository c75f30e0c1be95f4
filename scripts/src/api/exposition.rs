//! Prometheus's text format, version 0.0.4.

use std::fmt::{Display, Write as _};

/// The only content type of this format.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

/// A page of metrics.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// One metric with all its samples; left out where there are none.
    pub(super) fn metric<V: Display>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = (String, V)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in samples {
            let _ = writeln!(self.0, "{name}{labels} {value}");
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// What a metric's numbers mean.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// A total that only grows.
    Counter,
    /// A number of this moment.
    Gauge,
}

/// `{queue="email",state="pending"}`; nothing for no labels.
pub(super) fn labels(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page() {
        let mut page = Page::default();
        page.metric("up", Kind::Gauge, "Whether it is.", [(labels(&[]), 1)]);
        page.metric::<u64>("none", Kind::Gauge, "Left out.", []);
        let samples =
            [(labels(&[("queue", "a"), ("note", "say \"\\\"\n")]), 1.5), (labels(&[("queue", "b")]), 2.0)];
        page.metric("seen_total", Kind::Counter, "Seen.", samples);
        let expected = "# HELP up Whether it is.\n# TYPE up gauge\nup 1\n\
            # HELP seen_total Seen.\n# TYPE seen_total counter\n\
            seen_total{queue=\"a\",note=\"say \\\"\\\\\\\"\\n\"} 1.5\nseen_total{queue=\"b\"} 2\n";
        assert_eq!(page.into_text(), expected);
    }
}
