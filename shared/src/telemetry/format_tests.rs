use std::{
    io,
    sync::{Arc, Mutex},
};

use proptest::prelude::*;
use tracing::Level;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::telemetry::event;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(json: bool, log: impl FnOnce()) -> String {
    let sink = Sink::default();
    let writer = sink.clone();
    let layer = tracing_subscriber::fmt::layer()
        .event_format(Lines { json, colour: false })
        .with_writer(move || writer.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn sent() {
    let (reference, error) = ("a.1", "said \"no\"\nand left\u{1b}");
    tracing::info!(event = event::MESSAGE_SENT, queue = "email", "ref" = %reference, r#type = 1, at = 0.5, last = true, %error, nan = f64::NAN, "done");
}

#[test]
fn json_is_one_flat_object_a_line() {
    let line = logged(true, sent);
    assert_eq!(line.matches('\n').count(), 1, "{line}");
    let at =
        serde_json::from_str::<serde_json::Value>(&line).unwrap()["timestamp"].as_str().unwrap().to_owned();
    assert!(at.len() == 24 && at.ends_with('Z') && at.parse::<jiff::Timestamp>().is_ok(), "{at}");
    assert_eq!(
        line.replace(&at, "T"),
        "{\"timestamp\":\"T\",\"level\":\"INFO\",\"event\":\"message_sent\",\"queue\":\"email\",\"ref\":\"a.1\",\
        \"type\":1,\"at\":0.5,\"last\":true,\"error\":\"said \\\"no\\\"\\nand left\\u001b\",\"nan\":\"NaN\",\"message\":\"done\"}\n"
    );
}

#[test]
fn pretty_has_the_event_first_and_stays_on_its_line() {
    let line = logged(false, sent);
    assert_eq!(
        &line[12..],
        " INFO  message_sent queue=email ref=a.1 type=1 at=0.5 last=true \
        error=\"said \\\"no\\\"\\nand left\\u{1b}\" nan=NaN done\n"
    );
    assert!(logged(false, || tracing::warn!("two\nlines")).ends_with(" two\\nlines\n"));
}

#[test]
fn lines_of_other_crates_tell_their_target() {
    let line = logged(true, || tracing::event!(target: "hyper::client", Level::WARN, "odd"));
    assert!(line.contains("\"level\":\"WARN\",\"target\":\"hyper::client\",\"message\":\"odd\"}"), "{line}");
}

proptest! {
    #[test]
    fn any_value_is_json_again(value in any::<String>()) {
        let line = logged(true, || tracing::info!(event = "e", value = &*value, "{value}"));
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(&read["value"], &value);
        prop_assert_eq!(read["message"].as_str().unwrap_or_default(), &value);
        prop_assert_eq!(line.matches('\n').count(), 1);
    }
}
