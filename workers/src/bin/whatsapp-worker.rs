//! Sends the messages of the queue `whatsapp`.

use std::process::ExitCode;

use redispatch::config::Cli;
use redispatch_workers::whatsapp::WhatsAppChannel;

const ABOUT: &str = "Sends the messages of the queue `whatsapp` through Twilio.";

const EXAMPLES: &str = "\
WHATSAPP_ACCOUNT_SID=AC… WHATSAPP_AUTH_TOKEN=… WHATSAPP_FROM_NUMBER=+1… \\
  whatsapp-worker --check
whatsapp-worker --whatsapp-auth-token-file /run/secrets/twilio
whatsapp-worker --dry-run
redis-cli lpush queue:whatsapp:pending '{\"to\":\"+491701234567\",\"body\":\"Hi\"}'";

fn main() -> ExitCode {
    let cli = Cli::new("whatsapp-worker", env!("CARGO_PKG_VERSION"), ABOUT, EXAMPLES);
    redispatch_workers::run::<WhatsAppChannel>(cli, std::env::args_os())
}
