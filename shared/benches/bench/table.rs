//! Figures, their targets, and how they are printed.

use serde_json::{Value, json};

use crate::machine::Machine;

/// One measured number.
#[derive(Clone)]
pub(crate) struct Figure {
    row: char,
    name: &'static str,
    value: f64,
    unit: &'static str,
    target: Option<Target>,
}

#[derive(Clone, Copy)]
enum Target {
    AtLeast(f64),
    AtMost(f64),
    Under(f64),
}

impl Figure {
    /// A number without a target. `unit` is empty for ratios.
    pub(crate) fn new(row: char, name: &'static str, value: f64, unit: &'static str) -> Self {
        Self { row, name, value, unit, target: None }
    }

    pub(crate) fn at_least(self, limit: f64) -> Self {
        Self { target: Some(Target::AtLeast(limit)), ..self }
    }

    pub(crate) fn at_most(self, limit: f64) -> Self {
        Self { target: Some(Target::AtMost(limit)), ..self }
    }

    pub(crate) fn under(self, limit: f64) -> Self {
        Self { target: Some(Target::Under(limit)), ..self }
    }

    /// Whether the target is met; `None` where there is none.
    pub(crate) fn met(&self) -> Option<bool> {
        self.target.map(|target| match target {
            Target::AtLeast(limit) => self.value >= limit,
            Target::AtMost(limit) => self.value <= limit,
            Target::Under(limit) => self.value < limit,
        })
    }
}

/// A table for people, and for the README.
pub(crate) fn markdown(machine: &Machine, figures: &[Figure]) -> String {
    let mut lines = vec![
        format!("{}, {} cores, Linux {}", machine.cpu, machine.cores, machine.kernel),
        format!("{}, {}", machine.redis, machine.settings),
        String::new(),
        "| | | measured | target | |".into(),
        "| --- | --- | ---: | ---: | --- |".into(),
    ];
    lines.extend(figures.iter().map(|figure| {
        let (limit, met) = match (figure.target, figure.met()) {
            (Some(target), Some(met)) => (shown_target(target), if met { "met" } else { "**missed**" }),
            _ => (String::new(), ""),
        };
        let value = format!("{} {}", shown(figure.value), figure.unit);
        format!("| {} | {} | {} | {limit} | {met} |", figure.row, figure.name, value.trim_end())
    }));
    lines.join("\n")
}

/// The same for programs.
pub(crate) fn json(machine: &Machine, figures: &[Figure]) -> Value {
    let figures: Vec<Value> = figures
        .iter()
        .map(|figure| {
            let target = match figure.target {
                Some(Target::AtLeast(limit)) => json!({"at_least": limit}),
                Some(Target::AtMost(limit)) => json!({"at_most": limit}),
                Some(Target::Under(limit)) => json!({"under": limit}),
                None => Value::Null,
            };
            json!({
                "row": figure.row.to_string(), "name": figure.name, "value": figure.value, "unit": figure.unit,
                "target": target, "met": figure.met(),
            })
        })
        .collect();
    json!({
        "cpu": machine.cpu, "cores": machine.cores, "kernel": machine.kernel, "redis": machine.redis,
        "settings": machine.settings, "figures": figures,
    })
}

fn shown_target(target: Target) -> String {
    match target {
        Target::AtLeast(limit) => format!("≥ {limit}"),
        Target::AtMost(limit) => format!("≤ {limit}"),
        Target::Under(limit) => format!("< {limit}"),
    }
}

/// Three significant digits, or all of a larger number with its thousands apart.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => {
            let digits = format!("{value:.0}");
            let groups: Vec<&str> = digits
                .as_bytes()
                .rchunks(3)
                .rev()
                .filter_map(|group| std::str::from_utf8(group).ok())
                .collect();
            groups.join(",")
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
