//! `schedule ls`

use clap::Args;
use redispatch::clock;
use redispatch::queue::Scheduled;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::cli::Queues;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::{output, time};

const HELP: &str = "\
LAST is how long ago it last fired, dropped what it had missed, or was added.
NEXT is in UTC. A schedule that workers cannot use, as somebody wrote it by
hand, is `unusable`, and why is said below.

Exit code 1 where there is none, or one is unusable.

Examples:
  queuectl schedule ls
  queuectl schedule ls --queue email --json";

/// `schedule ls`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Ls {
    #[command(flatten)]
    queues: Queues,
}

pub(super) async fn run(args: Ls, context: &Context) -> Result<Exit, Error> {
    let mut found = Vec::new();
    let queues = context.existing(&args.queues.names).await?;
    for queue in &queues {
        let failed =
            |error| Error::redis(format!("cannot list the schedules of queue `{}`", queue.name()), error);
        let schedules = queue.schedules().await.map_err(failed)?;
        found.extend(schedules.into_iter().map(|schedule| (queue.name().to_owned(), schedule)));
    }
    if context.json {
        output::json(&found.iter().map(line).collect::<Vec<_>>());
    } else if found.is_empty() {
        output::say("no schedule");
    } else {
        let now = queues[0].clock().await;
        show(&found, now.map_err(|error| Error::redis("cannot ask for the time", error))?);
    }
    let faults =
        found.iter().filter_map(|(queue, one)| Some((queue, &one.name, one.schedule.as_ref().err()?)));
    let mut usable = true;
    for (queue, name, fault) in faults {
        output::say(&format!("{queue}:{name} is unusable: {fault}"));
        usable = false;
    }
    Ok(if usable && !found.is_empty() { Exit::Done } else { Exit::No })
}

fn line((queue, one): &(String, Scheduled)) -> Value {
    let mut line = json!({
        "queue": queue,
        "name": one.name,
        "key": format!("{queue}:{}", one.name),
        "last": one.last,
        "next": one.next,
    });
    match &one.schedule {
        Ok(schedule) => {
            line["pattern"] = json!(schedule.pattern);
            line["timezone"] = json!(schedule.timezone);
            line["start"] = json!(schedule.start);
            line["end"] = json!(schedule.end);
            line["missed"] = json!(schedule.missed);
            line["lane"] = json!(schedule.lane.name());
            line["message"] = json!(serde_json::from_slice::<&RawValue>(&schedule.message).ok());
        }
        Err(fault) => line["fault"] = json!(fault),
    }
    line
}

fn show(found: &[(String, Scheduled)], now: i64) {
    let mut table = output::table(&["QUEUE", "NAME", "PATTERN", "ZONE", "LAST", "NEXT"]);
    for (queue, one) in found {
        let (pattern, zone) = match &one.schedule {
            Ok(schedule) => (schedule.pattern.as_str(), schedule.timezone.as_str()),
            Err(_) => ("unusable", "-"),
        };
        let last = one.last.map(|last| time::shown(now.saturating_sub(last).max(0).unsigned_abs()));
        let next = one.next.map(|next| clock::rfc3339(next.unsigned_abs()).replace(".000Z", "Z"));
        table.add_row(vec![
            queue.clone(),
            one.name.clone(),
            pattern.to_owned(),
            zone.to_owned(),
            last.unwrap_or("-".to_owned()),
            next.unwrap_or("-".to_owned()),
        ]);
    }
    output::numbers(&mut table, 4..6);
    output::show(&table);
}
