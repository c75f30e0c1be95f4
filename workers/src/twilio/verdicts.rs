//! What each answer of Twilio means for a message: one table.

use crate::verdict::Meaning::{Config, InDoubt, Reject, Retry, Sender, Throttle, Unavailable, Unreachable};
use crate::verdict::{Meaning, Row, find, row};

/// What there was to judge by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// No connection stands yet.
    Connect,
    /// The request is out. Twilio's JSON came back, or nothing, or something that is no answer to it.
    Answer,
    /// An answer without Twilio's JSON: from something in between, or the wrong server.
    Stranger,
}

use Stage::{Answer, Connect, Stranger};

const FORMAT: &str = "twilio.com/docs/usage/twilios-response";

macro_rules! page {
    ($code:literal) => {
        concat!("twilio.com/docs/api/errors/", $code)
    };
}

/// Twilio's code is looked at before the status. A sender that is refused for this recipient alone is the message's
/// fault, wherever it came from.
#[rustfmt::skip]
const TABLE: &[Row<Stage>] = &[
    row(Connect,  "no answer", Unreachable, "RFC 9293 3.10.7.1: refused, no route, no such name"),
    row(Connect,  "nonsense",  Config,      "RFC 9110 4.3.4: no TLS there, or no certificate for this name"),

    // the account
    row(Answer,   "10001",     Config,      page!(10001)), // not active
    row(Answer,   "10002",     Config,      page!(10002)), // not for trial accounts
    row(Answer,   "20003",     Config,      page!(20003)), // login
    row(Answer,   "20005",     Config,      page!(20005)), // not active
    row(Answer,   "20006",     Config,      page!(20006)), // no privilege
    row(Answer,   "20008",     Config,      page!(20008)), // not with test credentials
    row(Answer,   "20403",     Config,      page!(20403)), // suspended or closed
    row(Answer,   "20404",     Config,      page!(20404)), // no such account at this URL
    row(Answer,   "30002",     Config,      page!(30002)), // suspended
    row(Answer,   "63020",     Config,      page!(63020)), // invitation of Meta's business manager not accepted
    row(Answer,   "70051",     Config,      page!(70051)), // the API key may not do this
    row(Answer,   "90010",     Config,      page!(90010)), // not active

    // too much at a time
    row(Answer,   "20429",     Throttle,    page!(20429)), // never processed, safe to repeat
    row(Answer,   "21611",     Throttle,    page!(21611)), // four hours' worth queued for this sender
    row(Answer,   "30001",     Throttle,    page!(30001)), // queue overflow
    row(Answer,   "30022",     Throttle,    page!(30022)), // rate of a US long code
    row(Answer,   "63018",     Throttle,    page!(63018)), // rate of the channel
    row(Answer,   "14107",     Retry,       page!(14107)), // 30 in 30 s between these two numbers, nobody else
    row(Answer,   "63010",     Unavailable, page!(63010)), // internal error of the channel
    row(Answer,   "63012",     Unavailable, page!(63012)), // internal error of the channel's provider

    // the sender
    row(Answer,   "21212",     Sender,      page!(21212)), // no valid number
    row(Answer,   "21267",     Sender,      page!(21267)), // no sender ID with a trial account
    row(Answer,   "21601",     Sender,      page!(21601)), // not yours
    row(Answer,   "21603",     Sender,      page!(21603)), // missing
    row(Answer,   "21606",     Sender,      page!(21606)), // cannot send SMS
    row(Answer,   "21659",     Sender,      page!(21659)), // not Twilio's, or a short code of another country
    row(Answer,   "21660",     Sender,      page!(21660)), // another account's
    row(Answer,   "21661",     Sender,      page!(21661)), // cannot send SMS
    row(Answer,   "21701",     Sender,      page!(21701)), // no such messaging service
    row(Answer,   "21703",     Sender,      page!(21703)), // a messaging service without senders
    row(Answer,   "21705",     Sender,      page!(21705)), // no SID of a messaging service
    row(Answer,   "30032",     Sender,      page!(30032)), // toll-free number not verified
    row(Answer,   "30034",     Sender,      page!(30034)), // US long code not registered
    row(Answer,   "63002",     Sender,      page!(63002)), // the channel does not know it
    row(Answer,   "63007",     Sender,      page!(63007)), // no channel of this account has it

    // the recipient
    row(Answer,   "21211",     Reject,      page!(21211)), // no valid number
    row(Answer,   "21214",     Reject,      page!(21214)), // cannot be reached
    row(Answer,   "21265",     Reject,      page!(21265)), // a short code
    row(Answer,   "21266",     Reject,      page!(21266)), // the sender itself
    row(Answer,   "21268",     Reject,      page!(21268)), // a premium number
    row(Answer,   "21408",     Reject,      page!(21408)), // region not enabled
    row(Answer,   "21608",     Reject,      page!(21608)), // not verified, with a trial account
    row(Answer,   "21610",     Reject,      page!(21610)), // opted out
    row(Answer,   "21612",     Reject,      page!(21612)), // not from this sender
    row(Answer,   "21614",     Reject,      page!(21614)), // no mobile number
    row(Answer,   "21635",     Reject,      page!(21635)), // a landline
    row(Answer,   "63003",     Reject,      page!(63003)), // the channel does not know it
    row(Answer,   "63015",     Reject,      page!(63015)), // has not joined the sandbox
    row(Answer,   "63016",     Reject,      page!(63016)), // outside of the window of 24 hours, and no template
    row(Answer,   "63024",     Reject,      page!(63024)), // no WhatsApp there

    // the content
    row(Answer,   "21602",     Reject,      page!(21602)), // no body
    row(Answer,   "21605",     Reject,      page!(21605)), // too long
    row(Answer,   "21609",     Reject,      page!(21609)), // StatusCallback
    row(Answer,   "21617",     Reject,      page!(21617)), // longer than 1,600 characters
    row(Answer,   "21619",     Reject,      page!(21619)), // neither body, media nor template
    row(Answer,   "21620",     Reject,      page!(21620)), // MediaUrl
    row(Answer,   "21621",     Reject,      page!(21621)), // the sender has no MMS; its texts still go out
    row(Answer,   "21623",     Reject,      page!(21623)), // too many media
    row(Answer,   "21655",     Reject,      page!(21655)), // ContentSid
    row(Answer,   "21656",     Reject,      page!(21656)), // ContentVariables
    row(Answer,   "21658",     Reject,      page!(21658)), // a parameter too long
    row(Answer,   "63005",     Reject,      page!(63005)), // the channel refuses the content
    row(Answer,   "63013",     Reject,      page!(63013)), // against the channel's policy

    // codes that are not above
    row(Answer,   "401",       Config,      "RFC 9110 15.5.2"),
    row(Answer,   "403",       Config,      "RFC 9110 15.5.4"),
    row(Answer,   "404",       Config,      "RFC 9110 15.5.5: the URL or the account in it"),
    row(Answer,   "408",       Unavailable, "RFC 9110 15.5.9: the request did not arrive whole"),
    row(Answer,   "429",       Throttle,    "RFC 6585 4"),
    row(Answer,   "4xx",       Reject,      FORMAT),
    row(Answer,   "504",       InDoubt,     "RFC 9110 15.6.5: it was passed on, and the answer never came"),
    row(Answer,   "5xx",       Unavailable, FORMAT),
    row(Answer,   "3xx",       Config,      "RFC 9110 15.4: moved; never followed, that would hand the credentials on"),
    // a message that Twilio made and failed at once
    row(Answer,   "2xx",       Reject,      "twilio.com/docs/messaging/api/message-resource: status failed"),
    row(Answer,   "no answer", InDoubt,     "RFC 9110 9.2.2: POST is not idempotent"),
    row(Answer,   "nonsense",  InDoubt,     "twilio.com/docs/messaging/api/message-resource: 201 has the sid"),

    row(Stranger, "408",       Unavailable, "RFC 9110 15.5.9"),
    row(Stranger, "413",       Reject,      "RFC 9110 15.5.14: this message is too large"),
    row(Stranger, "429",       Throttle,    "RFC 6585 4"),
    row(Stranger, "4xx",       Config,      "RFC 9110 15.5: not Twilio, or not its API"),
    row(Stranger, "504",       InDoubt,     "RFC 9110 15.6.5"),
    row(Stranger, "5xx",       Unavailable, "RFC 9110 15.6.3, 15.6.4: 502, 503 of a gateway"),
    row(Stranger, "3xx",       Config,      "RFC 9110 15.4"),
];

/// What `codes` at `stage` mean, the most precise first.
pub(super) fn meaning(stage: Stage, codes: &[&str]) -> Meaning {
    // Nothing of a status below 200 or above 599 is known: it may have been taken.
    find(TABLE, stage, codes).unwrap_or(InDoubt)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code that `on` is meant for.
    fn example(on: &str) -> String {
        on.replace('x', "9")
    }

    /// Each row is reached and means what it says.
    #[test]
    fn every_row() {
        for row in TABLE {
            assert_eq!(meaning(row.stage, &[&example(row.on)]), row.means, "{:?}: {}", row.stage, row.on);
            assert!(
                row.source.starts_with("RFC ") || row.source.starts_with("twilio.com/docs/"),
                "{}",
                row.source
            );
        }
    }

    #[test]
    fn every_status_has_a_meaning_with_and_without_json() {
        for status in (200..600).map(|status| status.to_string()) {
            assert!(find(TABLE, Answer, &["99999", &status]).is_some(), "{status}");
            assert_eq!(find(TABLE, Stranger, &[&status]).is_some(), &*status >= "300", "{status}");
        }
    }

    #[test]
    fn the_code_counts_before_the_status() {
        assert_eq!(meaning(Answer, &["21610", "403"]), Reject);
        assert_eq!(meaning(Answer, &["20429", "400"]), Throttle);
        assert_eq!(meaning(Answer, &["21999", "400"]), Reject);
        assert_eq!(meaning(Answer, &["20500", "500"]), Unavailable);
        assert_eq!(meaning(Stranger, &["700"]), InDoubt);
    }
}
