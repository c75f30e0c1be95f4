//! `schedule add`

use std::io::{self, Read as _};

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use redispatch::clock;
use redispatch::keys::Lane;
use redispatch::queue::{Added, MAX_SCHEDULED_BYTES, Missed, Queue, QueueError, Schedule};

use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::{output, time};

const HELP: &str = "\
PATTERN is `minute hour day month weekday`, with seconds in front where there
are six fields; or @hourly, @daily, @weekly, @monthly, @yearly. Signs are
* , - / ? and L (last), W (weekday next to), # (nth): `0 9 * * 1#1` is the first
Monday at 9.

It goes by the clocks of the time zone. When they are put forward, a time that
is skipped comes at the first instant after the gap; when they are put back, a
time that comes twice counts once, the first time. A pattern for every hour goes
on by elapsed time.

Each firing is one message with an id of its own, `cron:NAME:TIME`, however many
workers there are. One up to a minute late is on time; of older ones, missed
while no worker ran or the intake was paused, --missed says what becomes.

The same schedule given again changes nothing. Another one of the same name is
replaced, and counts from now.

Examples:
  queuectl schedule add nightly --queue email --pattern '0 1 * * *' \\
    --timezone Europe/Berlin '{\"to\":\"user@example.com\",\"body\":\"...\"}'
  queuectl schedule add report --queue email --pattern '0 9 * * MON-FRI' \\
    --end 2026-12-24T00:00:00Z --missed skip - < report.json";

/// `schedule add`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
#[command(override_usage = "queuectl schedule add [OPTIONS] -q QUEUE -p PATTERN NAME MESSAGE")]
pub(super) struct Add {
    /// Name, 1 to 64 of a-z, A-Z, 0-9, _, . and -
    name: String,
    #[command(flatten)]
    queue: OneQueue,
    /// When, in five or six fields
    #[arg(long, short)]
    pattern: String,
    /// Time zone, by its name with the IANA
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    timezone: String,
    /// Not before: 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time::instant)]
    start: Option<i64>,
    /// Not after: 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time::instant)]
    end: Option<i64>,
    /// What becomes of missed firings: `one` makes the latest good
    #[arg(long, value_name = "WHICH", default_value = "one")]
    #[arg(value_parser = PossibleValuesParser::new(["skip", "one", "all"]).map(|name| missed(&name)))]
    missed: Missed,
    /// Lane: `high` goes first, `low` last
    #[arg(long, value_name = "LANE", default_value = "pending")]
    #[arg(value_parser = PossibleValuesParser::new(["high", "pending", "low"]).map(|name| lane(&name)))]
    lane: Lane,
    /// The message, a JSON object without `id`; `-` reads it from stdin
    message: String,
}

fn missed(name: &str) -> Missed {
    match name {
        "skip" => Missed::Skip,
        "all" => Missed::All,
        _ => Missed::One,
    }
}

fn lane(name: &str) -> Lane {
    match name {
        "high" => Lane::High,
        "low" => Lane::Low,
        _ => Lane::Pending,
    }
}

pub(super) async fn run(args: Add, context: &Context) -> Result<Exit, Error> {
    let queue = context.queue(&args.queue.queue)?;
    let schedule = Schedule {
        name: args.name,
        pattern: args.pattern,
        timezone: args.timezone,
        start: args.start,
        end: args.end,
        missed: args.missed,
        lane: args.lane,
        message: message(args.message)?.into(),
    };
    check(&queue, &schedule)?;
    if !context.is_known(queue.name()).await? {
        output::say(&format!("queue `{}` is new: nobody has served it yet", queue.name()));
    }
    let key = format!("{}:{}", queue.name(), schedule.name);
    let failed = |error| Error::redis(format!("cannot add schedule `{key}`"), error);
    let what = match queue.add_schedule(&schedule).await.map_err(failed)? {
        Added::Added => "added",
        Added::Unchanged => "unchanged",
        Added::Replaced => "replaced",
    };
    let listed = queue.schedules().await.map_err(failed)?;
    let next = listed.iter().find(|listed| listed.name == schedule.name).and_then(|listed| listed.next);
    if context.json {
        output::json(&serde_json::json!({
            "queue": queue.name(),
            "name": schedule.name,
            "key": key,
            "result": what,
            "next": next,
        }));
    } else {
        let next = next.map_or("never".to_owned(), |next| clock::rfc3339(next.unsigned_abs()));
        output::data(&format!("{key}: {what}, next {next}"));
    }
    Ok(Exit::Done)
}

fn message(argument: String) -> Result<Vec<u8>, Error> {
    if argument != "-" {
        return Ok(argument.into_bytes());
    }
    let mut text = Vec::new();
    let read = io::stdin().lock().take(MAX_SCHEDULED_BYTES as u64 + 1).read_to_end(&mut text);
    read.map_err(|error| Error::new("cannot read stdin").changed("nothing").cause(error))?;
    Ok(text.trim_ascii().to_vec())
}

/// Whether it could fire, and a worker send what comes of it.
fn check(queue: &Queue, schedule: &Schedule) -> Result<(), Error> {
    let refused = |why: String| {
        Error::new(format!("unusable schedule `{}`", schedule.name.escape_debug()))
            .changed("nothing")
            .cause(why)
    };
    queue.check_schedule(schedule).map_err(|error| match error {
        QueueError::Schedule(why) => refused(why),
        other => refused(other.to_string()),
    })?;
    redispatch_workers::validate(queue.name(), &schedule.message).map_err(|failure| {
        refused(format!("no worker of queue `{}` could send this message: {}", queue.name(), failure.error))
    })
}
