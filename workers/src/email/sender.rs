//! From a message in hand to its outcome.

use std::panic::resume_unwind;
use std::sync::Arc;

use redispatch::config::{Fault, Reader, Table};
use redispatch::queue::Waiting;
use redispatch::{Delivery, Failure, Outcome, clock};

use super::address::Mailbox;
use super::compose::{ComposeContext, Mail, compose};
use super::preview::{preview, validate};
use super::settings::{EMAIL, EmailSettings};
use super::transport::Transport;
use crate::Channel;

/// A message larger than this is composed on a thread of its own, so that the others are not held up: 1 MiB.
const COMPOSED_APART: usize = 1 << 20;

/// The channel `email`.
pub struct Email {
    from: Option<Mailbox>,
    transport: Transport,
}

impl Channel for Email {
    const QUEUE: &'static str = "email";
    const CONCURRENCY: usize = 10;
    const TABLES: &'static [Table] = &[EMAIL];
    type Settings = EmailSettings;

    fn read(reader: &mut Reader<'_>, concurrency: usize) -> EmailSettings {
        EmailSettings::read(reader, concurrency)
    }

    fn open(settings: EmailSettings) -> Result<Self, Fault> {
        Ok(Self { from: settings.from, transport: Transport::open(settings.transport)? })
    }

    async fn send(self: Arc<Self>, delivery: Delivery) -> Outcome {
        match self.composed(&delivery).await {
            Ok(mail) => self.transport.send(mail, &delivery).await,
            Err(outcome) => outcome,
        }
    }

    fn validate(message: &Waiting) -> Result<(), Failure> {
        validate(message)
    }

    fn preview(settings: &EmailSettings, message: &Waiting) -> Result<Vec<(&'static str, String)>, Failure> {
        preview(settings.from.as_ref(), message)
    }

    async fn check(&self) -> Result<String, Failure> {
        self.transport.check().await
    }

    async fn close(&self) {
        self.transport.close().await;
    }
}

impl Email {
    async fn composed(self: &Arc<Self>, delivery: &Delivery) -> Result<Mail, Outcome> {
        let composed = if delivery.bytes().len() <= COMPOSED_APART {
            self.compose(delivery)
        } else {
            let (email, delivery) = (self.clone(), delivery.clone());
            match tokio::task::spawn_blocking(move || email.compose(&delivery)).await {
                Ok(composed) => composed,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    // The runtime is ending, and nothing was sent.
                    Err(_) => return Err(Outcome::Unconfirmed),
                },
            }
        };
        composed.map_err(Outcome::Reject)
    }

    fn compose(&self, delivery: &Delivery) -> Result<Mail, Failure> {
        let context = ComposeContext {
            default_from: self.from.as_ref(),
            reference: delivery.reference(),
            id: delivery.id(),
            date_ms: clock::unix_ms(),
            recipients: delivery.recipients(),
        };
        compose(delivery.bytes(), &context)
    }
}
