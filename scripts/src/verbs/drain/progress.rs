//! How a drain gets on: a bar on a terminal, a line now and then elsewhere. On stderr.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::line::Line;
use crate::glance::Flow;
use crate::output;

/// Ms between two lines where there is no terminal, and time over which rates are taken.
const LINE_EVERY: u64 = 5_000;
const RATE_OVER: u64 = 1_000;

/// How a drain gets on.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    /// What was said of what keeps the queues from moving.
    said: BTreeSet<String>,
    told_at: Option<u64>,
    /// When a rate was last taken, and what had come and gone by then.
    measured: Option<(u64, Flow)>,
    rate: String,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{elapsed_precise} {bar:20} {pos}/{len} {wide_msg}");
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, said: BTreeSet::new(), told_at: None, measured: None, rate: String::new() }
    }

    pub(super) fn show(&mut self, lines: &[Line], now: u64) {
        for line in lines {
            for why in &line.hindrances {
                // Times in it change; what it is about does not.
                let about =
                    why.split(',').next().unwrap_or_default().split(" for ").next().unwrap_or_default();
                if self.said.insert(format!("{} {about}", line.name())) {
                    self.say(&format!("{}: {why}", line.name()));
                }
            }
            if line.flow().arrived > 0 && self.said.insert(format!("{} producers", line.name())) {
                self.say(&format!("{}: messages still arrive; waiting until none is left", line.name()));
            }
        }
        self.measure(lines, now);
        let left: u64 = lines.iter().map(Line::at_least).sum();
        if let Some(bar) = &self.bar {
            let gone: u64 = lines.iter().map(|line| line.flow().left).sum();
            bar.set_length(gone + left);
            bar.set_position(gone);
            bar.set_message(format!("{left} left{}", self.rate));
        } else if self.told_at.is_none_or(|at| now >= at + LINE_EVERY) {
            self.told_at = Some(now);
            output::say(&format!("{}{}", super::left(lines).join("; "), self.rate));
        }
    }

    /// Says something between two states of the bar.
    pub(super) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| output::say(text)),
            None => output::say(text),
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn measure(&mut self, lines: &[Line], now: u64) {
        let sum = |sum: Flow, line: &Line| {
            let flow = line.flow();
            Flow { arrived: sum.arrived + flow.arrived, left: sum.left + flow.left }
        };
        let flow = lines.iter().fold(Flow::default(), sum);
        let Some((at, before)) = self.measured else {
            self.measured = Some((now, flow));
            return;
        };
        if now < at + RATE_OVER {
            return;
        }
        let rate = |now_: u64, before: u64| now_.saturating_sub(before) * 1000 / (now - at);
        self.rate =
            format!(" ({}/s out, {}/s in)", rate(flow.left, before.left), rate(flow.arrived, before.arrived));
        self.measured = Some((now, flow));
    }
}
