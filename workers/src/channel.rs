//! What makes a worker an email, SMS or WhatsApp worker.

use std::future::Future;
use std::sync::Arc;

use redispatch::config::{Fault, Reader, Table};
use redispatch::queue::Waiting;
use redispatch::{Delivery, Failure, Outcome};

/// A way to send messages. Everything around it is the same for all: see [`run`](crate::run).
pub trait Channel: Send + Sync + Sized + 'static {
    /// The queue it serves.
    const QUEUE: &'static str;
    /// `CONCURRENCY` where it is not set.
    const CONCURRENCY: usize;
    /// Its settings, beside those of the library.
    const TABLES: &'static [Table];
    /// What those settings become.
    type Settings;

    /// Reads its tables. What cannot be used is a placeholder, and a fault of `reader`.
    fn read(reader: &mut Reader<'_>, concurrency: usize) -> Self::Settings;

    /// Makes it ready to send. Connects to nobody.
    ///
    /// # Errors
    ///
    /// A setting turns out to be unusable on this host.
    fn open(settings: Self::Settings) -> Result<Self, Fault>;

    /// Sends one message.
    fn send(self: Arc<Self>, delivery: Delivery) -> impl Future<Output = Outcome> + Send;

    /// Looks for what is wrong with a message whatever the settings are.
    ///
    /// # Errors
    ///
    /// Why it would be dead-lettered.
    fn validate(message: &Waiting) -> Result<(), Failure>;

    /// What would be sent, as (name, value) lines for the operator, recipients masked as `LOG_RECIPIENTS` says.
    ///
    /// # Errors
    ///
    /// Why it would be dead-lettered.
    fn preview(settings: &Self::Settings, message: &Waiting) -> Result<Vec<(&'static str, String)>, Failure>;

    /// Tries the provider's login, sends nothing, and gives in a few words what was tried.
    ///
    /// # Errors
    ///
    /// What the provider said.
    fn check(&self) -> impl Future<Output = Result<String, Failure>> + Send;

    /// Says goodbye to the provider. Nothing is sent from here on.
    fn close(&self) -> impl Future<Output = ()> + Send;
}
