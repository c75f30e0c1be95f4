//! sms-worker and a server that plays Twilio: what goes over the wire, and what is refused before it does.

mod bad_input;
mod fields;
mod modes;
mod outcomes;
mod tls;

use redispatch_testkit::twilio::Request;
use serde_json::Value;

use crate::site::{Sms, Twilio};

type Site = crate::site::Site<Twilio<Sms>>;

/// The fields of a form.
type Form<'a> = Vec<(&'a str, &'a str)>;

fn form(request: &Request) -> Form<'_> {
    request.form.iter().map(|(name, value)| (&**name, &**value)).collect()
}

/// Pushes messages and gives what was posted for them, in the order of arrival; none is left behind.
async fn posted(site: &Site, messages: &[&str]) -> Vec<Request> {
    let before = site.channel.server.count();
    for (n, message) in (1..).zip(messages) {
        site.queue().push(&[(*message).to_owned()]).await;
        site.channel.server.requests(before + n).await;
    }
    assert_eq!(site.queue().settled().await, 0, "{:?}", site.queue().dead_letters().await);
    site.channel.server.requests(before + messages.len()).await.split_off(before)
}

/// What the dead letter of `message` says; panics where there is none.
pub(crate) fn record_of<'a>(letters: &'a [Value], message: &Value) -> &'a Value {
    let is_it = |letter: &&Value| {
        let mut bare = (*letter).clone();
        bare.as_object_mut().is_some_and(|fields| fields.remove("_delivery").is_some()) && bare == *message
    };
    let letter = letters.iter().find(is_it).unwrap_or_else(|| panic!("no dead letter of {message}"));
    &letter["_delivery"]
}
