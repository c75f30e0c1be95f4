//! Dead letters over HTTP: listed, counted, opened.

use std::time::{Duration, Instant};

use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};
use serde_json::{Value, json};

use super::server::Server;
use crate::queue::{DEAD, fill, letter, push};

mod changing;
mod million;
mod opening;

const PATH: &str = "/api/v1/queues/email/dead";

/// The `id` of each letter of an answer.
fn ids(answer: &Value) -> Vec<String> {
    let letters = answer["letters"].as_array().unwrap();
    letters.iter().map(|letter| letter["id"].as_str().unwrap_or("-").to_owned()).collect()
}

/// The first page that has `most` letters or all there are: on a host that is busy one may be short.
async fn page(server: &Server, query: &str, most: usize) -> Value {
    let ask = async || server.get(&format!("{PATH}?{query}")).await.with_status(200).json();
    let is_whole = |page: &Value| page["next"].is_null() || page["letters"].as_array().unwrap().len() == most;
    eventually("there is time for all of it", LIMIT, ask, is_whole).await
}

/// The letter of this id, as the list has it.
async fn listed(server: &Server, id: &str) -> Value {
    page(server, &format!("id={id}&limit=1"), 1).await["letters"][0].clone()
}

/// Where one letter is, `/KEY?near=N`.
fn place(letter: &Value) -> String {
    format!("{PATH}/{}?near={}", letter["key"].as_str().unwrap(), letter["near"])
}

/// The groups, once all is counted.
async fn groups(server: &Server) -> Value {
    let ask = async || server.get(&format!("{PATH}/groups")).await.with_status(200).json();
    eventually("all is counted", LIMIT, ask, |groups| groups["done"] == true).await
}

#[tokio::test]
async fn the_newest_come_first_page_by_page_and_nobody_can_be_read() {
    let redis = RedisServer::start().await;
    fill(&redis, 120).await;
    let server = Server::start(&redis, &[]).await;
    let mut seen = Vec::new();
    let mut from = json!(0);
    while !from.is_null() {
        let page = server.get(&format!("{PATH}?from={from}")).await.with_status(200);
        assert!(!page.body.contains("user1"), "{}", page.body);
        let page = page.json();
        assert_eq!((&page["queue"], &page["total"]), (&json!("email"), &json!(120)));
        seen.extend(ids(&page));
        from = page["next"].clone();
    }
    assert_eq!(seen, (0..120).rev().map(|n| format!("m{n}")).collect::<Vec<_>>());
    let first = server.get(&format!("{PATH}?limit=1")).await.json();
    assert_eq!((&first["next"], &first["looked_at"]), (&json!(1), &json!(1)));
    let mut newest = first["letters"][0].clone();
    let key = newest["key"].take();
    assert!(key.as_str().is_some_and(|key| key.len() == 32), "{key}");
    assert_eq!(
        newest,
        json!({"key": null, "near": 119, "id": "m119", "reference": "r.119", "reason": "reject", "class": "reject",
            "code": "550", "provider": "smtp", "error": "550 5.7.8 refused for us…@e….com",
            "dead_at": 1_767_323_099_000_u64, "lane": "pending", "bytes": letter(119, "550", "pending").len(),
            "to": "us…@e….com", "subject": "n 119"})
    );
}

#[tokio::test]
async fn a_filter_narrows_and_says_where_to_go_on() {
    let redis = RedisServer::start().await;
    fill(&redis, 30).await;
    let bare = [r#"{"id":"bare"}"#, r#"{"id":"coded","_delivery":{"code":"9"}}"#, "no JSON"];
    push(&redis, DEAD, bare.map(str::to_owned).into_iter()).await;
    let server = Server::start(&redis, &[]).await;
    let some = page(&server, "code=535&limit=4", 4).await;
    assert_eq!(ids(&some), ["m27", "m24", "m21", "m18"]);
    assert_eq!((&some["total"], &some["next"], &some["looked_at"]), (&json!(33), &json!(15), &json!(15)));
    let rest = page(&server, "code=535&limit=400&from=15", 400).await;
    assert_eq!(ids(&rest), ["m15", "m12", "m9", "m6", "m3", "m0"]);
    assert_eq!(rest["next"], json!(null));
    for (query, expected) in [
        ("id=m3", &["m3"][..]),
        ("id=r.3", &["m3"]),
        ("reason=", &["-", "coded", "bare"]),
        ("reason=&code=", &["-", "bare"]),
        ("provider=smtp&error=USER7%40", &["m7"]),
        ("error=&id=&code=9", &["coded"]),
        ("before=1767323041000&since=1767323040000", &["m0"]),
        ("class=poison", &[]),
        ("from=31", &["m1", "m0"]),
        ("from=1000", &[]),
        ("from=18446744073709551615", &[]),
    ] {
        assert_eq!(ids(&page(&server, query, 50).await), expected, "{query}");
    }
}

#[tokio::test]
async fn what_is_asked_in_another_way_is_refused() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for query in ["limit=many", "from=-1", "cod=535", "before=yesterday", "limit=1&limit=2"] {
        let answer = server.get(&format!("{PATH}?{query}")).await.with_status(400);
        assert_eq!(answer.error(), "bad_request", "{query}");
    }
    for path in ["/api/v1/queues/nobody/dead", "/api/v1/queues/nobody/dead/groups", "/api/v1/queues/No!/dead"]
    {
        assert_eq!(server.get(path).await.with_status(404).error(), "unknown_queue", "{path}");
    }
    let empty = server.get(PATH).await.with_status(200).json();
    assert_eq!(empty, json!({"queue": "email", "total": 0, "looked_at": 0, "next": null, "letters": []}));
}

#[tokio::test]
async fn groups_are_counted_and_counted_anew_once_the_letters_change() {
    let redis = RedisServer::start().await;
    fill(&redis, 3_000).await;
    push(&redis, DEAD, ["no JSON".to_owned()].into_iter()).await;
    let server = Server::start(&redis, &[]).await;
    let counted = groups(&server).await;
    assert_eq!(
        (&counted["total"], &counted["looked_at"], &counted["others"]),
        (&json!(3_001), &json!(3_001), &json!(0))
    );
    let all = counted["groups"].as_array().unwrap();
    assert_eq!(
        all.iter().map(|group| group["count"].as_u64().unwrap()).collect::<Vec<_>>(),
        [2_000, 1_000, 1]
    );
    assert_eq!(
        all[1],
        json!({"reason": "reject", "class": "reject", "provider": "smtp", "code": "535", "count": 1_000,
            "oldest": 1_767_323_040_000_u64, "newest": 1_767_323_097_000_u64,
            "error": "535 5.7.8 refused for us…@e….com"})
    );
    assert_eq!(
        (&all[2]["reason"], &all[2]["code"], &all[2]["oldest"]),
        (&json!(null), &json!(null), &json!(null))
    );

    push(&redis, DEAD, [letter(7, "421", "low")].into_iter()).await;
    let again = async || groups(&server).await;
    let anew = |groups: &Value| groups["total"] == 3_002;
    eventually("counted anew", Duration::from_secs(15), again, anew).await;
}

#[tokio::test]
async fn who_asks_while_others_wait_gets_what_they_get() {
    let redis = RedisServer::start().await;
    fill(&redis, 20_000).await;
    let server = Server::start(&redis, &[]).await;
    let read = async || {
        let stats = redis.command(&["INFO", "commandstats"]).await.text().to_owned();
        let line = stats.lines().find(|line| line.starts_with("cmdstat_lrange:")).map(str::to_owned);
        let calls =
            line.and_then(|line| line.split(['=', ',']).nth(1).and_then(|calls| calls.parse::<u64>().ok()));
        calls.unwrap_or(0)
    };
    groups(&server).await;
    let alone = read().await;
    let server = Server::start(&redis, &[]).await;
    let asked = futures::future::join_all((0..20).map(|_| groups(&server)));
    assert!(asked.await.iter().all(|groups| groups["looked_at"] == 20_000));
    assert_eq!(read().await, 2 * alone, "counted once for all");
}

#[tokio::test]
async fn redis_that_goes_away_while_letters_are_counted_spoils_no_later_count() {
    let redis = RedisServer::start().await;
    fill(&redis, 20_000).await;
    let server = Server::start(&redis, &[]).await;
    server.get(&format!("{PATH}/groups")).await.with_status(200);
    redis.freeze();
    let ask = async || server.get(&format!("{PATH}/groups")).await;
    let away = eventually("it notices", LIMIT, ask, |answer| answer.status == 503).await;
    assert_eq!(away.error(), "redis_unavailable");
    redis.thaw();
    let back = eventually("it counts again", LIMIT, ask, |answer| {
        answer.status == 200 && answer.json()["done"] == true
    });
    assert_eq!(back.await.json()["looked_at"], 20_000);
}

#[tokio::test]
async fn while_redis_is_silent_everybody_is_told_within_2_s() {
    let redis = RedisServer::start().await;
    fill(&redis, 3).await;
    let server = Server::start(&redis, &[]).await;
    let one = place(&listed(&server, "m1").await);
    redis.freeze();
    for path in [PATH, &format!("{PATH}/groups"), &one, &one.replace('?', "/html?")] {
        let begun = Instant::now();
        assert_eq!(server.get(path).await.with_status(503).error(), "redis_unavailable", "{path}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{path}: {:?}", begun.elapsed());
    }
    redis.thaw();
}
