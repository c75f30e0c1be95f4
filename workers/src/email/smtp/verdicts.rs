//! What each reply means for a mail: one table.

use super::fault::{Cause, Fault};
use super::reply::Reply;
use super::stage::Stage::{self, Auth, Connect, Data, Dot, Ehlo, Greeting, Mail, Rcpt, StartTls};
use crate::verdict::Meaning::{self, Config, Full, InDoubt, Reject, Retry, Sender, Throttle, Unreachable};
use crate::verdict::{Row, find, row};

/// Rows with an enhanced code are looked at before those with a reply code. A session that breaks once a mail has been
/// named costs that mail a retry: nothing tells a server that is down from one that drops this mail.
#[rustfmt::skip]
const TABLE: &[Row<Stage>] = &[
    row(Connect,  "no answer",   Unreachable, "RFC 5321 4.5.4.1"),
    row(Connect,  "nonsense",    Config,   "RFC 8314 3.3: no TLS there, or no certificate for this name"),

    row(Greeting, "4xx",         Throttle, "RFC 5321 3.1, 3.8: 421, come back later"),
    row(Greeting, "5xx",         Config,   "RFC 5321 3.1: 554, not for this client or no mail here at all"),
    row(Greeting, "no answer",   Unreachable, "RFC 5321 4.5.3.2.1"),
    row(Greeting, "nonsense",    Config,   "RFC 5321 4.2: no SMTP server"),

    row(Ehlo,     "4xx",         Throttle, "RFC 5321 4.3.2: 421"),
    row(Ehlo,     "5xx",         Config,   "RFC 5321 4.1.4: 550, the name given is refused"),
    row(Ehlo,     "no answer",   Unreachable, "RFC 5321 4.5.3.2"),
    row(Ehlo,     "nonsense",    Config,   "RFC 5321 4.2: no SMTP server"),

    row(StartTls, "421",         Throttle, "RFC 5321 3.8"),
    row(StartTls, "4xx",         Config,   "RFC 3207 4: 454, TLS not available, and plain text is not wanted"),
    row(StartTls, "5xx",         Config,   "RFC 3207 4"),
    row(StartTls, "no answer",   Unreachable, "RFC 5321 4.5.3.2"),
    row(StartTls, "nonsense",    Config,   "RFC 3207 4.1: no certificate for this name"),
    row(StartTls, "not offered", Config,   "RFC 3207 4"),

    row(Auth,     "4.7.12",      Config,   "RFC 4954 6: 432, the password has to be changed"),
    row(Auth,     "432",         Config,   "RFC 4954 6"),
    row(Auth,     "4xx",         Throttle, "RFC 4954 6: 454, temporary authentication failure"),
    row(Auth,     "5xx",         Config,   "RFC 4954 6: 535, 530, 534, 538, 500"),
    row(Auth,     "no answer",   Unreachable, "RFC 5321 4.5.3.2"),
    row(Auth,     "nonsense",    Config,   "RFC 4954 4"),
    row(Auth,     "not offered", Config,   "RFC 4954 3: no mechanism in common"),

    row(Mail,     "4.1.x",       Retry,    "RFC 3463 3.2: this sender's address cannot be checked now"),
    row(Mail,     "5.2.3",       Reject,   "RFC 3463 3.3: message too long"),
    row(Mail,     "5.3.4",       Reject,   "RFC 3463 3.4: message too big for the system"),
    row(Mail,     "5.6.x",       Reject,   "RFC 3463 3.7: this content cannot be handled"),
    row(Mail,     "5.7.8",       Config,   "RFC 4954 6: credentials"),
    row(Mail,     "5.7.9",       Config,   "RFC 4954 6: mechanism too weak"),
    row(Mail,     "4xx",         Throttle, "RFC 5321 4.2.3: 421, 450, 451, 452 before any recipient was named"),
    row(Mail,     "503",         Retry,    "RFC 5321 4.2.4: the session is out of step"),
    row(Mail,     "530",         Config,   "RFC 4954 6: authentication required; RFC 3207 4: STARTTLS required"),
    row(Mail,     "535",         Config,   "RFC 4954 6"),
    row(Mail,     "552",         Reject,   "RFC 1870 6.1: larger than the server takes"),
    row(Mail,     "555",         Reject,   "RFC 5321 4.1.1.11: parameters of this mail"),
    row(Mail,     "5xx",         Sender,   "RFC 5321 4.1.1.2, 4.2.3: 550, 553"),
    row(Mail,     "no answer",   Retry,    "RFC 5321 4.5.3.2.2"),
    row(Mail,     "nonsense",    Retry,    "RFC 5321 4.2"),
    row(Mail,     "not offered", Reject,   "RFC 1870 6.1: SIZE; RFC 6531 3.2: SMTPUTF8"),

    row(Rcpt,     "4.5.3",       Full,     "RFC 3463 3.6: too many recipients"),
    row(Rcpt,     "5.5.3",       Full,     "RFC 3463 3.6: too many recipients"),
    row(Rcpt,     "4.7.28",      Throttle, "IANA SMTP Enhanced Status Codes: mail flood detected"),
    row(Rcpt,     "4.x.x",       Retry,    "RFC 3463 2: persistent transient failure, greylisting with 4.7.1 too"),
    row(Rcpt,     "5.1.7",       Sender,   "RFC 3463 3.2: bad sender's address, checked late"),
    row(Rcpt,     "5.1.8",       Sender,   "RFC 3463 3.2: bad sender's system address, checked late"),
    row(Rcpt,     "5.7.27",      Sender,   "RFC 7505 4.2: the sender's domain takes no mail"),
    row(Rcpt,     "5.7.8",       Config,   "RFC 4954 6: credentials"),
    row(Rcpt,     "5.1.x",       Reject,   "RFC 3463 3.2: no such mailbox or system"),
    row(Rcpt,     "5.2.x",       Reject,   "RFC 3463 3.3: disabled, or full for good"),
    row(Rcpt,     "5.3.x",       Reject,   "RFC 3463 3.4"),
    row(Rcpt,     "5.4.x",       Reject,   "RFC 3463 3.5"),
    row(Rcpt,     "5.6.x",       Reject,   "RFC 3463 3.7"),
    row(Rcpt,     "452",         Full,     "RFC 5321 4.5.3.1.10"),
    row(Rcpt,     "552",         Full,     "RFC 5321 4.5.3.1.10: to be treated as 452"),
    row(Rcpt,     "4xx",         Retry,    "RFC 5321 4.2.3: 450, 451; RFC 6647: greylisting; 421: the others will see for themselves"),
    row(Rcpt,     "503",         Retry,    "RFC 5321 4.2.4: the session is out of step"),
    row(Rcpt,     "530",         Config,   "RFC 4954 6: authentication required; RFC 3207 4: STARTTLS required"),
    row(Rcpt,     "5xx",         Reject,   "RFC 5321 4.2.3: 550, 551, 553, 554"),
    row(Rcpt,     "no answer",   Retry,    "RFC 5321 4.5.3.2.3"),
    row(Rcpt,     "nonsense",    Retry,    "RFC 5321 4.2"),

    row(Data,     "4.7.28",      Throttle, "IANA SMTP Enhanced Status Codes: mail flood detected"),
    row(Data,     "454",         Throttle, "Amazon SES: throttling failure, sending rate exceeded"),
    row(Data,     "4xx",         Retry,    "RFC 5321 4.3.2: 450, 451"),
    row(Data,     "503",         Retry,    "RFC 5321 4.2.4: the session is out of step"),
    row(Data,     "530",         Config,   "RFC 4954 6: authentication required; RFC 3207 4: STARTTLS required"),
    row(Data,     "5xx",         Reject,   "RFC 5321 4.3.2: 554"),
    row(Data,     "no answer",   Retry,    "RFC 5321 4.5.3.2.4"),
    row(Data,     "nonsense",    Retry,    "RFC 5321 4.2"),

    row(Dot,      "4.7.28",      Throttle, "IANA SMTP Enhanced Status Codes: mail flood detected"),
    row(Dot,      "454",         Throttle, "Amazon SES: throttling failure, sending rate exceeded"),
    row(Dot,      "4xx",         Retry,    "RFC 5321 4.3.2: 450, 451, 452; 421"),
    row(Dot,      "5xx",         Reject,   "RFC 5321 4.3.2: 550, 552, 554; RFC 3463 3.8: 5.7.x"),
    row(Dot,      "no answer",   InDoubt,  "RFC 5321 4.5.3.2.6; RFC 1047"),
    row(Dot,      "nonsense",    InDoubt,  "RFC 1047"),
];

/// What `fault` means.
pub(super) fn meaning(fault: &Fault) -> Meaning {
    let found = match &fault.cause {
        Cause::Refused(reply) => refused(fault.stage, reply),
        Cause::Closed | Cause::Silent(_) | Cause::Io(_) => find(TABLE, fault.stage, &["no answer"]),
        Cause::Nonsense(_) => find(TABLE, fault.stage, &["nonsense"]),
        Cause::NotOffered(_) => find(TABLE, fault.stage, &["not offered"]),
    };
    found.unwrap_or(Retry)
}

fn refused(stage: Stage, reply: &Reply) -> Option<Meaning> {
    let code = reply.code.to_string();
    match reply.enhanced() {
        Some((class, subject, detail)) => {
            find(TABLE, stage, &[&format!("{class}.{subject}.{detail}"), &code])
        }
        None => find(TABLE, stage, &[&code]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(stage: Stage, text: &str) -> Fault {
        Cause::Refused(Reply::parse(format!("{text}\r\n").as_bytes()).unwrap().unwrap().0).at(stage)
    }

    /// A refusal that `on` is meant for and that no row above it takes.
    fn example(on: &str) -> String {
        match on {
            "4.x.x" => "450 4.9.9 x".to_owned(),
            "4xx" | "5xx" => format!("{}59 x", &on[..1]),
            on if on.contains('.') => {
                let code = if on.starts_with('4') { 459 } else { 559 };
                format!("{code} {} x", on.replace('x', "99"))
            }
            on => format!("{on} x"),
        }
    }

    /// Each row is reached and means what it says.
    #[test]
    fn every_row() {
        for row in TABLE {
            let fault = match row.on {
                "no answer" => Cause::Closed.at(row.stage),
                "nonsense" => Cause::Nonsense(String::new()).at(row.stage),
                "not offered" => Cause::NotOffered(String::new()).at(row.stage),
                on => reply(row.stage, &example(on)),
            };
            assert_eq!(meaning(&fault), row.means, "{}: {}", row.stage, row.on);
            assert!(!row.source.is_empty());
        }
    }

    #[test]
    fn every_stage_knows_silence_nonsense_and_both_classes() {
        for stage in [Connect, Greeting, Ehlo, StartTls, Auth, Mail, Rcpt, Data, Dot] {
            for on in ["no answer", "nonsense", "4xx", "5xx"] {
                let known = TABLE.iter().any(|row| row.stage == stage && row.on == on);
                assert!(known || (stage == Connect && on.ends_with("xx")), "{stage}: {on}");
            }
        }
    }

    /// Replies as real servers give them.
    #[test]
    #[rustfmt::skip]
    fn real_replies() {
        for (stage, text, expected) in [
            (Greeting, "421 4.3.2 too many connections", Throttle),
            (Greeting, "554 5.7.1 your address is on a blocklist", Config),
            (Auth, "535 5.7.8 authentication credentials invalid", Config),
            (Auth, "454 4.7.0 temporary authentication failure", Throttle),
            (Mail, "421 4.7.0 try again later, closing connection", Throttle),
            (Mail, "452 4.3.1 insufficient system storage", Throttle),
            (Mail, "451 4.7.1 rate limit exceeded", Throttle),
            (Mail, "450 4.1.8 sender domain not found", Retry),
            (Mail, "530 5.7.0 authentication required", Config),
            (Mail, "552 5.3.4 message size exceeds fixed limit", Reject),
            (Mail, "553 5.7.1 not owned by user", Sender),
            (Rcpt, "550 5.1.8 sender domain not found", Sender),
            (Rcpt, "550 5.1.1 no such user", Reject),
            (Rcpt, "550 5.7.1 relaying denied", Reject),
            (Rcpt, "450 4.7.1 greylisted", Retry),
            (Rcpt, "451 4.7.1 greylisted", Retry),
            (Rcpt, "452 4.2.2 over quota", Retry),
            (Rcpt, "452 4.5.3 too many recipients", Full),
            (Rcpt, "452 too many", Full),
            (Rcpt, "552 mailbox full", Full),
            (Rcpt, "552 5.2.2 mailbox full", Reject),
            (Rcpt, "421 4.3.0 closing", Retry),
            (Rcpt, "450 5.1.1 the first digit counts", Retry),
            (Data, "451 4.3.0 queue file write error", Retry),
            (Dot, "550 5.7.1 spam", Reject),
            (Dot, "421 4.3.0 closing", Retry),
            (Dot, "452 4.3.1 disk full", Retry),
            (Dot, "454 Throttling failure: Maximum sending rate exceeded", Throttle),
        ] {
            assert_eq!(meaning(&reply(stage, text)), expected, "{stage}: {text}");
        }
    }
}
