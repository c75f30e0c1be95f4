//! What would be sent, for the operator's eyes.

use redispatch::queue::Waiting;
use redispatch::telemetry::mask;
use redispatch::{Failure, clock};

use super::address::Mailbox;
use super::compose::{ComposeContext, Mail, compose};
use super::payload::EmailPayload;

/// Most of a subject that is shown, in characters.
const SUBJECT_SHOWN: usize = 70;

/// The mail a message would become, as (name, value) lines.
///
/// # Errors
///
/// Why it would be dead-lettered.
pub(super) fn preview(
    default_from: Option<&Mailbox>,
    message: &Waiting,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let mail = composed(default_from, message)?;
    let payload = EmailPayload::parse(&message.bytes)?;
    let recipients: Vec<_> = mail.recipients.iter().map(|to| mask::recipient(to.as_ref())).collect();
    let subject: String =
        payload.subject.as_deref().unwrap_or_default().chars().take(SUBJECT_SHOWN).collect();
    Ok(vec![
        ("from", mail.from.to_string()),
        ("to", recipients.join(", ")),
        ("subject", format!("{subject:?}")),
        ("size", format!("{} bytes: {}", mail.data.len(), parts(&payload))),
    ])
}

/// Whether a message would become a mail where `SMTP_FROM` is set.
///
/// # Errors
///
/// Why it would be dead-lettered.
pub(super) fn validate(message: &Waiting) -> Result<(), Failure> {
    composed(Some(&Mailbox::parse("smtp-from@localhost")?), message).map(drop)
}

fn composed(default_from: Option<&Mailbox>, message: &Waiting) -> Result<Mail, Failure> {
    let context = ComposeContext {
        default_from,
        reference: "not-claimed",
        id: message.id.as_deref(),
        date_ms: clock::unix_ms(),
        recipients: message.recipients.as_deref(),
    };
    compose(&message.bytes, &context)
}

/// `text, html, 2 attachments`
fn parts(payload: &EmailPayload<'_>) -> String {
    let files = match payload.attachments.as_deref().map_or(0, <[_]>::len) {
        0 => None,
        1 => Some("1 attachment".to_owned()),
        n => Some(format!("{n} attachments")),
    };
    let text = payload.body.as_ref().map(|_| "text".to_owned());
    let html = payload.html.as_ref().map(|_| "html".to_owned());
    [text, html, files].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
