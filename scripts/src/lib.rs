//! The operator's command: one file a verb under `verbs/`.

mod api;
mod changed;
mod cli;
mod context;
mod dead;
mod doctor;
mod error;
mod glance;
mod masked;
mod output;
mod run;
mod status;
mod time;
mod verbs;

pub use run::run;
