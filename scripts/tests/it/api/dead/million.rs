//! A million dead letters.

use std::time::{Duration, Instant};

use redispatch_testkit::eventually;
use serde_json::{Value, json};

use super::{PATH, place};
use crate::api::server::Server;
use crate::dead::million::{COUNT, million};

#[tokio::test]
async fn the_first_page_is_there_at_once_and_nothing_holds_redis() {
    let redis = million().await;
    let server = Server::start(&redis, &[]).await;
    let watch = redis.watch(Duration::from_millis(10)).await;
    let timed = async |path: &str| {
        let begun = Instant::now();
        (server.get(path).await.with_status(200).json(), begun.elapsed())
    };
    let (first, _) = timed(PATH).await;
    assert_eq!((&first["total"], &first["letters"][0]["id"]), (&json!(COUNT), &json!("m999999")));
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        fastest = fastest.min(timed(PATH).await.1);
    }
    assert!(fastest < Duration::from_millis(300), "{fastest:?}");

    // Few among many: bounded, and it goes on.
    let (mut found, mut from, mut pages) = (0, json!(0), 0);
    while found < 60 {
        let (page, took) = timed(&format!("{PATH}?code=535&from={from}")).await;
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert!(page["looked_at"].as_u64().unwrap() <= 21_000, "{page}");
        found += page["letters"].as_array().unwrap().len();
        (from, pages) = (page["next"].clone(), pages + 1);
    }
    assert!(pages > 1, "20,000 hold 40");

    // One in the middle.
    let (middle, _) = timed(&format!("{PATH}?from=500000&limit=1")).await;
    let (opened, took) = timed(&place(&middle["letters"][0])).await;
    assert_eq!(opened["message"]["n"], 499_999);
    assert!(took < Duration::from_secs(1), "{took:?}");

    // Groups come as they are counted.
    let groups = format!("{PATH}/groups");
    let (some, took) = timed(&groups).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!((&some["done"], &some["total"]), (&json!(false), &json!(COUNT)));
    assert!(some["looked_at"].as_u64().unwrap() > 0, "{some}");
    assert_eq!(some["groups"].as_array().unwrap().len(), 2);
    let done = |answer: &(Value, Duration)| answer.0["done"] == true;
    let (all, _) =
        eventually("all are counted", Duration::from_secs(120), async || timed(&groups).await, done).await;
    let counts: Vec<_> =
        all["groups"].as_array().unwrap().iter().map(|group| group["count"].as_u64()).collect();
    assert_eq!(counts, [Some(998_000), Some(2_000)]);

    // Where a letter is not, all are looked at in bounded time.
    let begun = Instant::now();
    let gone = server.get(&format!("{PATH}/{}?near=500000", "0".repeat(32))).await.with_status(404);
    assert_eq!(gone.error(), "unknown_dead_letter");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(watch.slow_calls().await, [""; 0]);
}
