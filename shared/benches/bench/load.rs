//! Row e: what a message costs Redis. Pushes are not counted: they are over before the engine starts.

use crate::engine::{bare, engine};
use crate::server::{Server, Usage, message, message_with_id};
use crate::table::Figure;
use crate::{ROUNDS, median, progress};

const MESSAGES: usize = 200_000;
const CONCURRENCY: usize = 100;

pub(crate) async fn load(aof: bool) -> Vec<Figure> {
    let mut server = Server::start(aof).await;
    let (mut plain, mut named, mut bares) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        progress(format_args!(
            "e: {MESSAGES} messages, concurrency {CONCURRENCY}, round {round} of {ROUNDS}"
        ));
        server.fill("bench", MESSAGES, message).await;
        plain.push(spent_by_engine(&mut server).await);
        // Ids that were sent are not sent again: each round on a server of its own.
        let mut fresh = Server::start(aof).await;
        fresh.fill("bench", MESSAGES, message_with_id).await;
        named.push(spent_by_engine(&mut fresh).await);
        server.fill("bench", MESSAGES, message).await;
        let before = server.usage().await;
        bare(&server.url(), MESSAGES).await;
        bares.push(server.usage().await.since(before, MESSAGES));
    }
    let each = |of: &[Usage], what: fn(&Usage) -> f64| median(&of.iter().map(what).collect::<Vec<_>>());
    let us = "µs a message";
    vec![
        Figure::new('e', "Redis CPU, concurrency 100", each(&plain, |u| u.cpu_us), us).at_most(4.0),
        Figure::new('e', "Redis CPU, bare loop", each(&bares, |u| u.cpu_us), us),
        Figure::new('e', "commands", 100.0 * each(&plain, |u| u.commands), "in 100 messages").at_most(8.0),
        Figure::new('e', "bytes to Redis", each(&plain, |u| u.bytes_in), "a message"),
        Figure::new('e', "bytes from Redis, of a message of 250", each(&plain, |u| u.bytes_out), "a message"),
        Figure::new('e', "Redis CPU, messages with ids", each(&named, |u| u.cpu_us), us),
        Figure::new(
            'e',
            "commands, messages with ids",
            100.0 * each(&named, |u| u.commands),
            "in 100 messages",
        ),
    ]
}

async fn spent_by_engine(server: &mut Server) -> Usage {
    let before = server.usage().await;
    let run = engine(&server.url(), MESSAGES, CONCURRENCY).await;
    server.usage().await.since(before, run.handled)
}
