//! A look as a table, and as JSON.

use redispatch::queue::{Breaker, Stats};
use serde_json::{Map, Value, json};

use super::look::{Look, Rate};
use crate::glance::Glance;
use crate::{output, time};

/// A table, and a line for each thing that keeps a queue from moving. With `rates`, in the order of the queues, they
/// stand in place of the totals.
pub(super) fn text(look: &Look, rates: Option<&[Rate]>) -> String {
    let mut header = vec!["QUEUE", "HIGH", "PENDING", "LOW", "PROCESSING", "DELAYED", "DEAD"];
    header.extend(if rates.is_some() { ["OLDEST", "IN/S", "OUT/S"] } else { ["SENT", "OLDEST", "WORKERS"] });
    let mut table = output::table(&header);
    let row = |name: &str, stats: &Stats, oldest: Option<u64>, workers: usize, rate: Option<Rate>| {
        let oldest = oldest.map_or("-".to_owned(), time::shown);
        let counts = [
            stats.high,
            stats.claimed + stats.pending,
            stats.low,
            stats.processing,
            stats.delayed,
            stats.dead_letter,
        ];
        let mut row = vec![name.to_owned()];
        row.extend(counts.map(output::count));
        row.extend(match rate {
            Some(rate) => [oldest, per_second(rate.arrived), per_second(rate.left)],
            None => [output::count(sent(stats)), oldest, workers.to_string()],
        });
        row
    };
    for (n, (glance, oldest)) in look.queues.iter().enumerate() {
        let rate = rates.map(|rates| rates[n]);
        table.add_row(row(&glance.queue, &glance.stats, *oldest, glance.alive(), rate));
    }
    if look.queues.len() > 1 {
        let oldest = look.queues.iter().filter_map(|(_, oldest)| *oldest).max();
        let workers = look.queues.iter().map(|(glance, _)| glance.alive()).sum();
        table.add_row(row("TOTAL", &total(look), oldest, workers, rates.map(sum)));
    }
    output::numbers(&mut table, 1..header.len());
    if let Some(name) = table.column_mut(0) {
        name.set_padding((1, 0));
    }
    let mut text = output::drawn(&table);
    let mut separator = "\n\n";
    for (glance, _) in &look.queues {
        for why in glance.hindrances().into_iter().chain(glance.paused_intake()) {
            text.push_str(&format!("{separator}{}: {why}", glance.queue));
            separator = "\n";
        }
    }
    text
}

/// The same, for programs.
pub(super) fn json(look: &Look, rates: Option<&[Rate]>) -> Value {
    let mut queues = Map::new();
    for (n, (glance, oldest)) in look.queues.iter().enumerate() {
        let mut queue = numbers(&glance.stats);
        queue.insert("counters".to_owned(), json!(glance.stats.counters));
        queue.insert("oldest_waiting_ms".to_owned(), json!(oldest));
        gates(glance, &mut queue);
        if let Some(rates) = rates {
            add_rate(&mut queue, rates[n]);
        }
        queues.insert(glance.queue.clone(), queue.into());
    }
    let mut total = numbers(&total(look));
    if let Some(rates) = rates {
        add_rate(&mut total, sum(rates));
    }
    json!({ "at": look.queues.iter().map(|(glance, _)| glance.now).max(), "queues": queues, "total": total })
}

fn numbers(stats: &Stats) -> Map<String, Value> {
    let numbers = [
        ("waiting", stats.waiting()),
        ("high", stats.high),
        ("pending", stats.pending),
        ("low", stats.low),
        ("claimed", stats.claimed),
        ("processing", stats.processing),
        ("delayed", stats.delayed),
        ("dead_letter", stats.dead_letter),
        ("sent", sent(stats)),
    ];
    numbers.into_iter().map(|(name, n)| (name.to_owned(), n.into())).collect()
}

fn gates(glance: &Glance, queue: &mut Map<String, Value>) {
    let gates = &glance.stats.gates;
    let shut = |until: Option<i64>| until.filter(|until| *until < 0 || *until > glance.now);
    let breaker = gates.breaker.as_ref();
    let breaker =
        breaker.map(|Breaker { since, until, why }| json!({ "since": since, "until": until, "why": why }));
    let paused = shut(gates.paused_until);
    queue.insert("workers".to_owned(), glance.alive().into());
    queue.insert("paused_until".to_owned(), paused.into());
    queue.insert("paused_note".to_owned(), paused.map(|_| gates.paused_note.clone()).into());
    queue.insert("throttled_until".to_owned(), shut(gates.throttled_until).into());
    queue.insert("breaker".to_owned(), breaker.into());
    let intake = gates.intake.as_ref();
    let intake = intake.map(|intake| json!({ "since": intake.since, "note": intake.note }));
    queue.insert("intake_paused".to_owned(), intake.into());
    queue.insert("hindered".to_owned(), glance.hindrances().into());
}

fn add_rate(queue: &mut Map<String, Value>, rate: Rate) {
    let rounded = |rate: f64| (rate * 10.0).round() / 10.0;
    queue.insert("in_per_second".to_owned(), rounded(rate.arrived).into());
    queue.insert("out_per_second".to_owned(), rounded(rate.left).into());
}

fn sent(stats: &Stats) -> u64 {
    stats.counters.get("sent").copied().unwrap_or(0)
}

fn total(look: &Look) -> Stats {
    let mut total = Stats::default();
    for (Glance { stats, .. }, _) in &look.queues {
        for (sum, n) in [
            (&mut total.high, stats.high),
            (&mut total.pending, stats.pending),
            (&mut total.low, stats.low),
            (&mut total.claimed, stats.claimed),
            (&mut total.processing, stats.processing),
            (&mut total.delayed, stats.delayed),
            (&mut total.dead_letter, stats.dead_letter),
            (total.counters.entry("sent".to_owned()).or_default(), sent(stats)),
        ] {
            *sum += n;
        }
    }
    total
}

fn sum(rates: &[Rate]) -> Rate {
    let add = |a: Rate, b: &Rate| Rate { arrived: a.arrived + b.arrived, left: a.left + b.left };
    rates.iter().fold(Rate::default(), add)
}

fn per_second(rate: f64) -> String {
    if rate > 0.0 && rate < 9.95 { format!("{rate:.1}") } else { output::count(rate.round() as u64) }
}

#[cfg(test)]
mod tests {
    use redispatch::queue::{Beat, Gates};

    use super::*;

    fn look(names: &[&str], n: u64) -> Look {
        let glance = |name: &&str| {
            let stats = Stats {
                high: n,
                pending: n,
                claimed: n,
                low: n,
                processing: n,
                delayed: n,
                ..Stats::default()
            };
            let stats = Stats { dead_letter: n, counters: [("sent".to_owned(), n)].into(), ..stats };
            let stats = Stats { gates: Gates { paused_until: Some(-1), ..Gates::default() }, ..stats };
            let workers = vec![Beat { lease_ms: 30_000, ..Beat::default() }];
            (
                Glance { queue: (*name).to_owned(), stats, workers, now: 1_700_000_000_000 },
                Some(86_400_000 * n.min(999)),
            )
        };
        Look { queues: names.iter().map(glance).collect(), broken: Vec::new(), at: 0 }
    }

    #[test]
    fn a_table_fits_80_columns_whatever_the_numbers() {
        let rates = [Rate { arrived: 123_456.0, left: 0.4 }; 3];
        for n in [0, 15, 999_999, 1_234_567, 987_654_321] {
            let look = look(&["email", "sms", "whatsapp"], n);
            for text in [text(&look, None), text(&look, Some(&rates))] {
                assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
                assert_eq!(text.lines().count(), 9, "a number was broken:\n{text}");
            }
        }
    }

    #[test]
    fn a_long_name_is_broken_and_no_number() {
        let name = "a-queue-of-a-very-long-name-that-somebody-thought-of-one-morning";
        let text = text(&look(&[name], 999_999), None);
        let text = text.split("\n\n").next().unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains(" 999999 "), "{text}");
    }
}
