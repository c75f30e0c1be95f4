//! From the bytes of a message to the mail that goes over the wire.

use std::{
    collections::HashSet,
    fmt::Write,
    time::{Duration, SystemTime},
};

use lettre::{Address, message::header};
use redispatch::Failure;

use super::{
    address::{Mailbox, parse_address},
    custom_headers::push_custom,
    headers::{push_mailboxes, push_text},
    message_id::message_id,
    parts::push_content,
    payload::EmailPayload,
};
use crate::json::OneOrMany;

/// Last second of the year 9999, after which `Date` has no form.
const END_OF_DATES: Duration = Duration::from_secs(253_402_300_799);

/// What a mail needs beside its message.
#[derive(Debug, Clone, Copy)]
pub struct ComposeContext<'a> {
    /// `SMTP_FROM`, for messages without `from`. Parsed at start, so that a fault in it stops the worker
    /// and not a message.
    pub default_from: Option<&'a Mailbox>,
    /// Names this message and no other, also after retries.
    pub reference: &'a str,
    /// The message's own `id`.
    pub id: Option<&'a str>,
    /// For the `Date` header: milliseconds since 1970.
    pub date_ms: u64,
    /// `_delivery.recipients`: the envelope's recipients instead of `to`, `cc` and `bcc`. Nothing else
    /// of the mail changes.
    pub recipients: Option<&'a [String]>,
}

/// A mail, ready for an SMTP transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The envelope's sender.
    pub from: Address,
    /// The envelope's recipients: at least one, each once, in the order of `to`, `cc`, `bcc`.
    pub recipients: Vec<Address>,
    /// Headers and content. Every line ends in CRLF, also the last, and has at most 998 bytes before it;
    /// leading dots are not doubled.
    pub data: Vec<u8>,
    /// An address has a local part beyond ASCII: the server must offer `SMTPUTF8`.
    pub needs_smtputf8: bool,
    /// `data` has bytes beyond ASCII. Only addresses that need `SMTPUTF8` bring them: content never does.
    pub eight_bit: bool,
    /// With its angle brackets.
    pub message_id: String,
    /// The sender came from the settings.
    pub from_is_default: bool,
}

/// Renders the message `bytes`.
///
/// # Errors
///
/// Malformed where the message does not have the shape of its queue, with the path of the field; a plain
/// failure where an address is none or the sender is missing. Either is for good.
pub fn compose(bytes: &[u8], context: &ComposeContext<'_>) -> Result<Mail, Failure> {
    let payload = EmailPayload::parse(bytes)?;
    let from = payload.from.as_deref().filter(|from| !is_blank(from)).map(Mailbox::parse).transpose();
    let own_from = from.map_err(|failure| at("from", failure))?;
    let Some(from) = own_from.as_ref().or(context.default_from) else {
        return Err(Failure::new("no sender: set SMTP_FROM or give `from`"));
    };
    let to = mailboxes("to", payload.to.as_ref())?;
    if to.is_empty() {
        return Err(Failure::malformed("to: at least one address is needed"));
    }
    let cc = mailboxes("cc", payload.cc.as_ref())?;
    let bcc = mailboxes("bcc", payload.bcc.as_ref())?;
    let reply_to = mailboxes("reply_to", payload.reply_to.as_ref())?;
    let recipients = match context.recipients {
        Some(given) => envelope(given)?,
        None => once(to.iter().chain(&cc).chain(&bcc).map(|mailbox| mailbox.address().clone())),
    };
    let message_id = message_id(context.id, context.reference, from.address().domain())?;

    let mut data = String::with_capacity(bytes.len() + 1_024);
    push_date(&mut data, context.date_ms);
    let _ = write!(data, "Message-ID: {message_id}\r\n");
    push_mailboxes(&mut data, "From", std::slice::from_ref(from));
    for (name, mailboxes) in [("Reply-To", &reply_to), ("To", &to), ("Cc", &cc)] {
        if !mailboxes.is_empty() {
            push_mailboxes(&mut data, name, mailboxes);
        }
    }
    if let Some(subject) = payload.subject.as_deref().filter(|subject| !is_blank(subject)) {
        push_text(&mut data, "Subject", subject);
    }
    if let Some(fields) = &payload.headers {
        push_custom(&mut data, fields)?;
    }
    data.push_str("MIME-Version: 1.0\r\n");
    push_content(&mut data, &payload, &message_id)?;

    let eight_bit = !data.is_ascii();
    let envelope_is_ascii = std::iter::once(from.address()).chain(&recipients).all(has_ascii_user);
    Ok(Mail {
        from: from.address().clone(),
        recipients,
        needs_smtputf8: eight_bit || !envelope_is_ascii,
        eight_bit,
        data: data.into_bytes(),
        message_id,
        from_is_default: own_from.is_none(),
    })
}

fn has_ascii_user(address: &Address) -> bool {
    address.user().is_ascii()
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn at(path: &str, failure: Failure) -> Failure {
    Failure { error: format!("{path}: {}", failure.error), ..failure }
}

/// Every address of a field; none where it is missing, blank or an empty list.
fn mailboxes(field: &str, given: Option<&OneOrMany<'_>>) -> Result<Vec<Mailbox>, Failure> {
    match given {
        None => Ok(Vec::new()),
        Some(OneOrMany::One(text)) if is_blank(text) => Ok(Vec::new()),
        Some(OneOrMany::One(text)) => Mailbox::parse_list(text).map_err(|failure| at(field, failure)),
        Some(OneOrMany::Many(entries)) => {
            let mut mailboxes = Vec::with_capacity(entries.len());
            for (index, entry) in entries.iter().enumerate() {
                let list = Mailbox::parse_list(entry);
                mailboxes.extend(list.map_err(|failure| at(&format!("{field}[{index}]"), failure))?);
            }
            Ok(mailboxes)
        }
    }
}

fn envelope(given: &[String]) -> Result<Vec<Address>, Failure> {
    if given.is_empty() {
        return Err(Failure::malformed("_delivery.recipients: at least one address is needed"));
    }
    let parse = |(index, text): (usize, &String)| {
        parse_address(text).map_err(|failure| at(&format!("_delivery.recipients[{index}]"), failure))
    };
    Ok(once(given.iter().enumerate().map(parse).collect::<Result<Vec<_>, _>>()?))
}

/// Keeps the first of equal addresses. Domains are in lower case already; local parts may differ by case.
fn once(addresses: impl IntoIterator<Item = Address>) -> Vec<Address> {
    let mut seen = HashSet::new();
    addresses.into_iter().filter(|address| seen.insert(address.clone())).collect()
}

fn push_date(out: &mut String, date_ms: u64) {
    let since_epoch = Duration::from_millis(date_ms).min(END_OF_DATES);
    let mut headers = header::Headers::new();
    headers.set(header::Date::new(SystemTime::UNIX_EPOCH + since_epoch));
    let _ = write!(out, "{headers}");
}

#[cfg(test)]
mod tests;
