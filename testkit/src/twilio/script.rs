//! What a test can make the server do.

use super::Request;

/// How the server answers a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 201 and the new message's document; 200 and the account's, where that was asked for.
    Created,
    /// Twilio's error document.
    Error {
        /// The HTTP status.
        status: u16,
        /// Twilio's own code: 21211, …
        code: u32,
        /// What is wrong, in words.
        message: String,
    },
    /// 429 with Twilio's code 20429.
    Throttled {
        /// `Retry-After`, seconds; no such header where it is `None`.
        retry_after: Option<u64>,
    },
    /// Whatever a proxy or another service would say.
    Status {
        /// The HTTP status.
        status: u16,
        /// Headers beside `Content-Length` and `Date`.
        headers: Vec<(String, String)>,
        /// The body as it stands.
        body: Vec<u8>,
    },
    /// Says nothing until [`TwilioServer::release`](super::TwilioServer::release), then as [`Answer::Created`]. Hangs up when
    /// the client does.
    Stall,
    /// Reads the request and hangs up without a word.
    Drop,
    /// Hangs up when the head of the request has come, before its body is read. Comes before all other rules.
    DropBeforeReading,
    /// The head of [`Answer::Created`], half of its body, then hangs up.
    CutBody,
}

impl Answer {
    /// Twilio's error document with words that name the code.
    pub fn error(status: u16, code: u32) -> Self {
        Self::Error { status, code, message: format!("Scripted error {code}") }
    }

    /// A status with a body and no headers of note.
    pub fn status(status: u16, body: &str) -> Self {
        Self::Status { status, headers: Vec::new(), body: body.into() }
    }
}

/// When to answer how.
#[derive(Debug, Clone)]
pub struct Rule {
    fields: Vec<(String, String)>,
    skip: usize,
    times: usize,
    answer: Answer,
}

impl Rule {
    /// A rule for every request whatever its path.
    pub fn answer(answer: Answer) -> Self {
        Self { fields: Vec::new(), skip: 0, times: usize::MAX, answer }
    }

    /// Only for requests whose form has this field with this value.
    ///
    /// # Panics
    ///
    /// With [`Answer::DropBeforeReading`], which acts before there is a form.
    #[must_use]
    pub fn with(mut self, field: &str, value: &str) -> Self {
        assert_ne!(self.answer, Answer::DropBeforeReading, "it acts before there is a form");
        self.fields.push((field.to_owned(), value.to_owned()));
        self
    }

    /// Lets the first `count` that fit pass.
    #[must_use]
    pub fn after(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    /// Only so often.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.times = count;
        self
    }

    /// Whether it acts before the body is read.
    pub(super) fn is_early(&self) -> bool {
        self.answer == Answer::DropBeforeReading
    }

    /// How to answer `request`; uses the rule up by one.
    pub(super) fn apply(&mut self, request: &Request) -> Option<Answer> {
        let fits = self.fields.iter().all(|field| request.form.contains(field));
        if !fits || self.times == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.answer.clone())
    }
}
