//! `own_queue`: the smallest worker.

use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply};

use super::program;

#[tokio::test]
async fn a_greeting_is_done_and_nobody_is_tried_again() {
    let redis = RedisServer::start().await;
    let worker = Worker::start(program("own_queue"), &[], &[("REDIS_URL", &redis.url())]);
    for (id, name, state) in [("1", "Ada", "sent"), ("2", "Nobody", "delayed")] {
        let message = format!(r#"{{"id":"{id}","name":"{name}"}}"#);
        redis.command(&["LPUSH", "queue:greetings:pending", &message]).await.int();
        let get = ["HGET", &format!("queue:greetings:status:{id}"), "state"];
        redis.wait_until(&get, |reply| *reply != Reply::Nil && reply.text() == state, LIMIT).await;
    }
    worker.sigterm();
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
}
