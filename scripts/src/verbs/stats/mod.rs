//! `stats`: what queues hold and what keeps them from moving.

mod look;
mod view;
mod watch;

use std::time::Duration;

use clap::Args;

use crate::context::Context;
use crate::error::{Error, Exit};
use crate::{output, time};

use look::Look;

const HELP: &str = "\
PENDING counts what a wake-up has brought and no claim has taken (`claimed`)
too. DELAYED waits for a retry or for its time. OLDEST is the age of the
oldest waiting message, `-` where nothing says since when it waits. WORKERS
counts those that live. --json has every counter.

With --watch, IN/S and OUT/S are messages a second since the last look: OUT/S
counts what was sent, given up, cancelled or dropped as a duplicate. Ctrl-C ends
it. Once begun it goes on while Redis is away, and says so.

Examples:
  queuectl stats
  queuectl stats --queue email --json
  queuectl stats --watch
  queuectl stats --watch 10 --json >>figures.jsonl";

/// `stats`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    queues: crate::cli::Queues,
    /// Look again and again; every 2 s where no other time is given
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = interval)]
    watch: Option<Duration>,
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = time::duration(text)?;
    if interval < Duration::from_millis(200) {
        return Err("200ms is the shortest".to_owned());
    }
    Ok(interval)
}

pub(crate) async fn run(args: StatsArgs, context: &Context) -> Result<Exit, Error> {
    let look = Look::take(context, &args.queues.names).await?;
    if let Some(interval) = args.watch {
        return watch::watch(context, &args.queues.names, interval, look).await;
    }
    if context.json {
        output::json(&view::json(&look, None));
    } else {
        output::data(&view::text(&look, None));
    }
    look.broken.into_iter().next().map_or(Ok(Exit::Done), Err)
}
