//! Amazon SNS, through AWS's SDK.

mod client;
mod failure;
mod gate;
mod kind;
mod publish;
mod settings;
mod shape;
mod verdicts;

pub use publish::Sns;
pub use settings::{Keys, SNS, SnsSettings};

/// What it is called in logs and dead letters.
pub(crate) const NAME: &str = "aws-sns";
