//! What each answer becomes.

use super::*;

/// Answers as SNS words them.
#[tokio::test]
async fn an_error_document_is_read_whole() {
    let stub = Stub::start(Say::Nothing).await;
    let sns = sns(&stub.url());
    for (status, code, message, expected) in [
        (400, "Throttling", "Rate exceeded", "throttle"),
        (429, "Throttled", "too many", "throttle"),
        (400, "OptedOut", "opted out", "reject"),
        (400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: +1 is not valid", "reject"),
        (400, "InvalidParameterValue", "The value is invalid", "reject"),
        (400, "ParameterValueInvalid", "The value is invalid", "reject"),
        (400, "ValidationException", "no", "reject"),
        (403, "AuthorizationError", "User: arn:aws:iam::123456789012:user/a is not authorized", "config"),
        (403, "InvalidClientTokenId", "The security token included in the request is invalid.", "config"),
        (403, "SignatureDoesNotMatch", "The request signature we calculated does not match", "config"),
        (403, "ExpiredToken", "The security token included in the request is expired", "config"),
        (400, "UnrecognizedClientException", "The security token is invalid", "config"),
        (403, "MissingAuthenticationToken", "Missing Authentication Token", "config"),
        (400, "AccessDenied", "no", "config"),
        (500, "InternalError", "We encountered an internal error", "unavailable"),
        (500, "InternalFailure", "no", "unavailable"),
        (503, "ServiceUnavailable", "Service is unavailable", "unavailable"),
        (400, "NeverHeardOf", "what", "retry"),
    ] {
        let headers = "x-amzn-RequestId: 9dd01905-5012-5f99-8663-4b3ecd0dfaef";
        stub.say(Say::Answer(status, headers, error(code, message)));
        let outcome = send(&sns, &to("+491701234567")).await;
        let (name, failure) = failed(&outcome);
        assert_eq!(name, expected, "{code}");
        let said = format!("{code}: {message} (request 9dd01905-5012-5f99-8663-4b3ecd0dfaef)");
        assert_eq!((&failure.error, failure.code.as_deref()), (&said, Some(code)));
        assert_eq!(failure.provider, Some("aws-sns"));
    }
}

/// What names no code: proxies, load balancers, web servers.
#[tokio::test]
async fn an_answer_of_somebody_else_counts_by_its_status() {
    let stub = Stub::start(Say::Nothing).await;
    let sns = sns(&stub.url());
    let page = "<html><body>no</body></html>";
    for (status, body, expected) in [
        (200, page, "in doubt"),
        (200, "", "in doubt"),
        (200, "<PublishResponse/>", "in doubt"),
        (301, page, "config"),
        (403, page, "config"),
        (404, page, "config"),
        (404, "", "config"),
        (429, "", "throttle"),
        (500, "{\"no\":\"XML\"}", "unavailable"),
        (502, page, "unavailable"),
        (503, "", "unavailable"),
        (504, page, "in doubt"),
    ] {
        stub.say(Say::Answer(status, "", body.to_owned()));
        let outcome = send(&sns, &to("+491701234567")).await;
        let (name, failure) = failed(&outcome);
        assert_eq!(name, expected, "{status} {body}");
        assert!(name == "in doubt" || failure.error.contains(&format!("HTTP {status}")), "{failure:?}");
    }
}

#[tokio::test]
async fn a_wait_that_is_asked_for_is_handed_on() {
    let stub = Stub::start(Say::Answer(429, "Retry-After: 7", error("Throttled", "x"))).await;
    let outcome = send(&sns(&stub.url()), &to("+491701234567")).await;
    assert!(
        matches!(outcome, Outcome::Throttle { wait: Some(wait), .. } if wait.as_secs() == 7),
        "{outcome:?}"
    );
    stub.say(Say::Answer(429, "Retry-After: Sun, 22 Nov 2026 08:00:00 GMT", error("Throttled", "x")));
    let outcome = send(&sns(&stub.url()), &to("+491701234567")).await;
    assert!(matches!(outcome, Outcome::Throttle { wait: None, .. }), "{outcome:?}");
}

/// A refused topic is the settings' fault only where it came out of them.
#[tokio::test]
async fn a_refused_topic_is_whoevers_it_is() {
    let stub = Stub::start(Say::Nothing).await;
    let sns = Sns::open(SnsSettings { topic: Some(TOPIC.to_owned()), ..settings(&stub.url()) })
        .expect("certificates");
    for code in ["NotFound", "AuthorizationError", "KMSDisabled", "KMSAccessDenied", "KMSNotFound"] {
        stub.say(Say::Answer(400, "", error(code, "no")));
        assert_eq!(failed(&send(&sns, &to_topic(None)).await).0, "default sender", "{code}");
        assert_eq!(failed(&send(&sns, &to_topic(Some(TOPIC))).await).0, "reject", "{code}");
    }
    stub.say(Say::Answer(403, "", error("InvalidClientTokenId", "no")));
    assert_eq!(failed(&send(&sns, &to_topic(Some(TOPIC))).await).0, "config");
}
