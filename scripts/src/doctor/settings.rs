//! The settings: what every program says to them, and what is odd about where they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use redispatch::config::dotenv;
use redispatch::config::{
    API, ApiSettings, Fault, QUEUE, QueueSettings, REDIS, Reader, Sources, TABLES, Table, WorkerSettings,
};
use redispatch::telemetry::LogSettings;
use redispatch_workers::settings_tables;

use super::channels::Channels;
use super::env_file::Env;
use super::{Finding, Usable, names};

const CHECK: &str = "settings";

/// Where settings come from, read once.
pub(super) struct Given<'a> {
    flags: &'a [(String, OsString)],
    file: (Vec<dotenv::Line>, Vec<Fault>),
}

impl Given<'_> {
    /// What a program with the settings `tables` is given.
    pub(super) fn to(&self, tables: &[Table]) -> Sources {
        Sources::new(tables, std::env::vars_os(), self.file.clone()).with_flags(self.flags.iter().cloned())
    }
}

/// Reads everything as the programs do. `flags` are those that were given, by the names of their variables.
pub(super) fn check(flags: &[(String, OsString)]) -> (Vec<Finding>, Usable) {
    let given = Given { flags, file: dotenv::load() };
    let sources = given.to(TABLES);
    let mut reader = Reader::new(&sources);
    let settings = WorkerSettings::read(&mut reader, 1);
    LogSettings::read(&mut reader);
    let common = faults_of(reader);

    let mut findings = told(CHECK, &common);
    if common.is_empty() {
        findings.push(Finding::ok(CHECK, "those of Redis, the queues and the logs can be used"));
    }
    let sources = given.to(&[API]);
    let mut reader = Reader::new(&sources);
    ApiSettings::read(&mut reader);
    let api: Vec<Fault> = faults_of(reader).into_iter().filter(|fault| !common.contains(fault)).collect();
    findings.extend(told("queuectl serve", &api));
    let (channels, unusable) = Channels::read(&given, &common);
    findings.extend(unusable);
    findings.extend(odd(&given));
    (findings, Usable { queues: queues(&given), lease: settings.lease, channels })
}

pub(super) fn faults_of(reader: Reader<'_>) -> Vec<Fault> {
    reader.finish().err().map(|faults| faults.0).unwrap_or_default()
}

/// A fault for each setting that cannot be used.
pub(super) fn told(check: &str, faults: &[Fault]) -> Vec<Finding> {
    let fault = |fault: &Fault| {
        Finding::fault(check, format!("{} {}", fault.name, fault.problem), fault.cure.as_str())
    };
    faults.iter().map(fault).collect()
}

/// Where the queues are. A line of `.env` that cannot be read may have said so.
fn queues(given: &Given<'_>) -> Option<QueueSettings> {
    let sources = given.to(&[REDIS, QUEUE]);
    let mut reader = Reader::new(&sources);
    let says_where = reader.is_set("REDIS_URL") || reader.is_set("REDIS_HOST");
    let settings = QueueSettings::read(&mut reader);
    let faults = faults_of(reader);
    let in_file = |fault: &Fault| says_where && given.file.1.contains(fault);
    faults.iter().all(in_file).then_some(settings)
}

fn odd(given: &Given<'_>) -> Vec<Finding> {
    const CHECK: &str = ".env";
    if given.file.0.is_empty() && given.file.1.is_empty() && !Path::new(".env").exists() {
        return vec![Finding::skipped(CHECK, "there is none in this folder")];
    }
    let tables = settings_tables();
    let known: BTreeSet<String> = names::known(&tables, Path::new("."));
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .collect();
    let env = Env { tables: &tables, known: &known, lines: &given.file.0, environment: &environment };
    let mut findings = env.check();
    if findings.is_empty() && given.file.1.is_empty() {
        findings.push(Finding::ok(CHECK, "every line is a setting, and nothing is odd about it"));
    }
    findings
}
