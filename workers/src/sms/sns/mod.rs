//! Amazon SNS, through AWS's SDK.

mod client;
mod failure;
mod gate;
mod publish;
mod settings;
mod shape;
mod verdicts;

pub use publish::Sns;
pub use settings::{Keys, SNS, SnsSettings};

/// The name in receipts and failures.
const PROVIDER: &str = "aws-sns";
