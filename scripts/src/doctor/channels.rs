//! The workers' own settings, and their providers' logins.

use std::time::Duration;

use redispatch::config::{Fault, Reader, TABLES, WorkerSettings};
use redispatch::telemetry::mask;
use redispatch_workers::Channel;
use redispatch_workers::email::Email;
use redispatch_workers::sms::SmsChannel;
use redispatch_workers::whatsapp::WhatsAppChannel;

use super::Finding;
use super::settings::{Given, faults_of, told};

/// Longest time of a login.
const LIMIT: Duration = Duration::from_secs(10);

/// The settings of each worker that somebody set up; `None` where nobody did, or they cannot be used.
pub(super) struct Channels {
    email: Option<<Email as Channel>::Settings>,
    sms: Option<<SmsChannel as Channel>::Settings>,
    whatsapp: Option<<WhatsAppChannel as Channel>::Settings>,
}

impl Channels {
    /// Reads them as each worker does. `common` are faults that were told already. Must not be called inside of an
    /// async runtime.
    pub(super) fn read(given: &Given<'_>, common: &[Fault]) -> (Self, Vec<Finding>) {
        let mut findings = Vec::new();
        let channels = Self {
            email: read::<Email>(given, common, &["EMAIL_", "SMTP_"], &mut findings),
            sms: read::<SmsChannel>(given, common, &["SMS_", "TWILIO_", "SNS_"], &mut findings),
            whatsapp: read::<WhatsAppChannel>(given, common, &["WHATSAPP_"], &mut findings),
        };
        (channels, findings)
    }

    /// Tries every login at the same time, and sends nothing.
    pub(super) async fn log_in(self) -> Vec<Finding> {
        let (email, sms, whatsapp) = tokio::join!(
            log_in::<Email>(self.email),
            log_in::<SmsChannel>(self.sms),
            log_in::<WhatsAppChannel>(self.whatsapp)
        );
        [email, sms, whatsapp].into_iter().flatten().collect()
    }
}

/// A worker is set up where any of its own settings is, which begin with `prefixes`.
fn read<C: Channel>(
    given: &Given<'_>,
    common: &[Fault],
    prefixes: &[&str],
    findings: &mut Vec<Finding>,
) -> Option<C::Settings> {
    let check = format!("{}-worker", C::QUEUE);
    let sources = given.to(&[TABLES, C::TABLES].concat());
    let mut reader = Reader::new(&sources);
    let own = C::TABLES.iter().flat_map(|table| table.settings).map(|setting| setting.name);
    let mut own = own.filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)));
    if !own.any(|name| reader.is_set(name)) {
        let names = prefixes.iter().map(|prefix| format!("{prefix}…")).collect::<Vec<_>>().join(" or ");
        findings.push(Finding::skipped(check, format!("not set up: no {names} is set")));
        return None;
    }
    let settings = WorkerSettings::read(&mut reader, C::CONCURRENCY);
    let own = C::read(&mut reader, settings.concurrency);
    let new: Vec<Fault> = faults_of(reader).into_iter().filter(|fault| !common.contains(fault)).collect();
    if !new.is_empty() {
        findings.extend(told(&check, &new));
        return None;
    }
    findings.push(Finding::ok(check, "its own settings can be used"));
    Some(own)
}

async fn log_in<C: Channel>(settings: Option<C::Settings>) -> Option<Finding> {
    let check = format!("{} provider", C::QUEUE);
    let channel = match C::open(settings?) {
        Ok(channel) => channel,
        Err(fault) => return told(&check, &[fault]).pop(),
    };
    let said = tokio::time::timeout(LIMIT, channel.check()).await;
    let finding = match said {
        Ok(Ok(said)) => Finding::ok(check, said),
        Ok(Err(failure)) => Finding::fault(
            check,
            mask::text(&failure.error).into_owned(),
            format!("mend the settings of {}-worker, or wait for the provider", C::QUEUE),
        ),
        Err(_) => Finding::fault(
            check,
            format!("no answer within {} s", LIMIT.as_secs()),
            "look at the network, a firewall, and the port",
        ),
    };
    // A provider that hangs need not be waited for.
    let _ = tokio::time::timeout(Duration::from_secs(1), channel.close()).await;
    Some(finding)
}
