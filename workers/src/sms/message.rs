//! An SMS as a provider gets it: read, checked, and complete but for the sender.

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms {
    /// Who gets it.
    pub to: Target,
    /// The text, 1 to 1,600 characters; empty only where there are media.
    pub body: String,
    /// The message's own sender; the provider's settings have one where it is left out.
    pub from: Option<String>,
    /// Pictures and the like, `http://` or `https://`.
    pub media_urls: Vec<String>,
    /// Where the provider reports what becomes of it, `http://` or `https://`.
    pub status_callback: Option<String>,
}

/// Who gets an SMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One number, E.164: `+491701234567`.
    Number(String),
    /// Every subscriber of a topic, because the message says so: its ARN, or `SNS_TOPIC_ARN` where it names none.
    Topic(Option<String>),
}
