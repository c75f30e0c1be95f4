//! Requests to Twilio over connections that are kept.

use std::error::Error;
use std::fmt::Display;
use std::future::Future;
use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use redispatch::worker::{TimeUp, Unconfirmed};
use redispatch::{Failure, Outcome};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret as _;

use super::answer::{Answer, Origin};
use super::post::Post;
use super::settings::TwilioSettings;
use super::verdicts::{Stage, meaning};
use crate::confirmed::Confirmed;
use crate::names::Names;
use crate::tls;

/// Name lookup, TCP and TLS handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection idle for longer than this is closed, before the other side does so under our hands.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Longest time of `--check`.
const CHECK_TIMEOUT: Duration = Duration::from_secs(15);

/// Speaks for one account.
pub(crate) struct Client {
    http: reqwest::Client,
    settings: TwilioSettings,
    messages_url: reqwest::Url,
    login: HeaderValue,
}

impl Client {
    /// Connects to nobody yet.
    ///
    /// # Errors
    ///
    /// A sentence for the operator: no root certificates for an `https` URL.
    pub(crate) fn new(settings: TwilioSettings) -> Result<Self, String> {
        let tls = match settings.api_url.starts_with("https:") {
            true => tls::client_config(tls::system_roots())?,
            false => tls::no_tls(),
        };
        // HTTP/1.1: a connection carries one message at a time, so one that breaks leaves one message in doubt.
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Names)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true)
            .tcp_keepalive(KEEPALIVE)
            .user_agent(concat!("redispatch/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| cause(&error))?;
        let url = format!("{}/2010-04-01/Accounts/{}/Messages.json", settings.api_url, settings.account_sid);
        let messages_url = url.parse().map_err(|error| format!("`{url}`: {error}"))?;
        let login = BASE64.encode(format!("{}:{}", settings.user, settings.password.expose_secret()));
        let mut login = HeaderValue::try_from(format!("Basic {login}")).map_err(|error| error.to_string())?;
        login.set_sensitive(true);
        Ok(Self { http, settings, messages_url, login })
    }

    /// Posts a message, as soon as a connection stands and `confirm` allows it. Stops when `time_up` says so.
    pub(crate) async fn send(
        &self,
        post: &Post<'_>,
        origin: Origin,
        confirm: impl Future<Output = Result<(), Unconfirmed>> + Send + 'static,
        time_up: impl Future<Output = TimeUp>,
    ) -> Outcome {
        let (body, leave) = Confirmed::new(post.encode().into(), Box::pin(confirm));
        let request = self
            .http
            .post(self.messages_url.clone())
            .header(AUTHORIZATION, self.login.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
            .body(reqwest::Body::wrap(body));
        let answer = async { Answer::read(request.send().await?).await };
        let ended = tokio::select! {
            biased;
            answer = answer => answer.map_err(Ended::Failed),
            why = time_up => Err(Ended::OutOfTime(why)),
        };
        match (ended, leave.get()) {
            (Ok(answer), _) => answer.outcome(&self.settings, origin),
            (Err(_), Some(Err(unconfirmed))) => (*unconfirmed).into(),
            (Err(Ended::Failed(error)), None) => {
                let on = if refused_by_tls(&error) { "nonsense" } else { "no answer" };
                meaning(Stage::Connect, &[on]).outcome(self.unreached(cause(&error)), false)
            }
            (Err(Ended::OutOfTime(TimeUp::Shutdown)), None) => Outcome::Unconfirmed,
            (Err(Ended::OutOfTime(why)), None) => {
                meaning(Stage::Connect, &["no answer"]).outcome(self.unreached(why), false)
            }
            (Err(ended), Some(Ok(()))) => {
                let why = match ended {
                    Ended::Failed(error) => {
                        format!("the request was out when the connection broke: {}", cause(&error))
                    }
                    Ended::OutOfTime(why) => why.to_string(),
                };
                meaning(Stage::Answer, &["no answer"]).outcome(Failure::new(why).by(super::NAME), false)
            }
        }
    }

    /// Asks for the account, or with an API key, which may not do that, for the messages.
    ///
    /// # Errors
    ///
    /// What Twilio said, or why it could not be reached.
    pub(crate) async fn check(&self) -> Result<String, Failure> {
        let mut url = self.messages_url.clone();
        if self.settings.user == self.settings.account_sid {
            url.set_path(&format!("/2010-04-01/Accounts/{}.json", self.settings.account_sid));
        } else {
            url.set_query(Some("PageSize=1"));
        }
        let request = self.http.get(url).header(AUTHORIZATION, self.login.clone());
        let answer = async { Answer::read(request.send().await?).await };
        match tokio::time::timeout(CHECK_TIMEOUT, answer).await {
            Ok(Ok(answer)) => answer.account(&self.settings),
            Ok(Err(error)) => Err(self.unreached(cause(&error))),
            Err(_) => {
                let error =
                    format!("no answer from {} within {} s", self.settings.api_url, CHECK_TIMEOUT.as_secs());
                Err(Failure::new(error).by(super::NAME))
            }
        }
    }

    fn unreached(&self, why: impl Display) -> Failure {
        Failure::new(format!("cannot reach {}: {why}", self.settings.api_url)).by(super::NAME)
    }
}

enum Ended {
    Failed(reqwest::Error),
    OutOfTime(TimeUp),
}

/// The innermost error of a chain, which says most. Never shows a URL.
fn cause(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        // `source` of an `io::Error` leaves out the error it wraps.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as _).or_else(|| (**error).source())
    })
}

/// Whether the other side spoke, and cannot do TLS with us.
fn refused_by_tls(error: &reqwest::Error) -> bool {
    chain(error).any(|error| error.is::<rustls::Error>())
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
