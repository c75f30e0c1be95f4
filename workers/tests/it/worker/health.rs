//! `HTTP_ADDR` and `--healthcheck` of the programs.

use std::process::Output;
use std::time::{Duration, Instant};

use redispatch_testkit::process::Worker;
use redispatch_testkit::prometheus::assert_good_metrics;
use redispatch_testkit::{LIMIT, Port, eventually, http};

use super::{SHORT_LEASE, Site, output, stop, text};

/// `--healthcheck` without any setting of the channel, and how long it took.
async fn healthcheck(env: &[(&str, &str)]) -> (Option<i32>, String) {
    let start = Instant::now();
    let Output { status, stdout, stderr } = output(&["--healthcheck"], env).await;
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    (status.code(), format!("{}{}", text(&stdout), text(&stderr)))
}

/// Who answers at the address, if anybody does.
async fn answers(port: &Port) -> Option<String> {
    let answer = http::get(port.addr(), "/healthz").await.ok()?;
    Some(answer.json()["worker"].as_str().expect("a name").to_owned())
}

#[tokio::test]
async fn a_healthcheck_asks_the_worker_and_needs_no_other_setting() {
    let mut site = Site::start().await;
    let port = Port::reserve();
    let addr = port.addr().to_string();
    let everywhere = format!("0.0.0.0:{}", port.addr().port());
    let worker = site.worker(&[("HTTP_ADDR", &everywhere)]).await;
    assert_eq!(worker.wait_for_event("http_listening").await.json["addr"], everywhere);
    for env in [("HTTP_ADDR", &everywhere), ("HTTP_ADDR", &addr)] {
        let (code, told) = healthcheck(&[(env.0, env.1), ("MAX_RETRIES", "unusable")]).await;
        assert_eq!((code, told.as_str()), (Some(0), "ok: idle: nothing is ready to be sent\n"));
    }
    site.redis.kill();
    let ready = async || http::get(port.addr(), "/readyz").await.expect("an answer").status;
    eventually("not ready", LIMIT, ready, |status| *status == 503).await;
    let (code, told) = healthcheck(&[("HTTP_ADDR", &addr)]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.starts_with("ok: Redis is away"), "{told}");
    site.redis.restart().await;
    stop(&worker).await;
    let (code, told) = healthcheck(&[("HTTP_ADDR", &addr)]).await;
    assert_eq!(code, Some(1));
    assert!(told.starts_with(&format!("unhealthy: nobody answers at {addr}: ")), "{told}");
}

#[tokio::test]
async fn a_healthcheck_without_a_usable_address_ends_with_78() {
    let (code, told) = healthcheck(&[]).await;
    assert_eq!(code, Some(78));
    assert!(told.contains("HTTP_ADDR: is not set, so no worker can be asked; set it"), "{told}");
    let (code, told) = healthcheck(&[("HTTP_ADDR", ":9401")]).await;
    assert_eq!(code, Some(78));
    assert!(told.contains("HTTP_ADDR: `:9401` cannot be used; write an IP address and a port"), "{told}");
}

#[tokio::test]
async fn a_healthcheck_of_a_frozen_worker_fails_in_time() {
    let site = Site::start().await;
    let port = Port::reserve();
    let addr = port.addr().to_string();
    let worker = site.worker(&[("HTTP_ADDR", &addr)]).await;
    worker.sigstop();
    let (code, told) = healthcheck(&[("HTTP_ADDR", &addr)]).await;
    assert_eq!((code, told), (Some(1), format!("unhealthy: no answer from {addr} within 2500 ms\n")));
    worker.sigcont();
    stop(&worker).await;
}

#[tokio::test]
async fn a_worker_of_another_queue_is_not_the_one_that_was_asked() {
    let site = Site::start().await;
    let port = Port::reserve();
    let addr = port.addr().to_string();
    let sms = Worker::start(
        env!("CARGO_BIN_EXE_sms-worker"),
        &[],
        &[
            ("REDIS_URL", &site.redis.url()),
            ("SMS_PROVIDER", "null"),
            ("HTTP_ADDR", &addr),
            ("LOG_FORMAT", "json"),
        ],
    );
    sms.wait_for_event("worker_ready").await;
    let (code, told) = healthcheck(&[("HTTP_ADDR", &addr)]).await;
    assert_eq!(code, Some(1));
    assert!(told.contains("is answered by a worker of the queue `sms`"), "{told}");
    stop(&sms).await;
}

#[tokio::test]
async fn what_answers_there_may_be_something_else() {
    let site = Site::start().await;
    let port = site.redis.addr().to_string();
    let (code, told) = healthcheck(&[("HTTP_ADDR", &port)]).await;
    assert_eq!(code, Some(1));
    assert!(told.starts_with("unhealthy: "), "{told}");
}

#[tokio::test]
async fn a_survivor_takes_the_address_of_a_killed_sibling_over() {
    let site = Site::start().await;
    let port = Port::reserve();
    let addr = port.addr().to_string();
    let mut first = site.worker(&[("HTTP_ADDR", &addr), ("WORKER_ID", "first"), SHORT_LEASE]).await;
    let second = site.worker(&[("HTTP_ADDR", &addr), ("WORKER_ID", "second"), SHORT_LEASE]).await;
    assert_eq!(second.wait_for_event("http_addr_taken").await.json["level"], "WARN");
    let named = |name: &'static str| {
        move |who: &Option<String>| who.as_ref().is_some_and(|who| who.starts_with(name))
    };
    eventually("the first answers", LIMIT, async || answers(&port).await, named("first-")).await;
    site.push_to("a").await;
    site.mails(1).await;
    first.sigkill();
    eventually("the second answers", LIMIT, async || answers(&port).await, named("second-")).await;
    second.wait_for_event("http_listening").await;
    assert_eq!(second.events("http_addr_taken").len(), 1, "tried again quietly");
    let (code, told) = healthcheck(&[("HTTP_ADDR", &addr)]).await;
    assert_eq!(code, Some(0), "{told}");
    stop(&second).await;
}

#[tokio::test]
async fn an_address_this_host_does_not_have_ends_with_1() {
    let site = Site::start().await;
    let worker = site.worker_at(&site.redis.url(), &[("HTTP_ADDR", "192.0.2.1:9401")]);
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(1));
    let said = "error: cannot serve health and metrics at HTTP_ADDR=192.0.2.1:9401: ";
    worker.wait_for(|line| line.raw.starts_with(said)).await;
}

#[tokio::test]
async fn a_mail_shows_in_metrics_that_promtool_accepts() {
    let site = Site::start().await;
    let port = Port::reserve();
    let addr = port.addr().to_string();
    let worker = site.worker(&[("HTTP_ADDR", &addr)]).await;
    site.push_to("a").await;
    site.mails(1).await;
    let asked = async || http::get(port.addr(), "/metrics").await.unwrap();
    let settled =
        |answer: &http::Answer| answer.body.contains("redispatch_in_flight_messages{queue=\"email\"} 0\n");
    let answer = eventually("the mail is settled", LIMIT, asked, settled).await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4");
    assert_good_metrics(&answer.body).await;
    for sample in [
        r#"redispatch_sent_messages_total{queue="email",transport="smtp"} 1"#,
        r#"redispatch_claimed_messages_total{queue="email"} 1"#,
        r#"redispatch_send_duration_seconds_count{queue="email"} 1"#,
        r#"redispatch_redis_connected{queue="email"} 1"#,
        concat!(r#"redispatch_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""} 1"#),
    ] {
        assert!(answer.body.lines().any(|line| line == sample), "{sample} in {}", answer.body);
    }
    assert!(!answer.body.contains('@'), "nobody's address");
    stop(&worker).await;
}
