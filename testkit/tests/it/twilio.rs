use std::time::{Duration, Instant};

use redispatch_testkit::twilio::{Answer, Rule, TwilioServer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MESSAGES: &str = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json";
const ACCOUNT: &str = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef.json";
/// `me:secret`
const LOGIN: &str = "authorization: Basic bWU6c2VjcmV0\r\n";
const FORM: &str = "To=%2B491701234567&From=%2B15005550006&Body=Gr%C3%BC%C3%9Fe+%F0%9F%8E%89%26%3D%2B";

/// A connection that stays open from request to request.
struct Client(TcpStream);

#[derive(Debug, PartialEq)]
struct Response {
    status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Response {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl Client {
    async fn connect(server: &TwilioServer) -> Self {
        Self(TcpStream::connect(("127.0.0.1", server.port())).await.unwrap())
    }

    async fn post(&mut self, form: &str) -> Option<Response> {
        self.write_post(form).await;
        self.response().await
    }

    async fn write_post(&mut self, form: &str) {
        self.write("POST", MESSAGES, LOGIN, form).await;
    }

    async fn get(&mut self, path: &str, login: &str) -> Response {
        self.write("GET", path, login, "").await;
        self.response().await.unwrap()
    }

    async fn write(&mut self, method: &str, path: &str, login: &str, form: &str) {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{login}");
        let kind = "content-type: application/x-www-form-urlencoded\r\n";
        let request = format!("{head}{kind}content-length: {}\r\n\r\n{form}", form.len());
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    /// `None` where the server hangs up first; what had come of the body where it hangs up in its midst.
    async fn response(&mut self) -> Option<Response> {
        let mut read = Vec::new();
        let head = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if !matches!(self.0.read_buf(&mut read).await, Ok(1..)) {
                assert!(read.is_empty(), "{read:?}");
                return None;
            }
        };
        let headers = String::from_utf8(read[..head].to_vec()).unwrap().to_ascii_lowercase();
        let length = headers.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
        let end = head + 4 + length.parse::<usize>().unwrap();
        while read.len() < end && matches!(self.0.read_buf(&mut read).await, Ok(1..)) {}
        let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Response { status, headers, body: read.split_off(head + 4) })
    }
}

async fn start() -> (TwilioServer, Client) {
    let server = TwilioServer::start().await;
    let client = Client::connect(&server).await;
    (server, client)
}

#[tokio::test]
async fn what_came_in_is_kept_as_it_came() {
    let (server, mut client) = start().await;
    let before = Instant::now();
    let first = client.post(&format!("{FORM}&MediaUrl=a&MediaUrl=b")).await.unwrap();
    let second = client.post(FORM).await.unwrap();
    assert_eq!((first.status, second.status), (201, 201));
    let (first, second) = (first.json(), second.json());
    assert_eq!((&first["body"], &first["status"]), (&"Grüße 🎉&=+".into(), &"queued".into()));
    assert!(first["sid"].as_str().unwrap().starts_with("SM") && first["sid"] != second["sid"]);
    let requests = server.requests(2).await;
    assert_eq!((server.count(), server.connections(), requests[1].connection), (2, 1, 1));
    let one = &requests[0];
    assert_eq!((one.method.as_str(), one.path.as_str()), ("POST", MESSAGES));
    assert_eq!(one.login, Some(("me".into(), "secret".into())));
    assert_eq!(one.header("host"), Some("localhost"));
    assert_eq!(one.form[0], ("To".to_owned(), "+491701234567".to_owned()));
    assert_eq!((one.field("Body"), one.fields("MediaUrl")), (Some("Grüße 🎉&=+"), vec!["a", "b"]));
    assert!(before <= one.at && one.at <= requests[1].at);
    assert_eq!(server.accepted().len(), 2);
}

#[tokio::test]
async fn rules_act_in_their_order_and_are_used_up() {
    let (server, mut client) = start().await;
    server.script(Rule::answer(Answer::error(400, 21211)).with("To", "+1"));
    server.script(Rule::answer(Answer::Throttled { retry_after: Some(7) }).after(1).times(1));
    let gateway = Answer::Status {
        status: 502,
        headers: vec![("x-from".into(), "proxy".into())],
        body: b"<html>".to_vec(),
    };
    server.script(Rule::answer(gateway).times(1));
    let refused = client.post("To=%2B1&From=%2B2&Body=x").await.unwrap();
    assert_eq!(refused.status, 400);
    let page = "https://www.twilio.com/docs/errors/21211";
    let document =
        json!({"code": 21211, "message": "Scripted error 21211", "more_info": page, "status": 400});
    assert_eq!(refused.json(), document);
    let gateway = client.post(FORM).await.unwrap();
    assert_eq!((gateway.status, gateway.body.as_slice()), (502, b"<html>".as_slice()));
    assert!(gateway.headers.contains("x-from: proxy"));
    let throttled = client.post(FORM).await.unwrap();
    assert_eq!((throttled.status, &throttled.json()["code"]), (429, &20429.into()));
    assert!(throttled.headers.contains("retry-after: 7"));
    assert_eq!(client.post(FORM).await.unwrap().status, 201);
    assert_eq!(client.post("To=%2B1&From=%2B2&Body=x").await.unwrap().status, 400);
    server.behave();
    assert_eq!(client.post("To=%2B1&From=%2B2&Body=x").await.unwrap().status, 201);
    assert_eq!((server.count(), server.accepted().len()), (6, 2));
}

#[tokio::test]
async fn what_twilio_refuses_at_once_is_refused() {
    let (server, mut client) = start().await;
    let long = format!("To=%2B1&From=%2B2&Body={}", "x".repeat(1601));
    for (form, code) in [
        ("From=%2B2&Body=x", 21604),
        ("To=&From=%2B2&Body=x", 21604),
        ("To=%2B1&Body=x", 21603),
        ("To=%2B1&From=%2B2", 21602),
        (&long, 21617),
    ] {
        let refused = client.post(form).await.unwrap();
        assert_eq!((refused.status, &refused.json()["code"]), (400, &code.into()), "{form}");
    }
    for good in ["To=%2B1&MessagingServiceSid=MG1&MediaUrl=x", "To=%2B1&From=%2B2&ContentSid=HX1"] {
        assert_eq!(client.post(good).await.unwrap().status, 201, "{good}");
    }
    for path in ["/", "/2010-04-01/Accounts/AC1.json", "/2010-04-01/Accounts/AC1"] {
        let missing = client.get(path, LOGIN).await;
        assert_eq!((missing.status, &missing.json()["code"]), (404, &20404.into()), "{path}");
    }
    assert_eq!(server.accepted().len(), 2);
}

#[tokio::test]
async fn a_login_is_needed_and_may_be_wrong() {
    let (server, mut client) = start().await;
    assert_eq!(client.get(ACCOUNT, "").await.status, 401);
    let account = client.get(ACCOUNT, LOGIN).await;
    assert_eq!((account.status, &account.json()["status"]), (200, &"active".into()));
    server.require_login("me", "another");
    server.script(Rule::answer(Answer::Created));
    for response in [client.get(ACCOUNT, LOGIN).await, client.post(FORM).await.unwrap()] {
        assert_eq!((response.status, &response.json()["code"]), (401, &20003.into()));
    }
    server.require_login("me", "secret");
    assert_eq!(client.get(ACCOUNT, LOGIN).await.status, 200);
    assert_eq!(client.post(FORM).await.unwrap().status, 201);
}

#[tokio::test]
async fn a_stalled_request_is_answered_when_released() {
    let (server, mut client) = start().await;
    server.script(Rule::answer(Answer::Stall).times(2));
    client.write_post(FORM).await;
    server.stalled(1).await;
    let mut silent = Box::pin(client.response());
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut silent).await.is_err());
    server.release();
    assert_eq!(silent.await.unwrap().status, 201);

    let mut gone = Client::connect(&server).await;
    gone.write_post(FORM).await;
    server.stalled(1).await;
    drop(gone);
    server.open(1).await;
    assert_eq!((server.count(), server.accepted().len()), (2, 0));
}

#[tokio::test]
async fn connections_end_where_the_script_says() {
    let (server, mut client) = start().await;
    server.script(Rule::answer(Answer::Drop).with("Body", "drop"));
    server.script(Rule::answer(Answer::CutBody).with("Body", "cut"));
    assert_eq!(client.post("To=1&From=2&Body=drop").await, None);
    assert_eq!(server.requests(1).await[0].answer, Answer::Drop);

    let mut client = Client::connect(&server).await;
    let cut = client.post("To=1&From=2&Body=cut").await.unwrap();
    let length = format!("content-length: {}\r", cut.body.len() * 2);
    assert_eq!(cut.status, 201);
    assert!(cut.headers.contains(&length[..length.len() - 2]) && !cut.body.is_empty(), "{cut:?}");
    assert!(serde_json::from_slice::<Value>(&cut.body).is_err());

    let mut client = Client::connect(&server).await;
    server.script(Rule::answer(Answer::DropBeforeReading).times(1));
    client.write("POST", MESSAGES, LOGIN, "").await;
    assert_eq!(client.response().await, None);
    let mut client = Client::connect(&server).await;
    assert_eq!(client.post(FORM).await.unwrap().status, 201);
    assert_eq!((server.connections(), server.count(), server.accepted().len()), (4, 4, 1));
}

#[tokio::test]
async fn a_server_that_stops_hangs_up_and_comes_back_on_its_port() {
    let (mut server, mut client) = start().await;
    let port = server.port();
    assert_eq!(client.post(FORM).await.unwrap().status, 201);
    server.stop().await;
    assert_eq!(client.response().await, None);
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err());
    server.restart().await;
    assert_eq!(server.port(), port);
    assert_eq!(Client::connect(&server).await.post(FORM).await.unwrap().status, 201);
    assert_eq!((server.count(), server.connections()), (2, 2));
}
