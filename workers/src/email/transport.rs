//! The three ways out: SMTP, files, nowhere.

use std::pin::pin;

use redispatch::config::Fault;
use redispatch::telemetry::event;
use redispatch::worker::TimeUp;
use redispatch::{Delivery, Failure, Outcome, Receipt};
use tracing::warn;

use super::compose::Mail;
use super::outbox::Outbox;
use super::settings::TransportSettings;
use super::smtp::{self, Pool};

pub(super) enum Transport {
    Smtp(Pool),
    File(Outbox),
    Null,
}

impl Transport {
    /// Opens it, and warns where mail goes nowhere real.
    ///
    /// # Errors
    ///
    /// No certificate could be trusted, or the outbox cannot be written.
    pub(super) fn open(settings: TransportSettings) -> Result<Self, Fault> {
        match settings {
            TransportSettings::Smtp(settings) => {
                let cure = "mend it, or choose another SMTP_TLS";
                Pool::new(*settings).map(Self::Smtp).map_err(|why| Fault::new("SMTP_HOST", why, cure))
            }
            TransportSettings::File(folder) => {
                let outbox = Outbox::open(folder)?;
                warn!(event = event::TRANSPORT_WARNING, transport = "file", folder = %outbox.folder().display(),
                    "EMAIL_TRANSPORT=file: mail is written to files and sent to nobody");
                Ok(Self::File(outbox))
            }
            TransportSettings::Null => {
                warn!(
                    event = event::TRANSPORT_WARNING,
                    transport = "null",
                    "EMAIL_TRANSPORT=null: mail is thrown away and sent to nobody"
                );
                Ok(Self::Null)
            }
        }
    }

    pub(super) async fn send(&self, mail: Mail, delivery: &Delivery) -> Outcome {
        match self {
            Self::Smtp(pool) => {
                let mail = smtp::Mail {
                    from: Some(&mail.from),
                    from_is_default: mail.from_is_default,
                    recipients: &mail.recipients,
                    data: &mail.data,
                    needs_smtputf8: mail.needs_smtputf8,
                    eight_bit: mail.eight_bit,
                };
                let mut free = pin!(pool.slot());
                let slot = loop {
                    tokio::select! {
                        slot = &mut free => break slot,
                        why = delivery.time_is_up() => match why {
                            TimeUp::SendTimeout(_) => delivery.restart_limit(),
                            TimeUp::Shutdown => return why.into(),
                        }
                    }
                };
                delivery.restart_limit();
                pool.send_in(slot, &mail, || delivery.confirm(), delivery.time_is_up()).await
            }
            Self::File(outbox) => match delivery.confirm().await {
                Ok(()) => outbox.send(mail).await,
                Err(unconfirmed) => unconfirmed.into(),
            },
            Self::Null => {
                Outcome::Sent(Receipt { provider_id: None, provider: Some("null"), ..Default::default() })
            }
        }
    }

    /// Logs in, or tries to write; what was tried, in a few words.
    pub(super) async fn check(&self) -> Result<String, Failure> {
        match self {
            Self::Smtp(pool) => {
                pool.check().await.map(|()| "connected and logged in; nothing sent".to_owned())
            }
            Self::File(outbox) => Ok(format!("files in {}; sent to nobody", outbox.folder().display())),
            Self::Null => Ok("thrown away; sent to nobody".to_owned()),
        }
    }

    pub(super) async fn close(&self) {
        if let Self::Smtp(pool) = self {
            pool.close().await;
        }
    }
}
