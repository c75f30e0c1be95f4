//! What is posted to create a message.

use url::form_urlencoded::Serializer;

/// A message for Twilio, whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post<'a> {
    /// `+491701234567` or `whatsapp:+491701234567`.
    pub(crate) to: &'a str,
    pub(crate) from: Sender<'a>,
    pub(crate) body: Option<&'a str>,
    pub(crate) content: Option<Content<'a>>,
    pub(crate) media_urls: &'a [String],
    pub(crate) status_callback: Option<&'a str>,
}

/// Who sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender<'a> {
    /// A number, short code or sender ID.
    From(&'a str),
    /// The SID of a messaging service, which chooses one.
    Service(&'a str),
}

/// A template in place of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content<'a> {
    pub(crate) sid: &'a str,
    /// A JSON object.
    pub(crate) variables: Option<&'a str>,
}

impl Post<'_> {
    /// As `application/x-www-form-urlencoded`.
    pub(crate) fn encode(&self) -> String {
        let mut form = Serializer::new(String::with_capacity(256));
        form.append_pair("To", self.to);
        match self.from {
            Sender::From(from) => form.append_pair("From", from),
            Sender::Service(sid) => form.append_pair("MessagingServiceSid", sid),
        };
        let optional = [
            ("Body", self.body),
            ("ContentSid", self.content.map(|content| content.sid)),
            ("ContentVariables", self.content.and_then(|content| content.variables)),
            ("StatusCallback", self.status_callback),
        ];
        for (name, value) in optional {
            form.extend_pairs(value.map(|value| (name, value)));
        }
        form.extend_pairs(self.media_urls.iter().map(|url| ("MediaUrl", url)));
        form.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_once_and_media_repeated() {
        let post = Post {
            to: "+491701234567",
            from: Sender::From("ACME & Co"),
            body: Some("a b+c=d&e%f\n€ 😀"),
            content: Some(Content { sid: "HX1", variables: Some(r#"{"1":"x"}"#) }),
            media_urls: &["https://a.example/?x=1&y=2".to_owned(), "https://b.example/".to_owned()],
            status_callback: Some("https://c.example/"),
        };
        assert_eq!(
            post.encode(),
            "To=%2B491701234567&From=ACME+%26+Co&Body=a+b%2Bc%3Dd%26e%25f%0A%E2%82%AC+%F0%9F%98%80&ContentSid=HX1\
             &ContentVariables=%7B%221%22%3A%22x%22%7D&StatusCallback=https%3A%2F%2Fc.example%2F\
             &MediaUrl=https%3A%2F%2Fa.example%2F%3Fx%3D1%26y%3D2&MediaUrl=https%3A%2F%2Fb.example%2F"
        );
        let bare = Post {
            from: Sender::Service("MG1"),
            body: None,
            content: None,
            media_urls: &[],
            status_callback: None,
            ..post
        };
        assert_eq!(bare.encode(), "To=%2B491701234567&MessagingServiceSid=MG1");
    }
}
