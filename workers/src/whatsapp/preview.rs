//! What would be sent, for the operator's eyes.

use redispatch::Failure;
use redispatch::queue::Waiting;
use redispatch::telemetry::mask;

use super::check::{bare, check};
use super::message::Content;
use super::settings::WhatsAppSettings;
use crate::content::{shown, shown_media};

/// The message that would go out, as (name, value) lines.
///
/// # Errors
///
/// Why it would be dead-lettered.
pub(super) fn preview(
    settings: &WhatsAppSettings,
    message: &Waiting,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let message = check(&message.bytes, settings.phones)?;
    let from = message.from.as_deref().unwrap_or(&settings.from);
    let mut lines = vec![("from", bare(from).to_owned()), ("to", mask::recipient(bare(&message.to)))];
    match &message.content {
        Content::Free { body, media_urls } => {
            lines.push(("body", shown(body)));
            lines.extend(shown_media(media_urls));
        }
        Content::Template { sid, variables } => {
            lines.push(("template", sid.clone()));
            lines.extend(variables.as_deref().map(|variables| ("variables", shown(variables))));
        }
    }
    Ok(lines)
}
