//! A message itself, as it may be shown.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use crate::masked::{self, masked};

/// A message as it may be shown.
#[derive(Serialize, ToSchema)]
pub(super) struct Shown {
    /// The message, where it is JSON: as it is where it is revealed, else masked, and long texts cut
    #[schema(value_type = Option<Object>)]
    message: Option<Box<RawValue>>,
    /// Its text, where it is none
    text: Option<String>,
    /// It has a part that is HTML
    has_html: bool,
}

impl Shown {
    pub(super) fn of(bytes: &[u8], reveal: bool, has_html: bool) -> Self {
        let message = match reveal {
            true => serde_json::from_slice::<Box<RawValue>>(bytes).ok(),
            false => masked(bytes).and_then(|message| to_raw_value(&message).ok()),
        };
        let text = message.is_none().then(|| {
            let text = String::from_utf8_lossy(bytes);
            if reveal { text.into_owned() } else { masked::shown(&text) }
        });
        Self { message, text, has_html }
    }
}
