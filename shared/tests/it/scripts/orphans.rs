//! Members without bytes, found and removed in steps.

use super::account::{account, dump};
use super::call::{orphans, retry};
use super::queue::{Queue, key};
use super::worker::two;

/// A walk through one sorted set: members found, and how much larger the hash was at its first step.
async fn walk(queue: &mut Queue, zset: &str, other: &str, remove: bool) -> (i64, i64) {
    let (mut cursor, mut found, mut surplus) = ("0".to_owned(), 0, None);
    loop {
        let reply = queue.run(&orphans(zset, other, &cursor, remove)).await;
        cursor = reply.array()[0].text().to_owned();
        found += reply.array()[1].int();
        surplus.get_or_insert(reply.array()[2].int());
        if cursor == "0" {
            return (found, surplus.unwrap_or(0));
        }
    }
}

#[tokio::test]
async fn orphans_of_both_kinds_are_counted_and_only_members_removed() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(6).await;
    let held = a.claim(&mut queue, 5).await;
    let tokens = held.tokens();
    queue.settle(&retry("retry", 3_600_000, &[(tokens[0], "", ""), (tokens[1], "", "")])).await;
    for (zset, member) in
        [("delayed", "QQQQQQQQQQQ.1:p:0"), ("processing", "QQQQQQQQQQQ.2:p:0:QQQQQQQQQQQ.2")]
    {
        queue.command(&["ZADD", &key(zset), "1", member]).await;
    }
    queue.command(&["ZREM", &key("processing"), tokens[2], tokens[3]]).await;
    let before = dump(&mut queue).await;
    assert_eq!(walk(&mut queue, "processing", "delayed", false).await, (1, 0), "two of each hide each other");
    assert_eq!(walk(&mut queue, "delayed", "processing", false).await, (1, 0));
    assert_eq!(dump(&mut queue).await, before, "counting changes nothing");

    assert_eq!(walk(&mut queue, "processing", "delayed", true).await, (1, 0));
    assert_eq!(walk(&mut queue, "delayed", "processing", true).await, (1, 1));
    assert_eq!(walk(&mut queue, "delayed", "processing", true).await, (0, 2));
    assert_eq!(queue.counter("orphans").await, 2);
    queue.run(&super::call::sweep("0", 30_000, 3_600_000)).await;
    account(&mut queue).await;
    queue.lapse(&tokens[2..]).await;
    assert_eq!(b.claim(&mut queue, 1).await.takeovers, 1);
}

#[tokio::test]
async fn a_walk_through_many_is_made_of_short_steps() {
    let mut queue = Queue::start().await;
    let fill = "for i = 1, 3000 do redis.call('ZADD', KEYS[1], i, 'QQQQQQQQQQQ.' .. i .. ':p:0') end";
    queue.command(&["EVAL", fill, "1", &key("delayed")]).await;
    let first = queue.run(&orphans("delayed", "processing", "0", true)).await;
    assert!((500..700).contains(&first.array()[1].int()), "{first:?}");
    assert_eq!(first.array()[2].int(), -3000);
    walk(&mut queue, "delayed", "processing", true).await;
    assert_eq!(queue.command(&["EXISTS", &key("delayed")]).await.int(), 0);
    assert_eq!(queue.counter("orphans").await, 3000);
}
