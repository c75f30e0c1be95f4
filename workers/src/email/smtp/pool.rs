//! Connections that are kept open between mails.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use redispatch::worker::TimeUp;
use redispatch::{Failure, Outcome};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

use super::session::Session;
use super::settings::{SmtpSettings, TlsMode};
use super::tally::Tally;
use super::tls::Tls;
use super::transaction::{Attempt, Mail};
use super::verdicts::meaning;
use crate::verdict::Meaning;

/// Up to `pool_size` connections to one server, opened when they are needed.
///
/// A mail's own future owns the connection while it is sent. So a future that is dropped takes its connection
/// along, and nobody can read a reply that was meant for somebody else; a connection comes back only from a
/// mail that was answered to the end.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    settings: SmtpSettings,
    tls: Option<Tls>,
    slots: Semaphore,
    idle: Mutex<Idle>,
}

/// The right to send one mail at a time through a [`Pool`].
pub struct Slot<'a> {
    /// None only of a pool whose semaphore was closed, which nobody does.
    _permit: Option<SemaphorePermit<'a>>,
}

#[derive(Default)]
struct Idle {
    /// The one that came back last is at the end, and is taken first: what is not needed grows old.
    sessions: Vec<Session>,
    /// A task is closing what grows old.
    watched: bool,
    closed: bool,
}

impl Pool {
    /// A pool without connections. Reads the certificates to trust, unless TLS is off.
    ///
    /// # Errors
    ///
    /// A sentence for the operator about settings that cannot work.
    pub fn new(settings: SmtpSettings) -> Result<Self, String> {
        let printable = |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        if let Some(name) = settings.hello_name.as_ref().filter(|name| !printable(name)) {
            return Err(format!("`{}` cannot be this host's name in EHLO", name.escape_debug()));
        }
        let tls = if settings.tls == TlsMode::None { None } else { Some(Tls::new(&settings)?) };
        let slots = Semaphore::new(settings.pool_size.max(1));
        let idle = Mutex::default();
        Ok(Self { shared: Arc::new(Shared { settings, tls, slots, idle }) })
    }

    /// Waits for its turn: no more than `pool_size` mails are sent at a time, first come first served.
    pub async fn slot(&self) -> Slot<'_> {
        Slot { _permit: self.shared.slots.acquire().await.ok() }
    }

    /// Sends one mail, as soon as a connection is free: [`Pool::slot`] and [`Pool::send_in`].
    pub async fn send<F, E>(
        &self,
        mail: &Mail<'_>,
        confirm: impl FnMut() -> F,
        time_is_up: impl Future<Output = TimeUp>,
    ) -> Outcome
    where
        F: Future<Output = Result<(), E>>,
    {
        self.send_in(self.slot().await, mail, confirm, time_is_up).await
    }

    /// Sends one mail.
    ///
    /// - `confirm` is asked right before the data is written (once for each transaction, where the server takes
    ///   fewer recipients than the mail has). When it fails, nothing of the data is written, the connection is
    ///   dropped, and the outcome is [`Outcome::Unconfirmed`]. It must not touch this pool.
    /// - `time_is_up` ends the sending wherever it is, and drops the connection: who got the mail has it, who is
    ///   waiting for the answer to the dot is in doubt, and the rest is tried again; at no cost, where nobody can
    ///   have it and [`TimeUp::Shutdown`] was the reason.
    /// - Dropping the future drops the connection. Before `confirm` was asked, the mail is surely not sent.
    /// - A server that cannot be reached or logged in to is [`Outcome::Unreachable`], one that is lost before the final
    ///   dot an [`Outcome::Retry`] of this mail; a connection that is found dead after lying idle costs nothing.
    /// - [`Outcome::Split`] names those who did not get it, by the addresses in `mail.recipients`.
    pub async fn send_in<F, E>(
        &self,
        _slot: Slot<'_>,
        mail: &Mail<'_>,
        mut confirm: impl FnMut() -> F,
        time_is_up: impl Future<Output = TimeUp>,
    ) -> Outcome
    where
        F: Future<Output = Result<(), E>>,
    {
        if mail.recipients.is_empty() {
            return Outcome::Reject(Failure::new("the mail has no recipient").by("smtp"));
        }
        let mut tally = Tally::new(mail.recipients, mail.from_is_default);
        let ended = tokio::select! {
            biased;
            attempt = self.attempt(mail, &mut confirm, &mut tally) => Ok(attempt),
            why = time_is_up => Err(why),
        };
        match ended {
            Ok(Attempt::Done | Attempt::Gone) => tally.outcome(),
            Ok(Attempt::Unconfirmed) => {
                tally.stopped(&Failure::new("not sent: the hold on the message was not confirmed").by("smtp"))
            }
            Err(why) => {
                let failure = Failure::new(why.to_string()).by("smtp");
                match why {
                    TimeUp::SendTimeout(_) => tally.late(&failure),
                    TimeUp::Shutdown => tally.stopped(&failure),
                }
            }
        }
    }

    async fn attempt<'a, F, E>(
        &self,
        mail: &Mail<'a>,
        confirm: &mut impl FnMut() -> F,
        tally: &mut Tally<'a>,
    ) -> Attempt
    where
        F: Future<Output = Result<(), E>>,
    {
        if let Some(mut session) = self.reuse().await {
            tally.in_session();
            match session.send(mail, confirm, tally).await {
                Attempt::Gone => *tally = Tally::new(mail.recipients, mail.from_is_default),
                ended => {
                    self.give_back(session);
                    return ended;
                }
            }
        }
        match self.connect().await {
            Ok(mut session) => {
                tally.in_session();
                let ended = session.send(mail, confirm, tally).await;
                self.give_back(session);
                ended
            }
            Err((means, failure)) => {
                tally.rest(means, &failure);
                Attempt::Done
            }
        }
    }

    /// Connects, encrypts and logs in as a mail would, and says goodbye.
    ///
    /// # Errors
    ///
    /// The stage and the server's words.
    pub async fn check(&self) -> Result<(), Failure> {
        let session = self.connect().await.map_err(|(_, failure)| failure)?;
        session.quit().await;
        Ok(())
    }

    /// Says goodbye on idle connections, and keeps none from now on.
    pub async fn close(&self) {
        let sessions = {
            let mut idle = self.shared.idle();
            idle.closed = true;
            std::mem::take(&mut idle.sessions)
        };
        quit_all(sessions).await;
    }

    async fn connect(&self) -> Result<Session, (Meaning, Failure)> {
        let connected = Session::connect(&self.shared.settings, self.shared.tls.as_ref()).await;
        connected.map_err(|fault| (meaning(&fault), fault.failure()))
    }

    /// The idle connection used last, if it can take one more mail.
    async fn reuse(&self) -> Option<Session> {
        let settings = &self.shared.settings;
        let mut session = self.shared.idle().sessions.pop()?;
        if session.mails >= settings.max_messages_per_connection {
            session.quit().await;
            return None;
        }
        session.is_alive(settings.idle_noop_after).await.then_some(session)
    }

    fn give_back(&self, mut session: Session) {
        if session.over {
            return;
        }
        session.rest();
        let mut idle = self.shared.idle();
        if idle.closed {
            return;
        }
        idle.sessions.push(session);
        if !idle.watched {
            idle.watched = true;
            tokio::spawn(close_when_old(Arc::downgrade(&self.shared)));
        }
    }
}

impl Shared {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs while there are idle connections.
async fn close_when_old(pool: Weak<Shared>) {
    while let Some(shared) = pool.upgrade() {
        let limit = shared.settings.idle_close_after;
        let (old, next) = {
            let mut idle = shared.idle();
            let old = idle.sessions.iter().take_while(|session| session.idle() >= limit).count();
            let old: Vec<_> = idle.sessions.drain(..old).collect();
            let next =
                idle.sessions.first().map(|session| Instant::now() + limit.saturating_sub(session.idle()));
            idle.watched = next.is_some();
            (old, next)
        };
        drop(shared);
        quit_all(old).await;
        let Some(next) = next else { return };
        sleep_until(next).await;
    }
}

/// All at the same time: each waits for an answer for a while.
async fn quit_all(sessions: Vec<Session>) {
    let mut quits = tokio::task::JoinSet::new();
    for session in sessions {
        quits.spawn(session.quit());
    }
    while quits.join_next().await.is_some() {}
}
