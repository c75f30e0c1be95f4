//! What kind of answer an `Accept` header asks for.

use axum::http::{HeaderMap, header};

/// Whether text is wanted rather than JSON: with the same weight, or without a wish, it is JSON.
pub(super) fn wants_text(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<Range> = lines.flat_map(|line| line.split(',')).filter_map(Range::parse).collect();
    let text = weight(&ranges, "text", "plain").max(weight(&ranges, "application", "openmetrics-text"));
    text > weight(&ranges, "application", "json")
}

/// `text/plain;q=0.5`
struct Range {
    kind: String,
    subtype: String,
    /// 0 to 1000.
    weight: u32,
}

impl Range {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        let weight = match weight {
            Some(text) => text.trim().parse::<f32>().ok().filter(|weight| (0.0..=1.0).contains(weight))?,
            None => 1.0,
        };
        let weight = (weight * 1000.0).round() as u32;
        Some(Self { kind: kind.to_ascii_lowercase(), subtype: subtype.to_ascii_lowercase(), weight })
    }

    /// 3 where it names the type, 2 for `text/*`, 1 for `*/*`, 0 where it does not match.
    fn match_of(&self, kind: &str, subtype: &str) -> u32 {
        match (self.kind.as_str(), self.subtype.as_str()) {
            ("*", "*") => 1,
            (k, "*") if k == kind => 2,
            (k, s) if k == kind && s == subtype => 3,
            _ => 0,
        }
    }
}

/// The weight of the range that names a type most closely; 0 where none does.
fn weight(ranges: &[Range], kind: &str, subtype: &str) -> u32 {
    let matching = ranges.iter().map(|range| (range.match_of(kind, subtype), range.weight));
    matching.filter(|(closeness, _)| *closeness > 0).max().map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wants(accept: &str) -> bool {
        wants_text(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]))
    }

    #[test]
    fn scrapers_get_text() {
        for accept in [
            // Prometheus 2.42, 2.5x and 3
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.1",
            "text/plain",
            "TEXT/PLAIN; Q=0.9, application/json;q=0.8",
            "text/*",
            "text/plain, */*;q=0.5",
            "application/json;q=0, */*",
        ] {
            assert!(wants(accept), "{accept}");
        }
    }

    #[test]
    fn everybody_else_gets_json() {
        assert!(!wants_text(&HeaderMap::new()));
        for accept in [
            "*/*",
            "",
            "application/json",
            "application/json, text/plain, */*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
            "text/plain;q=0.5, application/json;q=0.9",
            "text/plain;q=0, */*",
            "text/html",
            "application/*",
            "nonsense",
            "text/plain;q=2",
        ] {
            assert!(!wants(accept), "{accept}");
        }
    }
}
