//! What each answer of SNS means for a message: one table.

use super::failure::Cause;
use crate::verdict::Meaning::{
    self, Config, InDoubt, Reject, Retry, Sender, Throttle, Unavailable, Unreachable,
};
use crate::verdict::{Row, find, row};

/// Where it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before anything left: credentials, signature.
    Prepare,
    /// No connection was there to carry the request.
    Connect,
    /// SNS answered about a topic; what is not found here is looked up under [`Stage::Answer`].
    Topic,
    /// SNS answered, or should have.
    Answer,
}
use Stage::{Answer, Connect, Prepare, Topic};

const PUBLISH: &str = "https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors";
const COMMON: &str = "https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html";
const SIGNING: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html";
const STS: &str = "https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html";
const SANDBOX: &str = "https://docs.aws.amazon.com/sns/latest/api/API_CreateSMSSandboxPhoneNumber.html";
const RETRIES: &str = "https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html";
const QUOTAS: &str = "https://docs.aws.amazon.com/general/latest/gr/sns.html#limits_sns";
const CHAIN: &str = "https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html";

/// Codes come before the status. `Sender` is the topic: of the settings, or of the message.
#[rustfmt::skip]
const TABLE: &[Row<Stage>] = &[
    row(Prepare, "no answer",                     Config,      CHAIN),
    row(Connect, "no answer",                     Unreachable, "RFC 9110 7.3.3"),

    row(Topic,   "NotFound",                      Sender,      PUBLISH),
    row(Topic,   "AuthorizationError",            Sender,      PUBLISH),
    row(Topic,   "AccessDenied",                  Sender,      COMMON),
    row(Topic,   "AccessDeniedException",         Sender,      COMMON),
    row(Topic,   "KMSAccessDenied",               Sender,      PUBLISH),
    row(Topic,   "KMSDisabled",                   Sender,      PUBLISH),
    row(Topic,   "KMSInvalidState",               Sender,      PUBLISH),
    row(Topic,   "KMSNotFound",                   Sender,      PUBLISH),
    row(Topic,   "KMSOptInRequired",              Sender,      PUBLISH),

    row(Answer,  "Throttling",                    Throttle,    COMMON),
    row(Answer,  "ThrottlingException",           Throttle,    COMMON),
    row(Answer,  "Throttled",                     Throttle,    SANDBOX),
    row(Answer,  "ThrottledException",            Throttle,    RETRIES),
    row(Answer,  "RequestLimitExceeded",          Throttle,    RETRIES),
    row(Answer,  "RequestThrottled",              Throttle,    RETRIES),
    row(Answer,  "RequestThrottledException",     Throttle,    RETRIES),
    row(Answer,  "TooManyRequestsException",      Throttle,    RETRIES),
    row(Answer,  "SlowDown",                      Throttle,    RETRIES),
    row(Answer,  "KMSThrottling",                 Throttle,    PUBLISH),

    row(Answer,  "OptedOut",                      Reject,      SANDBOX),
    row(Answer,  "InvalidParameter",              Reject,      PUBLISH),
    row(Answer,  "ParameterValueInvalid",         Reject,      PUBLISH),
    row(Answer,  "InvalidParameterValue",         Reject,      COMMON),
    row(Answer,  "ValidationException",           Reject,      PUBLISH),
    row(Answer,  "ValidationError",               Reject,      COMMON),
    row(Answer,  "UserError",                     Reject,      SANDBOX),
    row(Answer,  "EndpointDisabled",              Reject,      PUBLISH),
    row(Answer,  "PlatformApplicationDisabled",   Reject,      PUBLISH),

    row(Answer,  "AuthorizationError",            Config,      PUBLISH),
    row(Answer,  "InvalidSecurity",               Config,      PUBLISH),
    row(Answer,  "AccessDenied",                  Config,      COMMON),
    row(Answer,  "AccessDeniedException",         Config,      COMMON),
    row(Answer,  "NotAuthorized",                 Config,      COMMON),
    row(Answer,  "OptInRequired",                 Config,      COMMON),
    row(Answer,  "InvalidClientTokenId",          Config,      COMMON),
    row(Answer,  "UnrecognizedClientException",   Config,      COMMON),
    row(Answer,  "MissingAuthenticationToken",    Config,      COMMON),
    row(Answer,  "IncompleteSignature",           Config,      COMMON),
    row(Answer,  "SignatureDoesNotMatch",         Config,      SIGNING),
    row(Answer,  "InvalidSignatureException",     Config,      SIGNING),
    row(Answer,  "RequestExpired",                Config,      COMMON),
    row(Answer,  "ExpiredToken",                  Config,      STS),
    row(Answer,  "ExpiredTokenException",         Config,      COMMON),
    row(Answer,  "ServiceQuotaExceededException", Config,      QUOTAS),

    row(Answer,  "InternalError",                 Unavailable, PUBLISH),
    row(Answer,  "InternalFailure",               Unavailable, COMMON),
    row(Answer,  "ServiceUnavailable",            Unavailable, COMMON),

    row(Answer,  "401",                           Config,      "RFC 9110 15.5.2"),
    row(Answer,  "403",                           Config,      "RFC 9110 15.5.4: not SNS, or not for this client"),
    row(Answer,  "404",                           Config,      "RFC 9110 15.5.5: no SNS there"),
    row(Answer,  "405",                           Config,      "RFC 9110 15.5.6: no SNS there"),
    row(Answer,  "407",                           Config,      "RFC 9110 15.5.8: a proxy"),
    row(Answer,  "413",                           Reject,      "RFC 9110 15.5.14"),
    row(Answer,  "429",                           Throttle,    "RFC 6585 4"),
    row(Answer,  "3xx",                           Config,      "RFC 9110 15.4: no SNS there"),
    row(Answer,  "4xx",                           Retry,       "RFC 9110 15.5"),
    row(Answer,  "504",                           InDoubt,     "RFC 9110 15.6.5: a gateway had no answer of SNS"),
    row(Answer,  "5xx",                           Unavailable, "RFC 9110 15.6"),

    row(Answer,  "nonsense",                      InDoubt,     "RFC 9110 15.3: accepted, perhaps; no MessageId"),
    row(Answer,  "no answer",                     InDoubt,     "RFC 9110 9.2.2: POST is not idempotent"),
];

/// What `cause` means; `to_topic`: it is about a topic.
pub(super) fn meaning(cause: &Cause, to_topic: bool) -> Meaning {
    let found = match cause {
        Cause::Prepare => find(TABLE, Prepare, &["no answer"]),
        Cause::Connect => find(TABLE, Connect, &["no answer"]),
        Cause::NoAnswer => find(TABLE, Answer, &["no answer"]),
        Cause::Refused { code, status } => {
            let status = status.to_string();
            let codes: Vec<&str> = code.as_deref().into_iter().chain([&*status]).collect();
            let topic = to_topic.then(|| find(TABLE, Topic, &codes)).flatten();
            topic.or_else(|| find(TABLE, Answer, &codes)).or_else(|| find(TABLE, Answer, &["nonsense"]))
        }
    };
    found.unwrap_or(InDoubt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, status: u16) -> Cause {
        Cause::Refused { code: (!code.is_empty()).then(|| code.to_owned()), status }
    }

    /// Each row is reached and means what it says.
    #[test]
    fn every_row() {
        for row in TABLE {
            let cause = match (row.stage, row.on) {
                (Prepare, _) => Cause::Prepare,
                (Connect, _) => Cause::Connect,
                (_, "no answer") => Cause::NoAnswer,
                (_, "nonsense") => refused("", 200),
                (_, on) if on.starts_with(|c: char| c.is_ascii_digit()) => {
                    refused("NeverHeardOf", on.replace('x', "9").parse().unwrap())
                }
                (_, on) => refused(on, 418),
            };
            assert_eq!(meaning(&cause, row.stage == Topic), row.means, "{:?}: {}", row.stage, row.on);
            assert!(!row.source.is_empty());
        }
    }

    /// Answers as SNS gives them.
    #[test]
    #[rustfmt::skip]
    fn real_answers() {
        for (code, status, to_topic, expected) in [
            ("Throttling", 400, false, Throttle),
            ("Throttled", 429, false, Throttle),
            ("InvalidParameter", 400, false, Reject),
            ("InvalidParameter", 400, true, Reject),
            ("OptedOut", 400, false, Reject),
            ("NotFound", 404, true, Sender),
            ("AuthorizationError", 403, false, Config),
            ("AuthorizationError", 403, true, Sender),
            ("InvalidClientTokenId", 403, true, Config),
            ("SignatureDoesNotMatch", 403, false, Config),
            ("ExpiredToken", 403, false, Config),
            ("InternalError", 500, false, Unavailable),
            ("ServiceUnavailable", 503, false, Unavailable),
            ("KMSThrottling", 400, true, Throttle),
            ("KMSDisabled", 400, true, Sender),
            ("", 502, false, Unavailable),
            ("", 504, false, InDoubt),
            ("", 200, false, InDoubt),
            ("", 404, false, Config),
            ("SomethingNew", 400, false, Retry),
        ] {
            assert_eq!(meaning(&refused(code, status), to_topic), expected, "{code} {status}");
        }
    }
}
