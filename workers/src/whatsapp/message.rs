//! A WhatsApp message as Twilio gets it: read, checked, and complete but for the sender.

/// What is to be sent. Addresses begin with `whatsapp:+`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WhatsApp {
    pub(super) to: String,
    /// The message's own sender; `WHATSAPP_FROM_NUMBER` where it is left out.
    pub(super) from: Option<String>,
    pub(super) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Words of our own, which Twilio sends within 24 hours of the recipient's last message.
    Free {
        /// 1 to 1,600 characters; empty only where there are media.
        body: String,
        /// `http` or `https`.
        media_urls: Vec<String>,
    },
    /// A template that Meta has approved.
    Template {
        /// `HX` and 32 hex digits.
        sid: String,
        /// A JSON object, its keys in order and its numbers digit for digit as they were given.
        variables: Option<String>,
    },
}
