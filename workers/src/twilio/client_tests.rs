//! The client against a listener that says what the test wants.

use std::sync::atomic::{AtomicUsize, Ordering};

use redispatch::Receipt;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::*;
use crate::twilio::{Names, Sender};

const NAMES: Names = Names {
    account_sid: "WHATSAPP_ACCOUNT_SID",
    auth_token: "WHATSAPP_AUTH_TOKEN",
    api_key: None,
    api_url: "WHATSAPP_API_URL",
};

const POST: Post<'static> = Post {
    to: "+491701234567",
    from: Sender::From("+14155550100"),
    body: Some("Hi"),
    content: None,
    media_urls: &[],
    status_callback: None,
};

const TAKEN: &str = r#"{"sid":"SM1","status":"queued"}"#;

fn client(api_url: String) -> Client {
    let (account_sid, password) = ("AC1".to_owned(), "hunter2".into());
    Client::new(TwilioSettings { names: &NAMES, user: account_sid.clone(), account_sid, password, api_url })
        .unwrap()
}

async fn listen() -> (TcpListener, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, client(url))
}

/// Reads a request to its end: its head, and its body.
async fn request(stream: &mut TcpStream) -> (String, String) {
    let mut text = String::new();
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_lowercase()
                .split_once("content-length: ")
                .map_or(0, |(_, rest)| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
            if body.len() >= length {
                return (head.to_owned(), body.to_owned());
            }
        }
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the client hung up: {text}");
        text += std::str::from_utf8(&buffer[..read]).unwrap();
    }
}

async fn respond(stream: &mut TcpStream, status: &str, body: &str) {
    let length = body.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn send(client: &Client) -> Outcome {
    client.send(&POST, Origin::Message, async { Ok(()) }, std::future::pending()).await
}

async fn shutdown_now() -> TimeUp {
    TimeUp::Shutdown
}

async fn a_minute_is_over() -> TimeUp {
    TimeUp::SendTimeout(Duration::from_secs(60))
}

fn taken() -> Outcome {
    Outcome::Sent(Receipt { provider_id: Some("SM1".into()), provider: Some("twilio"), ..Default::default() })
}

#[tokio::test]
async fn a_post_as_it_goes_over_the_wire_and_the_connection_kept() {
    let (listener, client) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut requests = Vec::new();
        for _ in 0..3 {
            requests.push(request(&mut stream).await);
            respond(&mut stream, "201 Created", TAKEN).await;
        }
        requests
    };
    let sends = async { [send(&client).await, send(&client).await, send(&client).await] };
    let (requests, outcomes) = tokio::join!(server, sends);
    assert_eq!(outcomes, [taken(), taken(), taken()]);
    let (head, body) = &requests[2];
    assert!(head.starts_with("POST /2010-04-01/Accounts/AC1/Messages.json HTTP/1.1\r\n"), "{head}");
    let login = format!("authorization: Basic {}", BASE64.encode("AC1:hunter2"));
    let agent = concat!("user-agent: redispatch/", env!("CARGO_PKG_VERSION"));
    for line in [&*login, agent, "content-type: application/x-www-form-urlencoded", "content-length: 46"] {
        assert!(head.lines().any(|given| given == line), "{line}: {head}");
    }
    assert_eq!(body, "To=%2B491701234567&From=%2B14155550100&Body=Hi");
}

#[tokio::test]
async fn nobody_there_is_surely_not_sent() {
    let (listener, client) = listen().await;
    drop(listener);
    let confirmed = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = confirmed.clone();
    let confirm = async move {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    let outcome = client.send(&POST, Origin::Message, confirm, std::future::pending()).await;
    let Outcome::Unreachable(failure) = outcome else { panic!("{outcome:?}") };
    assert!(failure.error.starts_with("cannot reach http://127.0.0.1:"), "{}", failure.error);
    assert!(failure.error.ends_with(": Connection refused (os error 111)"), "{}", failure.error);
    assert_eq!(confirmed.load(Ordering::SeqCst), 0, "not asked before a connection stands");
}

#[tokio::test]
async fn a_host_is_found_by_its_name_and_one_without_a_name_is_no_messages_fault() {
    let (listener, _) = listen().await;
    let client = client(format!("http://localhost:{}", listener.local_addr().unwrap().port()));
    let serve = async {
        let mut stream = listener.accept().await.unwrap().0;
        request(&mut stream).await;
        respond(&mut stream, "201 Created", TAKEN).await;
    };
    let (outcome, ()) = tokio::join!(send(&client), serve);
    assert!(matches!(outcome, Outcome::Sent(_)), "{outcome:?}");
    let outcome = send(&self::client("http://twilio.invalid".to_owned())).await;
    let Outcome::Unreachable(failure) = outcome else { panic!("{outcome:?}") };
    assert!(failure.error.starts_with("cannot reach http://twilio.invalid: "), "{}", failure.error);
}

#[tokio::test]
async fn no_tls_there() {
    let (listener, plain) = listen().await;
    let client = client(plain.settings.api_url.replace("http:", "https:"));
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        respond(&mut stream, "400 Bad Request", "").await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let (_, outcome) = tokio::join!(server, send(&client));
    assert!(matches!(outcome, Outcome::Config(_)), "{outcome:?}");
}

#[tokio::test]
async fn what_is_not_confirmed_does_not_leave() {
    let (listener, client) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        let _ = stream.read_to_end(&mut all).await;
        String::from_utf8(all).unwrap()
    };
    let confirm = async { Err(Unconfirmed) };
    let (got, outcome) =
        tokio::join!(server, client.send(&POST, Origin::Message, confirm, std::future::pending()));
    assert_eq!(outcome, Outcome::Unconfirmed);
    assert!(!got.contains("To="), "{got}");
}

#[tokio::test]
async fn out_of_time_before_and_after_the_request() {
    let (listener, client) = listen().await;
    // a confirmation that never ends: surely not sent
    let outcome = client.send(&POST, Origin::Message, std::future::pending(), shutdown_now()).await;
    assert_eq!(outcome, Outcome::Unconfirmed);
    // a handshake that nobody answers
    let secure = self::client(client.settings.api_url.replace("http:", "https:"));
    let outcome = secure.send(&POST, Origin::Message, async { Ok(()) }, a_minute_is_over()).await;
    let Outcome::Unreachable(failure) = outcome else { panic!("{outcome:?}") };
    assert!(failure.error.contains(": no answer within SEND_TIMEOUT_MS"), "{}", failure.error);

    let (arrived, waits) = oneshot::channel();
    let server = async {
        // the first connection, if it got that far, brings no request
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut peeked = [0; 1];
            if stream.peek(&mut peeked).await.unwrap_or(0) == 0 {
                continue;
            }
            request(&mut stream).await;
            arrived.send(()).unwrap();
            return stream;
        }
    };
    let time_up = async {
        waits.await.unwrap();
        a_minute_is_over().await
    };
    let (_open, outcome) =
        tokio::join!(server, client.send(&POST, Origin::Message, async { Ok(()) }, time_up));
    let Outcome::InDoubt(failure) = outcome else { panic!("{outcome:?}") };
    assert!(failure.error.contains("SEND_TIMEOUT_MS"), "{}", failure.error);
}

#[tokio::test]
async fn an_answer_that_never_comes_is_in_doubt() {
    for half in ["", "HTTP/1.1 201 Created\r\ncontent-length: 50\r\n\r\n{\"sid\":\"SM", "nonsense\r\n\r\n"] {
        let (listener, client) = listen().await;
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            request(&mut stream).await;
            stream.write_all(half.as_bytes()).await.unwrap();
        };
        let (_, outcome) = tokio::join!(server, send(&client));
        let Outcome::InDoubt(failure) = outcome else { panic!("{half:?}: {outcome:?}") };
        assert_eq!(failure.provider, Some("twilio"));
    }
    // a refusal is one without its words, too
    let (listener, client) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 503 x\r\nretry-after: 9\r\ncontent-length: 50\r\n\r\n{").await.unwrap();
    };
    let (_, outcome) = tokio::join!(server, send(&client));
    let Outcome::Throttle { wait, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(wait, Some(Duration::from_secs(9)));
}

#[tokio::test]
async fn redirects_are_not_followed_and_endless_answers_not_read() {
    let (listener, client) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        let head =
            "HTTP/1.1 308 Moved\r\nlocation: http://127.0.0.1:1/\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
        let mut written = 0;
        while stream.write_all(chunk.as_bytes()).await.is_ok() {
            written += chunk.len();
            assert!(written < 64 << 20, "it reads without end");
        }
    };
    let (_, outcome) = tokio::join!(server, send(&client));
    let Outcome::Config(failure) = outcome else { panic!("{outcome:?}") };
    assert!(failure.error.contains("moved to http://127.0.0.1:1/"), "{}", failure.error);
    assert!(failure.error.len() < 300);
}

#[tokio::test]
async fn a_check_asks_for_the_account() {
    let (listener, client) = listen().await;
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (head, _) = request(&mut stream).await;
        respond(&mut stream, "200 OK", r#"{"sid":"AC1","status":"active"}"#).await;
        head
    };
    let (head, said) = tokio::join!(server, client.check());
    assert!(head.starts_with("GET /2010-04-01/Accounts/AC1.json HTTP/1.1\r\n"), "{head}");
    assert!(said.unwrap().starts_with("logged in at http://127.0.0.1:"));
    drop(listener);
    let refused = client.check().await.unwrap_err();
    assert!(refused.error.contains("Connection refused"), "{}", refused.error);
}
