//! When something leaves, and what is known when nothing comes back.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redispatch::worker::TimeUp;
use redispatch_testkit::{LIMIT, eventually};
use tokio::net::TcpListener;

use super::*;

const MINUTE: TimeUp = TimeUp::SendTimeout(Duration::from_secs(60));

#[tokio::test]
async fn without_a_lease_nothing_leaves() {
    let stub = Stub::start(Say::Answer(200, "", receipt())).await;
    let outcome = sns(&stub.url()).publish(&to("+491701234567"), ready(Err(Unconfirmed)), pending()).await;
    assert_eq!(outcome, Outcome::Unconfirmed);
    assert_eq!(stub.requests().len(), 0);
}

#[tokio::test]
async fn the_lease_is_confirmed_once_for_each_request_and_connections_are_kept() {
    let stub = Stub::start(Say::Answer(200, "", receipt())).await;
    let (sns, asked) = (sns(&stub.url()), Arc::new(AtomicUsize::new(0)));
    let confirm = || {
        let asked = asked.clone();
        async move {
            asked.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    };
    for _ in 0..5 {
        let outcome = sns.publish(&to("+491701234567"), confirm(), pending()).await;
        assert!(matches!(outcome, Outcome::Sent(_)), "{outcome:?}");
    }
    stub.say(Say::Answer(500, "", error("InternalError", "no")));
    assert_eq!(failed(&sns.publish(&to("+491701234567"), confirm(), pending()).await).0, "unavailable");
    assert_eq!((asked.load(Ordering::SeqCst), stub.requests().len()), (6, 6), "the SDK must not retry");
    assert_eq!(stub.connections(), 1);
}

#[tokio::test]
async fn a_connection_the_server_closed_while_idle_costs_nothing() {
    let stub = Stub::start(Say::Last(receipt())).await;
    let sns = sns(&stub.url());
    for n in 1..=3 {
        assert!(matches!(send(&sns, &to("+491701234567")).await, Outcome::Sent(_)));
        // The client sees the end of the connection first; else the next request may be lost on it.
        eventually("closed at both ends", LIMIT, async || stub.closed(), |closed| *closed == n).await;
        assert_eq!((stub.connections(), stub.requests().len()), (n, n));
    }
}

#[tokio::test]
async fn no_answer_to_a_request_that_left_is_in_doubt() {
    let stub = Stub::start(Say::HangUp).await;
    let sns = sns(&stub.url());
    for say in [Say::HangUp, Say::Half(200, receipt()), Say::Half(400, error("InvalidParameter", "no"))] {
        stub.say(say.clone());
        let outcome = send(&sns, &to("+491701234567")).await;
        let expected = if matches!(say, Say::Half(400, _)) { "retry" } else { "in doubt" };
        assert_eq!(failed(&outcome).0, expected, "{say:?}: {outcome:?}");
    }
    stub.say(Say::Half(503, error("ServiceUnavailable", "no")));
    assert_eq!(failed(&send(&sns, &to("+491701234567")).await).0, "unavailable");
}

#[tokio::test]
async fn out_of_time_is_in_doubt_once_the_request_left() {
    let stub = Stub::start(Say::Nothing).await;
    let sns = sns(&stub.url());
    for why in [MINUTE, TimeUp::Shutdown] {
        let before = stub.requests().len();
        let left = async {
            let count = async || stub.requests().len();
            eventually("a request", LIMIT, count, |count| *count > before).await;
            why
        };
        let outcome = sns.publish(&to("+491701234567"), yes(), left).await;
        assert_eq!(failed(&outcome).0, "in doubt", "{outcome:?}");
    }
}

#[tokio::test]
async fn out_of_time_before_that_is_surely_not_sent() {
    let stub = Stub::start(Say::Nothing).await;
    let sns = sns(&stub.url());
    let asked = Arc::new(tokio::sync::Notify::new());
    for why in [MINUTE, TimeUp::Shutdown] {
        let (said, heard) = (asked.clone(), asked.clone());
        let confirm = async move {
            said.notify_one();
            pending().await
        };
        let up = async move {
            heard.notified().await;
            why
        };
        let outcome = sns.publish(&to("+491701234567"), confirm, up).await;
        match why {
            TimeUp::Shutdown => assert_eq!(outcome, Outcome::Unconfirmed),
            TimeUp::SendTimeout(_) => {
                let (name, failure) = failed(&outcome);
                assert_eq!((name, failure.provider), ("unreachable", Some("aws-sns")));
            }
        }
    }
    assert_eq!(stub.requests().len(), 0);
}

/// Nobody listens; a name that does not exist; a server that hangs up on the TLS handshake, or is silent.
#[tokio::test]
async fn without_a_connection_it_is_surely_not_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for endpoint in [format!("http://{closed}"), "http://sns.invalid".to_owned()] {
        let outcome = send(&sns(&endpoint), &to("+491701234567")).await;
        let (name, failure) = failed(&outcome);
        assert_eq!((name, failure.provider), ("unreachable", Some("aws-sns")), "{outcome:?}");
    }
    let shuts = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", shuts.local_addr().unwrap());
    let shutting = tokio::spawn(async move { while shuts.accept().await.is_ok() {} });
    let outcome = send(&sns(&endpoint), &to("+491701234567")).await;
    shutting.abort();
    assert_eq!(failed(&outcome).0, "unreachable", "{outcome:?}");
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", silent.local_addr().unwrap());
    let soon = async {
        let _handshake = silent.accept().await;
        MINUTE
    };
    let outcome = sns(&endpoint).publish(&to("+491701234567"), yes(), soon).await;
    assert_eq!(failed(&outcome).0, "unreachable", "{outcome:?}");
}
