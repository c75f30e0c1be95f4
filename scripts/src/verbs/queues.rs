//! `queues`: their names, for scripts.

use clap::Args;

use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;

const HELP: &str = "\
email, sms and whatsapp, those that workers and producers made known, and
those of the setting QUEUES.

Examples:
  queuectl queues
  for queue in $(queuectl queues); do queuectl export --queue \"$queue\"; done";

/// `queues`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Queues {}

pub(crate) async fn run(context: &Context) -> Result<Exit, Error> {
    let names = context.names().await?;
    if context.json {
        output::json(&names);
    } else {
        output::data(&names.join("\n"));
    }
    Ok(Exit::Done)
}
