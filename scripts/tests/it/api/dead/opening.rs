//! One dead letter, opened.

use std::time::Duration;

use redispatch_testkit::redis::RedisServer;
use serde_json::json;

use super::{PATH, listed, page, place};
use crate::api::server::Server;
use crate::queue::{DEAD, fill, letter, push};

#[tokio::test]
async fn one_letter_is_shown_masked_or_as_it_is_wherever_it_lies() {
    let redis = RedisServer::start().await;
    fill(&redis, 2_000).await;
    let server = Server::start(&redis, &[]).await;
    let there = place(&listed(&server, "m3").await);
    let masked = server.get(&there).await.with_status(200);
    assert!(!masked.body.contains("user3@"), "{}", masked.body);
    let masked = masked.json();
    assert_eq!(
        (&masked["id"], &masked["near"], &masked["has_html"]),
        (&json!("m3"), &json!(3), &json!(false))
    );
    assert_eq!((&masked["message"]["subject"], &masked["text"]), (&json!("n 3"), &json!(null)));

    let bare = server.get(&format!("{there}&reveal=true")).await.with_status(200);
    assert!(
        bare.body.contains(&format!(r#""message":{}"#, letter(3, "535", "pending"))),
        "to the byte: {}",
        bare.body
    );
    assert_eq!(bare.json()["to"], "user3@example.com");

    // It has moved far from where it was: older ones left.
    let there = place(&listed(&server, "m1900").await);
    redis.command(&["LTRIM", DEAD, "0", "999"]).await;
    assert_eq!(server.get(&there).await.with_status(200).json()["near"], 900);
    // Nobody says where it was.
    let without = there.split('?').next().unwrap();
    assert_eq!(server.get(without).await.with_status(200).json()["id"], "m1900");
    assert_eq!(
        server.get(&without.to_uppercase().replace("/API/V1/QUEUES/EMAIL/DEAD", PATH)).await.status,
        200
    );
}

#[tokio::test]
async fn a_letter_that_is_gone_is_unknown() {
    let redis = RedisServer::start().await;
    fill(&redis, 3).await;
    let server = Server::start(&redis, &[]).await;
    let there = place(&listed(&server, "m1").await);
    redis.command(&["LREM", DEAD, "0", &letter(1, "550", "pending")]).await;
    for path in [
        &there,
        &there.replace('?', "/html?"),
        &format!("{PATH}/{}", "0".repeat(32)),
        &format!("{PATH}/{}?near=18446744073709551615", "0".repeat(32)),
        &format!("{PATH}/m1"),
        &format!("{PATH}/%00"),
    ] {
        assert_eq!(server.get(path).await.with_status(404).error(), "unknown_dead_letter", "{path}");
    }
    for query in ["near=x", "reveal=maybe", "reveal=true&more=1"] {
        let path = format!("{PATH}/{}?{query}", "0".repeat(32));
        assert_eq!(server.get(&path).await.with_status(400).error(), "bad_request", "{query}");
    }
}

#[tokio::test]
async fn script_tags_and_bidi_controls_are_data_and_what_is_no_json_is_text() {
    let redis = RedisServer::start().await;
    let evil = "<script>alert(1)</script>\u{202e}gpj.exe\u{2066}\u{0}";
    let message = json!({"id": "evil", "to": "jo@example.com", "subject": evil, "body": evil,
        "_delivery": {"reason": evil, "error": evil, "attempts": [
            {"at": "2026-01-01T00:00:00Z", "error": format!("{evil} jo@example.com"), "code": "550"}]}});
    push(&redis, DEAD, [message.to_string(), "no <JSON> for kim@example.com".to_owned()].into_iter()).await;
    let server = Server::start(&redis, &[]).await;
    let page = page(&server, "", 50).await;
    let (text, letter) = (&page["letters"][0], &page["letters"][1]);
    assert_eq!(
        (&letter["subject"], &letter["reason"], &letter["error"]),
        (&json!(evil), &json!(evil), &json!(evil))
    );
    let opened = server.get(&place(letter)).await.with_status(200).json();
    assert_eq!((&opened["message"]["body"], &opened["subject"]), (&json!(evil), &json!(evil)));
    assert_eq!(opened["attempts"][0]["error"], format!("{evil} j…@e….com"));
    assert_eq!(opened["attempts"][0]["code"], "550");
    let opened = server.get(&place(text)).await.with_status(200).json();
    assert_eq!((&opened["message"], &opened["text"]), (&json!(null), &json!("no <JSON> for ki…@e….com")));
    let bare = server.get(&format!("{}&reveal=true", place(text))).await.with_status(200).json();
    assert_eq!(bare["text"], "no <JSON> for kim@example.com");
}

#[tokio::test]
async fn what_is_odd_is_shown_as_far_as_it_can_be_read() {
    let redis = RedisServer::start().await;
    let long = "x".repeat(5_000);
    let odd = [
        "[]".to_owned(),
        "{}".to_owned(),
        r#"{"id":5,"to":{"a":1},"subject":7,"html":{},"_delivery":[]}"#.to_owned(),
        r#"{"_delivery":{"attempts":"many","dead_at":7}}"#.to_owned(),
        format!(r#"{{"id":"{long}","subject":"{long}","_delivery":{{"code":"{long}"}}}}"#),
        "[".repeat(100_000),
    ];
    push(&redis, DEAD, odd.clone().into_iter()).await;
    redis.command(&[b"LPUSH".as_slice(), DEAD.as_bytes(), b"\xff\xfe\x00"]).await;
    let server = Server::start(&redis, &[]).await;
    let page = page(&server, "", 50).await;
    let letters = page["letters"].as_array().unwrap();
    assert_eq!(letters.len(), odd.len() + 1);
    for letter in letters {
        for reveal in [false, true] {
            let opened =
                server.get(&format!("{}&reveal={reveal}", place(letter))).await.with_status(200).json();
            assert_eq!(opened["attempts"], json!([]));
            assert_ne!(opened["message"].is_null(), opened["text"].is_null(), "{opened}");
        }
    }
    assert!(page.to_string().len() < 8_000, "long words are cut");
}

#[tokio::test]
async fn a_large_letter_among_large_ones_is_read_alone() {
    let redis = RedisServer::start().await;
    let large = "x".repeat(3 << 20);
    push(
        &redis,
        DEAD,
        (0..40).map(|n| json!({"id": format!("l{n}"), "to": "a@example.com", "body": large}).to_string()),
    )
    .await;
    let server = Server::start(&redis, &[]).await;
    let page = server.get(&format!("{PATH}?from=19&limit=1")).await.with_status(200).json();
    let watch = redis.watch(Duration::from_millis(100)).await;
    let sent = async || {
        let stats = redis.command(&["INFO", "stats"]).await.text().to_owned();
        let line =
            stats.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")).map(str::to_owned);
        line.unwrap().trim().parse::<usize>().unwrap()
    };
    let before = sent().await;
    let opened = server.get(&place(&page["letters"][0])).await.with_status(200).json();
    assert_eq!(opened["id"], "l20");
    assert!(sent().await - before < 4 << 20, "only itself");
    assert!(opened["message"]["body"].as_str().unwrap().len() < 300, "cut");
    // All of them in time, or as many as there is time for.
    let list = server.get(PATH).await.with_status(200).json();
    assert_eq!(list["letters"][0]["id"], "l39");
    assert_eq!(watch.slow_calls().await, [""; 0]);
}

#[tokio::test]
async fn html_is_for_a_frame_in_which_nothing_runs() {
    let redis = RedisServer::start().await;
    let html = "<p>Hi jo@example.com</p><script src=https://evil.example/x.js></script><img src=https://evil.example/p>\
                <meta http-equiv=refresh content='0;url=https://evil.example'>";
    let message = |id: &str, html: &str| json!({"id": id, "to": "jo@example.com", "html": html}).to_string();
    push(&redis, DEAD, [message("a", html), message("b", "")].into_iter()).await;
    let server = Server::start(&redis, &[]).await;
    let there = place(&listed(&server, "a").await);
    assert_eq!(server.get(&there).await.json()["has_html"], true);
    let page = server.get(&there.replace('?', "/html?")).await.with_status(200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert_eq!(page.headers["cache-control"], "no-store");
    let policy = &page.headers["content-security-policy"];
    assert!(
        policy.starts_with("sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:;"),
        "{policy}"
    );
    assert!(!policy.contains("allow-"), "{policy}");
    for gone in ["jo@", "<script", "<meta"] {
        assert!(!page.body.contains(gone), "{gone}: {}", page.body);
    }
    let bare = server.get(&format!("{}&reveal=true", there.replace('?', "/html?"))).await.with_status(200);
    assert!(bare.body.contains("jo@example.com") && !bare.body.contains("<script"), "{}", bare.body);

    let without = place(&listed(&server, "b").await);
    assert_eq!(server.get(&without).await.json()["has_html"], false);
    assert_eq!(server.get(&without.replace('?', "/html?")).await.with_status(404).error(), "no_html");
}
