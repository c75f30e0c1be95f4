//! Sends the messages of the queue `email`.

use std::process::ExitCode;

use redispatch::config::Cli;
use redispatch_workers::email::Email;

const ABOUT: &str = "Sends the messages of the queue `email`, over SMTP, into files, or nowhere.";

const EXAMPLES: &str = "\
SMTP_HOST=smtp.example.com SMTP_FROM=you@example.com email-worker --check
email-worker --smtp-host localhost --smtp-port 1025 --smtp-tls none
EMAIL_TRANSPORT=file EMAIL_OUTBOX_DIR=./outbox email-worker
email-worker --dry-run
redis-cli lpush queue:email:pending '{\"to\":\"a@example.com\",\"body\":\"Hi\"}'";

fn main() -> ExitCode {
    let cli = Cli::new("email-worker", env!("CARGO_PKG_VERSION"), ABOUT, EXAMPLES);
    redispatch_workers::run::<Email>(cli, std::env::args_os())
}
