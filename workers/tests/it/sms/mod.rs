//! sms-worker and a server that plays Twilio: what goes over the wire, and what is refused before it does.

mod bad_input;
mod fields;
mod modes;
mod outcomes;
mod tls;

use redispatch_testkit::twilio::Request;

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
