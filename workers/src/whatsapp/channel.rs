//! From a message in hand to its outcome.

use std::sync::Arc;

use redispatch::config::{Fault, Reader, Table};
use redispatch::queue::Waiting;
use redispatch::{Delivery, Failure, Outcome};

use super::check::check;
use super::message::{Content, WhatsApp};
use super::preview::preview;
use super::settings::{FROM, WHATSAPP, WhatsAppSettings};
use crate::Channel;
use crate::phone::{PHONES, Validation};
use crate::twilio::{self, Client, Origin, Post, Sender};

/// The channel `whatsapp`.
pub struct WhatsAppChannel {
    phones: Validation,
    client: Client,
    from: String,
}

impl Channel for WhatsAppChannel {
    const QUEUE: &'static str = "whatsapp";
    const CONCURRENCY: usize = 5;
    const TABLES: &'static [Table] = &[WHATSAPP, PHONES];
    type Settings = WhatsAppSettings;

    fn read(reader: &mut Reader<'_>, _: usize) -> WhatsAppSettings {
        WhatsAppSettings::read(reader)
    }

    fn open(settings: WhatsAppSettings) -> Result<Self, Fault> {
        let fault = |why: String| Fault::new("WHATSAPP_API_URL", why, "mend it");
        let account = settings.account.ok_or_else(|| fault("has no account".to_owned()))?;
        Ok(Self {
            phones: settings.phones,
            client: Client::new(account).map_err(fault)?,
            from: settings.from,
        })
    }

    async fn send(self: Arc<Self>, delivery: Delivery) -> Outcome {
        let message = match check(delivery.bytes(), self.phones) {
            Ok(message) => message,
            Err(failure) => return Outcome::Reject(failure),
        };
        let origin = if message.from.is_some() { Origin::Message } else { Origin::Setting(FROM) };
        let confirm = {
            let delivery = delivery.clone();
            async move { delivery.confirm().await }
        };
        self.client.send(&post(&message, &self.from), origin, confirm, delivery.time_is_up()).await
    }

    fn validate(message: &Waiting) -> Result<(), Failure> {
        check(&message.bytes, Validation::Shape).map(drop)
    }

    fn preview(
        settings: &WhatsAppSettings,
        message: &Waiting,
    ) -> Result<Vec<(&'static str, String)>, Failure> {
        preview(settings, message)
    }

    async fn check(&self) -> Result<String, Failure> {
        self.client.check().await.map(|said| format!("twilio: {said}"))
    }

    async fn close(&self) {}
}

fn post<'a>(message: &'a WhatsApp, default_from: &'a str) -> Post<'a> {
    let from = Sender::From(message.from.as_deref().unwrap_or(default_from));
    let post =
        Post { to: &message.to, from, body: None, content: None, media_urls: &[], status_callback: None };
    match &message.content {
        Content::Free { body, media_urls } => {
            Post { body: Some(&**body).filter(|body| !body.is_empty()), media_urls, ..post }
        }
        Content::Template { sid, variables } => {
            Post { content: Some(twilio::Content { sid, variables: variables.as_deref() }), ..post }
        }
    }
}
