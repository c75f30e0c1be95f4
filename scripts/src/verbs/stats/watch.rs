//! Looks again and again: in place on a terminal, one block or one line of JSON after the other elsewhere.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use redispatch::clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::look::{Look, Rate};
use super::view;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;

/// From the first column of the first line, and nothing below.
const CLEARED: &str = "\x1b[H\x1b[J";

/// Looks every `every`, until somebody ends it or nobody reads any more.
pub(super) async fn watch(
    context: &Context,
    names: &[String],
    every: Duration,
    first: Look,
) -> Result<Exit, Error> {
    let no_signals = |error: io::Error| Error::new("cannot wait for signals").cause(error);
    let mut term = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut int = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut screen = Screen { live: !context.json && io::stdout().is_terminal(), every };
    let mut last = first;
    screen.show(context, &last, &vec![Rate::default(); last.queues.len()]);
    loop {
        let look = async {
            ticks.tick().await;
            Look::take(context, names).await
        };
        let look = tokio::select! {
            look = look => look,
            _ = term.recv() => return Ok(Exit::Done),
            _ = int.recv() => return Ok(Exit::Done),
        };
        match look {
            Ok(look) => {
                screen.show(context, &look, &look.rates(&last));
                look.broken.iter().for_each(|error| screen.complain(error));
                last = look;
            }
            Err(error) => screen.complain(&error),
        }
    }
}

struct Screen {
    live: bool,
    every: Duration,
}

impl Screen {
    fn show(&mut self, context: &Context, look: &Look, rates: &[Rate]) {
        if context.json {
            output::json(&view::json(look, Some(rates)));
            return;
        }
        let now = look.queues.iter().map(|(glance, _)| glance.now).max().unwrap_or_default();
        let head = format!("{}  every {:?}", clock::rfc3339(now.unsigned_abs()), self.every);
        let text = format!("{head}\n\n{}", view::text(look, Some(rates)));
        if self.live {
            output::data(&format!("{CLEARED}{}", cut(&text, &console::Term::stdout())));
        } else {
            output::data(&format!("{text}\n"));
        }
    }

    fn complain(&self, error: &Error) {
        if self.live {
            output::data(CLEARED);
        }
        output::say(&format!("{error}\nlooking again in {:?}", self.every));
    }
}

/// The part of the text that the terminal has room for.
fn cut(text: &str, terminal: &console::Term) -> String {
    let Some((rows, columns)) = terminal.size_checked() else { return text.to_owned() };
    let room = usize::from(rows.saturating_sub(1).max(1));
    let lines = text.lines().take(room).map(|line| line.chars().take(columns.into()).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}
