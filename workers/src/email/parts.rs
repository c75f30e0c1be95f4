//! The tree of MIME parts.

use std::{
    fmt::Write,
    hash::{DefaultHasher, Hash, Hasher},
};

use redispatch::Failure;

use super::{
    attachments::File,
    payload::EmailPayload,
    text::{BOUNDARY_PREFIX, push_text_part},
};

enum Part<'a> {
    Text { subtype: &'static str, text: &'a str },
    File { file: &'a File<'a>, inline: bool },
    Multi { kind: &'static str, parts: Vec<Part<'a>> },
}

/// Writes the `Content-` headers of the mail, an empty line and the content. Boundaries derive from
/// `message_id`: the same on every attempt, and so chosen that no encoded text can hold one.
///
/// # Errors
///
/// Malformed: neither `body` nor `html`, or an attachment at fault.
pub(super) fn push_content(
    out: &mut String,
    payload: &EmailPayload<'_>,
    message_id: &str,
) -> Result<(), Failure> {
    let attachments = payload.attachments.as_deref().unwrap_or_default();
    let files = attachments
        .iter()
        .enumerate()
        .map(|(index, attachment)| File::check(index, &attachment.0))
        .collect::<Result<Vec<_>, _>>()?;
    let mut hasher = DefaultHasher::new();
    message_id.hash(&mut hasher);
    tree(payload, &files)?.push(out, hasher.finish())?;
    if !out.ends_with("\r\n") {
        out.push_str("\r\n");
    }
    Ok(())
}

/// `mixed(alternative(text, related(html, images)), files)`, without the levels that hold one part only.
fn tree<'a>(payload: &'a EmailPayload<'_>, files: &'a [File<'a>]) -> Result<Part<'a>, Failure> {
    let html = payload.html.as_deref().filter(|html| !html.is_empty());
    let text = payload.body.as_deref().filter(|text| !text.is_empty() || html.is_none());
    let (inline, attached): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| html.is_some() && file.has_content_id());

    let mut alternatives = Vec::new();
    alternatives.extend(text.map(|text| Part::Text { subtype: "plain", text }));
    if let Some(text) = html {
        let mut related = vec![Part::Text { subtype: "html", text }];
        related.extend(inline.into_iter().map(|file| Part::File { file, inline: true }));
        alternatives.push(Part::join("related", related));
    }
    if alternatives.is_empty() && payload.html.is_some() {
        alternatives.push(Part::Text { subtype: "html", text: "" });
    }
    if alternatives.is_empty() {
        return Err(Failure::malformed("one of `body` and `html` is needed"));
    }
    let mut mixed = vec![Part::join("alternative", alternatives)];
    mixed.extend(attached.into_iter().map(|file| Part::File { file, inline: false }));
    Ok(Part::join("mixed", mixed))
}

impl Part<'_> {
    /// A level of its own, except around a single part.
    fn join(kind: &'static str, mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Self::Multi { kind, parts } }
    }

    fn push(&self, out: &mut String, hash: u64) -> Result<(), Failure> {
        match self {
            Self::Text { subtype, text } => push_text_part(out, subtype, text),
            Self::File { file, inline } => file.push(out, *inline)?,
            Self::Multi { kind, parts } => {
                let boundary = format!("{BOUNDARY_PREFIX}{kind}_{hash:016x}");
                let _ = write!(out, "Content-Type: multipart/{kind};\r\n boundary=\"{boundary}\"\r\n\r\n");
                for (index, part) in parts.iter().enumerate() {
                    let line_end = if index > 0 { "\r\n" } else { "" };
                    let _ = write!(out, "{line_end}--{boundary}\r\n");
                    part.push(out, hash)?;
                }
                let _ = write!(out, "\r\n--{boundary}--\r\n");
            }
        }
        Ok(())
    }
}
