//! Sends the messages of the queue `sms`.

use std::process::ExitCode;

use redispatch::config::Cli;
use redispatch_workers::sms::SmsChannel;

const ABOUT: &str = "Sends the messages of the queue `sms`, through Twilio, Amazon SNS, or nowhere.";

const EXAMPLES: &str = "\
TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN=… TWILIO_FROM_NUMBER=+1… \\
  sms-worker --check
TWILIO_ACCOUNT_SID=AC… TWILIO_AUTH_TOKEN_FILE=/run/secrets/twilio \\
  TWILIO_MESSAGING_SERVICE_SID=MG… sms-worker
SMS_PROVIDER=aws-sns AWS_REGION=eu-central-1 sms-worker --check
SMS_PROVIDER=null sms-worker --dry-run
redis-cli lpush queue:sms:pending '{\"to\":\"+491701234567\",\"body\":\"Hi\"}'";

fn main() -> ExitCode {
    let cli = Cli::new("sms-worker", env!("CARGO_PKG_VERSION"), ABOUT, EXAMPLES);
    redispatch_workers::run::<SmsChannel>(cli, std::env::args_os())
}
