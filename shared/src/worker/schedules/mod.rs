//! Fires the schedules of the queue. Every worker tries, and `fire.lua` lets one of them: there is no leader.

mod book;
mod fire;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use fred::error::Error;
use futures::FutureExt;
use tracing::warn;

use super::shared::Shared;
use crate::link;
use crate::script;
use crate::telemetry::event;
use book::Book;
use fire::Fired;

/// Firings of one schedule in a row, before the others have their turn.
const BATCH: usize = 100;

/// Fires what is due until the worker stops. What fails is tried again.
pub(crate) async fn run(shared: Arc<Shared>) {
    let every = shared.settings.poll_interval.clamp(Duration::from_secs(1), Duration::from_secs(10));
    let mut book = Book::new(every);
    let mut told = String::new();
    loop {
        let wait = match AssertUnwindSafe(turn(&shared, &mut book)).catch_unwind().await {
            Ok(Ok(wait)) => {
                told.clear();
                wait
            }
            Ok(Err(error)) => {
                let text = script::describe(&error);
                if text != told {
                    warn!(event = event::REDIS_ERROR, queue = %shared.queue, error = %text,
                        "schedules cannot fire now; trying again");
                    told = text;
                }
                every
            }
            // Told by the panic hook; the others go on.
            Err(_) => {
                book = Book::new(every);
                every
            }
        };
        tokio::time::sleep(wait).await;
    }
}

/// Fires what is due, and gives the time until the next turn.
async fn turn(shared: &Shared, book: &mut Book) -> Result<Duration, Error> {
    if book.read_in().is_zero() {
        book.read(shared).await?;
    }
    let (mut result, mut again) = (Ok(()), false);
    for name in book.names() {
        match fire_due(shared, book, &name).await {
            Ok(more) => again |= more,
            Err(error) if link::breaks_connection(&error) => return Err(error),
            // It may be this one's lane that is broken.
            Err(error) => result = result.and(Err(error)),
        }
    }
    result?;
    let read = book.read_in();
    Ok(if again { Duration::ZERO } else { book.until_next().map_or(read, |next| next.min(read)) })
}

/// Fires what is due of one schedule. True where some of it is left.
async fn fire_due(shared: &Shared, book: &mut Book, name: &str) -> Result<bool, Error> {
    for _ in 0..BATCH {
        let Some((entry, step)) = book.due(name) else { return Ok(false) };
        let answer = fire::fire(shared, entry, step).await?;
        book.set_clock(answer.now);
        match answer.fired {
            Fired::Done | Fired::Late => book.set_last(name, answer.last),
            Fired::Early => return Ok(false),
            Fired::Changed => {
                book.forget();
                return Ok(true);
            }
            Fired::Paused => {
                book.rest();
                return Ok(false);
            }
        }
    }
    Ok(true)
}
