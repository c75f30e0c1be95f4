//! `scheduled` of `/api/admin/jobs/{queue}`.

use redispatch_testkit::redis::RedisServer;
use serde_json::json;

use super::server::Server;
use crate::run::queuectl;

#[tokio::test]
async fn the_schedules_of_a_queue_and_when_they_fire_next() {
    let redis = RedisServer::start().await;
    let add = "schedule add daily-aggregation -q correction-aggregation --timezone UTC --start 2099-07-01T12:00:00Z -p";
    let args: Vec<_> = add.split(' ').chain(["0 1 * * *", "{}"]).collect();
    queuectl(&redis, &args).await.with_code(0);
    redis.command(&["HSET", "queue:correction-aggregation:schedules", "broken", "?"]).await;
    let last =
        redis.command(&["HGET", "queue:correction-aggregation:schedules", "daily-aggregation:last"]).await;
    let server = Server::start(&redis, &[]).await;
    let jobs = server.get("/api/admin/jobs/correction-aggregation").await.with_status(200).json();
    let expected = json!([{
        "key": "correction-aggregation:daily-aggregation",
        "pattern": "0 1 * * *",
        "timezone": "UTC",
        "last": last.text().parse::<i64>().unwrap(),
        "next": 4_086_637_200_000_i64,
    }]);
    assert_eq!(jobs["scheduled"], expected);
    let other = server.get("/api/admin/jobs/email").await.with_status(200).json();
    assert_eq!(other["scheduled"], json!([]));
}
