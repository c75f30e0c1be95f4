//! A request as it came in.

use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::http::request::Parts;
use url::form_urlencoded;

use super::Answer;

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct Request {
    /// The connection it came over, counted from 1.
    pub connection: usize,
    /// When its head had come.
    pub at: Instant,
    /// `POST`, `GET`
    pub method: String,
    /// The path, with its query where there was one.
    pub path: String,
    /// User and password of its basic authentication.
    pub login: Option<(String, String)>,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The fields of its form, decoded, in their order. Empty where the content type is another one.
    pub form: Vec<(String, String)>,
    /// How it was answered, [`Answer::Stall`] also where the answer is still to come.
    pub answer: Answer,
}

impl Request {
    pub(super) fn new(connection: usize, head: &Parts) -> Self {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = head.headers.iter();
        let headers: Vec<_> =
            headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect();
        let login = headers.iter().find(|(name, _)| name == "authorization");
        Self {
            connection,
            at: Instant::now(),
            method: head.method.to_string(),
            path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            login: login.and_then(|(_, value)| basic(value)),
            headers,
            form: Vec::new(),
            answer: Answer::Created,
        }
    }

    pub(super) fn read(&mut self, body: &[u8]) {
        let kind = self.header("content-type").unwrap_or_default();
        if kind.starts_with("application/x-www-form-urlencoded") {
            self.form = form_urlencoded::parse(body).into_owned().collect();
        }
    }

    /// A header's value; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a field of the form.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields(name).first().copied()
    }

    /// Every value of a field of the form.
    pub fn fields(&self, name: &str) -> Vec<&str> {
        self.form.iter().filter(|(own, _)| own == name).map(|(_, value)| value.as_str()).collect()
    }
}

fn basic(value: &str) -> Option<(String, String)> {
    let decoded = BASE64_STANDARD.decode(value.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
