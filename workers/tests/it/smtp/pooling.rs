//! Connections: how many, how long, and when a new one.

use std::time::Duration;

use redispatch_testkit::smtp::{Act, Rule, SmtpServer, Step};
use redispatch_workers::email::smtp::SmtpSettings;

use super::{assert_failed, assert_sent, hasty, pool, send, settings};

#[tokio::test]
async fn one_connection_for_one_mail_after_the_other() {
    let server = SmtpServer::start().await;
    let pool = pool(SmtpSettings { pool_size: 10, ..settings(&server) });
    for _ in 0..20 {
        assert_sent(&send(&pool, &["a"]).await);
    }
    assert_eq!((server.connections(), server.count("NOOP"), server.count("RSET")), (1, 0, 0));
}

#[tokio::test]
async fn as_many_as_mails_at_a_time_and_no_more_than_allowed() {
    let server = SmtpServer::start().await;
    server.script(Rule::at(Step::Data).times(3).act(Act::Stall));
    let pool = pool(SmtpSettings { pool_size: 3, ..settings(&server) });
    let mut sends = tokio::task::JoinSet::new();
    for _ in 0..9 {
        let pool = pool.clone();
        sends.spawn(async move { assert_sent(&send(&pool, &["a"]).await) });
    }
    server.stalled(3).await;
    assert_eq!(server.connections(), 3);
    server.release();
    while let Some(ended) = sends.join_next().await {
        ended.unwrap();
    }
    assert_eq!((server.received(9).await.len(), server.connections()), (9, 3));
}

#[tokio::test]
async fn a_thousand_transactions_half_of_them_refused() {
    let server = SmtpServer::start().await;
    server.script(Rule::at(Step::Rcpt).matching("<bad@").act(Act::reply("550 5.1.1 no such user")));
    let pool = pool(SmtpSettings { max_messages_per_connection: 2000, ..settings(&server) });
    for _ in 0..500 {
        assert_sent(&send(&pool, &["good"]).await);
        assert_failed(&send(&pool, &["bad"]).await, "reject", "550 5.1.1");
    }
    assert_eq!((server.connections(), server.received(500).await.len()), (1, 500));
}

#[tokio::test]
async fn a_new_connection_after_so_many_mails() {
    let server = SmtpServer::start().await;
    let pool = pool(SmtpSettings { max_messages_per_connection: 3, ..settings(&server) });
    for _ in 0..7 {
        assert_sent(&send(&pool, &["a"]).await);
    }
    assert_eq!((server.connections(), server.count("QUIT")), (3, 2));
}

#[tokio::test]
async fn farewell_on_an_idle_connection_is_nothing() {
    let server = SmtpServer::start().await;
    let farewell = b"421 4.4.2 idle for too long\r\n".to_vec();
    server.script(Rule::at(Step::Dot).times(1).act(Act::AnswerAndDrop(farewell)));
    let pool = pool(settings(&server));
    assert_sent(&send(&pool, &["a"]).await);
    server.open(0).await;
    assert_sent(&send(&pool, &["b"]).await);
    assert_eq!((server.received(2).await.len(), server.connections()), (2, 2));
}

#[tokio::test]
async fn idle_connection_found_closed() {
    let mut server = SmtpServer::start().await;
    let pool = pool(settings(&server));
    assert_sent(&send(&pool, &["a"]).await);
    server.restart().await;
    assert_sent(&send(&pool, &["b"]).await);
    assert_eq!(server.received(2).await.len(), 2);
}

/// The farewell can also come as the answer to the next MAIL, or to the RSET before it.
#[tokio::test]
async fn farewell_at_the_next_mail_is_nothing() {
    for act in [Act::reply_and_drop("421 4.4.2 too many mails"), Act::Drop] {
        for step in [Step::Mail, Step::Rset] {
            let server = SmtpServer::start().await;
            let pool = pool(settings(&server));
            server.script(Rule::at(Step::Rcpt).times(1).act(Act::reply("550 5.1.1 no such user")));
            assert_failed(&send(&pool, &["bad"]).await, "reject", "550");
            server.script(Rule::at(step).times(1).act(act.clone()));
            assert_sent(&send(&pool, &["b"]).await);
            assert_eq!((server.received(1).await.len(), server.connections()), (1, 2));
        }
    }
}

#[tokio::test]
async fn farewell_on_a_fresh_connection_asks_everybody_to_wait() {
    let server = SmtpServer::start().await;
    let pool = pool(settings(&server));
    assert_sent(&send(&pool, &["a"]).await);
    server.script(Rule::at(Step::Mail).act(Act::reply_and_drop("421 4.7.0 slow down")));
    assert_failed(&send(&pool, &["b"]).await, "throttle", "MAIL: 421 4.7.0 slow down");
    assert_eq!(
        (server.connections(), server.count("MAIL")),
        (2, 3),
        "tried once more, and no more than that"
    );
}

#[tokio::test]
async fn noop_after_idling() {
    let server = SmtpServer::start().await;
    let pool = pool(SmtpSettings { idle_noop_after: Duration::ZERO, ..hasty(&server) });
    assert_sent(&send(&pool, &["a"]).await);
    assert_sent(&send(&pool, &["b"]).await);
    assert_eq!((server.count("NOOP"), server.connections()), (1, 1));
    server.script(Rule::at(Step::Noop).times(1).act(Act::Stall));
    assert_sent(&send(&pool, &["c"]).await);
    assert_eq!((server.count("NOOP"), server.connections()), (2, 2));
}

#[tokio::test]
async fn closed_after_idling_for_long() {
    let server = SmtpServer::start().await;
    let pool = pool(SmtpSettings { idle_close_after: Duration::from_millis(50), ..settings(&server) });
    for round in 1..=2 {
        assert_sent(&send(&pool, &["a"]).await);
        server.open(0).await;
        assert_eq!((server.count("QUIT"), server.connections()), (round, round));
    }
}

#[tokio::test]
async fn close_says_goodbye() {
    let server = SmtpServer::start().await;
    let pool = pool(hasty(&server));
    assert_sent(&send(&pool, &["a"]).await);
    pool.close().await;
    server.open(0).await;
    assert_eq!(server.count("QUIT"), 1);
}

#[tokio::test]
async fn close_does_not_wait_for_a_silent_server() {
    let server = SmtpServer::start().await;
    let pool = pool(hasty(&server));
    assert_sent(&send(&pool, &["a"]).await);
    server.script(Rule::at(Step::Quit).act(Act::Stall));
    pool.close().await;
    server.open(0).await;
}
