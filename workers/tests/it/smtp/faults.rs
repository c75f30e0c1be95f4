//! Stalls, hang-ups, nonsense and cancelled sends, at each step.

use std::future::{pending, ready};
use std::time::{Duration, Instant};

use lettre::Address;
use redispatch::Outcome;
use redispatch_testkit::smtp::{Act, Rule, SmtpServer, Step};
use redispatch_workers::email::smtp::{Limits, Mail, SmtpSettings};

use super::{DATA, addresses, assert_failed, assert_sent, hasty, pool, send, settings, yes};

const STEPS: [(Step, &str, &str); 6] = [
    (Step::Greeting, "greeting", "unreachable"),
    (Step::Ehlo, "EHLO", "unreachable"),
    (Step::Mail, "MAIL", "retry"),
    (Step::Rcpt, "RCPT", "retry"),
    (Step::Data, "DATA", "retry"),
    (Step::Dot, "end of data", "in_doubt"),
];

#[tokio::test]
async fn stall_at_each_step() {
    for (step, stage, name) in STEPS {
        let server = SmtpServer::start().await;
        server.script(Rule::at(step).times(1).act(Act::Stall));
        let pool = pool(hasty(&server));
        assert_failed(&send(&pool, &["a"]).await, name, &format!("{stage}: no answer within 400 ms"));
        assert_sent(&send(&pool, &["b"]).await);
        let mails = server.received(1).await;
        assert_eq!((mails.len(), mails[0].connection), (1, 2), "{stage}: a new connection, and one mail");
    }
}

/// Each phase has its own limit: only the one at fault is short here.
#[tokio::test]
async fn each_limit_is_the_one_of_its_phase() {
    let short = Duration::from_millis(100);
    let long = Limits::default();
    for (step, limits) in [
        (Step::Greeting, Limits { greeting: short, ..long }),
        (Step::Ehlo, Limits { command: short, ..long }),
        (Step::Rcpt, Limits { command: short, ..long }),
        (Step::Data, Limits { data: short, ..long }),
        (Step::Dot, Limits { dot: short, ..long }),
    ] {
        let server = SmtpServer::start().await;
        server.script(Rule::at(step).act(Act::Stall));
        let began = Instant::now();
        send(&pool(SmtpSettings { limits, ..settings(&server) }), &["a"]).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{step:?}");
    }
}

#[tokio::test]
async fn hang_up_at_each_step() {
    for (step, stage, name) in STEPS {
        let server = SmtpServer::start().await;
        server.script(Rule::at(step).times(1).act(Act::Drop));
        let pool = pool(settings(&server));
        assert_failed(
            &send(&pool, &["a"]).await,
            name,
            &format!("{stage}: the server closed the connection"),
        );
        assert_sent(&send(&pool, &["b"]).await);
        assert_eq!(server.received(1).await.len(), 1, "{stage}");
    }
}

#[tokio::test]
async fn accepted_and_hung_up_without_a_word() {
    let server = SmtpServer::start().await;
    server.script(Rule::at(Step::Dot).act(Act::AcceptAndDrop));
    assert_failed(&send(&pool(settings(&server)), &["a"]).await, "in_doubt", "end of data");
    assert_eq!(server.received(1).await.len(), 1);
}

#[tokio::test]
async fn nonsense_at_each_step() {
    let nonsense: [&[u8]; 6] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\r\n",
        b"\xff\xfe\x00garbage\n",
        b"250-one\r\n550 two\r\n",
        b"199 what\r\n",
        b"999 what\r\n",
    ];
    for (step, stage, name) in STEPS {
        // Before MAIL it is no mail server at all.
        let name = if matches!(step, Step::Greeting | Step::Ehlo) { "config" } else { name };
        for bytes in nonsense {
            let server = SmtpServer::start().await;
            server.script(Rule::at(step).times(1).act(Act::Write(bytes.to_vec())));
            let pool = pool(settings(&server));
            assert_failed(&send(&pool, &["a"]).await, name, &format!("{stage}: the server sent"));
            assert_sent(&send(&pool, &["b"]).await);
            let mails = server.received(1).await;
            assert_eq!((mails.len(), mails[0].connection), (1, 2), "{stage}");
        }
    }
}

#[tokio::test]
async fn the_wrong_kind_of_yes() {
    for (step, reply, name) in [
        (Step::Mail, "354 go ahead", "retry"),
        (Step::Rcpt, "334 ", "retry"),
        (Step::Data, "250 ok", "retry"),
        (Step::Dot, "354 go ahead", "in_doubt"),
    ] {
        let server = SmtpServer::start().await;
        server.script(Rule::at(step).times(1).act(Act::reply(reply)));
        assert_failed(&send(&pool(settings(&server)), &["a"]).await, name, "which makes no sense here");
    }
}

#[tokio::test]
async fn lines_and_replies_without_end() {
    for (step, _, name) in [STEPS[3], STEPS[4], STEPS[5]] {
        for act in [Act::Flood, Act::Write(b"250-and more\r\n".repeat(1_000_000))] {
            let server = SmtpServer::start().await;
            server.script(Rule::at(step).times(1).act(act));
            let pool = pool(settings(&server));
            assert_failed(&send(&pool, &["a"]).await, name, "longer than");
            server.open(0).await;
            assert_sent(&send(&pool, &["b"]).await);
        }
    }
}

/// A server that answers twice would have all later answers shifted by one.
#[tokio::test]
async fn one_answer_too_many() {
    let server = SmtpServer::start().await;
    server.script(Rule::at(Step::Rcpt).times(1).act(Act::Write(b"250 ok\r\n250 ok\r\n".to_vec())));
    server.script(Rule::at(Step::Dot).times(1).act(Act::reply("550 5.7.1 spam")));
    let pool = pool(settings(&server));
    assert_failed(&send(&pool, &["a"]).await, "retry", "DATA: the server sent more than it was asked for");
    assert_failed(&send(&pool, &["b"]).await, "reject", "550 5.7.1 spam");
}

#[tokio::test]
async fn refusals_after_the_dot_leave_the_connection_usable() {
    for (reply, name) in [("450 4.3.0 not now", "retry"), ("554 5.6.0 not this", "reject")] {
        let server = SmtpServer::start().await;
        server.script(Rule::at(Step::Dot).times(1).act(Act::reply(reply)));
        let pool = pool(settings(&server));
        assert_failed(&send(&pool, &["a"]).await, name, &format!("end of data: {reply}"));
        assert_sent(&send(&pool, &["b"]).await);
        assert_eq!((server.connections(), server.received(1).await.len()), (1, 1));
    }
}

/// A send that is dropped in mid-command must not leave its answer to the next one.
#[tokio::test]
async fn cancelled_send_takes_its_connection_along() {
    for step in [Step::Mail, Step::Rcpt, Step::Data, Step::Dot] {
        let server = SmtpServer::start().await;
        server.script(Rule::at(step).times(1).act(Act::Stall));
        server.script(Rule::at(Step::Dot).matching("refuse").act(Act::reply("550 5.7.1 refused")));
        let pool = pool(settings(&server));
        {
            let first = send(&pool, &["a"]);
            tokio::select! {
                outcome = first => panic!("{outcome:?}"),
                () = server.stalled(1) => {}
            }
        }
        server.release();
        let from: Address = "sender@example.com".parse().unwrap();
        let to = addresses(&["b"]);
        let mail = Mail {
            from: Some(&from),
            from_is_default: false,
            recipients: &to,
            data: b"refuse",
            needs_smtputf8: false,
            eight_bit: false,
        };
        assert_failed(&pool.send(&mail, yes, pending()).await, "reject", "550 5.7.1 refused");
        assert_eq!(server.connections(), 2, "{step:?}");
    }
}

#[tokio::test]
async fn not_confirmed_writes_nothing_of_the_data() {
    let server = SmtpServer::start().await;
    let pool = pool(settings(&server));
    let from: Address = "sender@example.com".parse().unwrap();
    let to = addresses(&["a"]);
    let mail = Mail {
        from: Some(&from),
        from_is_default: false,
        recipients: &to,
        data: DATA,
        needs_smtputf8: false,
        eight_bit: false,
    };
    assert_eq!(pool.send(&mail, || ready(Err(())), pending()).await, Outcome::Unconfirmed);
    server.open(0).await;
    assert_eq!(server.count("DATA"), 1, "it was asked after the 354");
    assert_sent(&send(&pool, &["b"]).await);
    let mails = server.received(1).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].recipients, ["b@example.com"]);
}

/// A server that hangs up within the data cannot have seen the dot.
#[tokio::test]
async fn hang_up_within_the_data_is_no_doubt() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = async {
        use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
        let mut stream = BufReader::new(listener.accept().await.unwrap().0);
        for reply in ["220 hi", "250 hi", "250 ok", "250 ok"] {
            stream.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
            stream.read_line(&mut String::new()).await.unwrap();
        }
        stream.write_all(b"354 go\r\n").await.unwrap();
        stream.read_exact(&mut [0; 1000]).await.unwrap();
    };
    let pool = pool(SmtpSettings {
        tls: redispatch_workers::email::smtp::TlsMode::None,
        ..SmtpSettings::new("127.0.0.1", port)
    });
    let to = addresses(&["a"]);
    let data = b"0123456789\r\n".repeat(2_000_000);
    let mail = Mail {
        from: None,
        from_is_default: false,
        recipients: &to,
        data: &data,
        needs_smtputf8: false,
        eight_bit: false,
    };
    let (outcome, ()) = tokio::join!(pool.send(&mail, yes, pending()), server);
    assert_failed(&outcome, "retry", "DATA: the server closed the connection");
}
