use std::path::Path;

use redispatch::acl::{Role, rule};
use redispatch::config::QueueSettings;
use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::{Identity, RedisServer, Tls};

use crate::run::told;
use crate::site::{Channel as _, Email, Site, stop};

type Settings = Vec<(&'static str, String)>;

async fn site(tls: &Tls, args: &[&str]) -> Site<Email> {
    Site { redis: RedisServer::with_tls(tls, args).await, channel: Email::start().await }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn trusting(url: &str, ca: &Path) -> Settings {
    vec![("REDIS_URL", url.to_owned()), ("REDIS_TLS_CA_FILE", text(ca))]
}

fn known_as(client: &Identity) -> Settings {
    vec![("REDIS_TLS_CERT_FILE", text(&client.cert)), ("REDIS_TLS_KEY_FILE", text(&client.key))]
}

fn borrowed(settings: &Settings) -> Vec<(&str, &str)> {
    settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// A worker gets through, and sends.
async fn gets_through(site: &Site<Email>, settings: &Settings) {
    let (code, said, _) = told(site, &["--check"], &borrowed(settings)).await;
    assert_eq!(code, Some(0), "{said}");
    let worker = site.worker(&borrowed(settings)).await;
    site.push(0..20).await;
    site.all_sent_once(20).await;
    stop(&worker).await;
}

/// `--check` says why not; a worker says so too, waits, and touches nothing.
async fn is_kept_out(site: &Site<Email>, settings: &Settings, why: &str) {
    let (code, said, _) = told(site, &["--check"], &borrowed(settings)).await;
    assert!(
        code == Some(1) && said.contains(&format!("FAILED: {}: Redis: {why}", url_of(settings))),
        "{said}"
    );
    let outbox = [("EMAIL_TRANSPORT", "null"), ("LOG_FORMAT", "json")];
    let worker = Worker::start(Email::PROGRAM, &[], &[&borrowed(settings)[..], &outbox].concat());
    let waiting = worker.wait_for(|line| line.raw.contains("waiting for Redis")).await;
    assert!(waiting.json["error"].as_str().unwrap().starts_with(why), "{}", waiting.raw);
    stop(&worker).await;
    assert_eq!(site.redis.command(&["DBSIZE"]).await.int(), 0);
}

fn url_of(settings: &Settings) -> String {
    let url = &settings.iter().find(|(name, _)| *name == "REDIS_URL").unwrap().1;
    match url.split_once('@') {
        Some((_, rest)) => format!("rediss://{rest}"),
        None => url.clone(),
    }
}

const UNTRUSTED: &str = "TLS: the server's certificate is of a CA that is not trusted: set REDIS_TLS_CA_FILE to the file of that CA";

#[tokio::test]
async fn with_the_ca_of_the_server() {
    let tls = Tls::local();
    let site = site(&tls, &[]).await;
    gets_through(&site, &trusting(&tls.url(), &tls.ca())).await;
    let valkeys = tls.url().replace("rediss://localhost", "valkeys://127.0.0.1");
    let (code, said, _) = told(&site, &["--check"], &borrowed(&trusting(&valkeys, &tls.ca()))).await;
    assert_eq!(code, Some(0), "{said}");
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for() {
    let tls = Tls::local();
    let site = site(&tls, &[]).await;
    is_kept_out(&site, &trusting(&tls.url(), &tls.stranger()), UNTRUSTED).await;
    // Nor does any CA of the system.
    is_kept_out(&site, &vec![("REDIS_URL", tls.url())], UNTRUSTED).await;
}

#[tokio::test]
async fn a_certificate_for_another_host() {
    let tls = Tls::for_names(&["redis.example.com", "10.9.8.7"]);
    let site = site(&tls, &[]).await;
    let why = "TLS: the server's certificate is for redis.example.com, 10.9.8.7: write one of its names into REDIS_URL";
    is_kept_out(&site, &trusting(&tls.url(), &tls.ca()), why).await;
    let by_number = tls.url().replace("localhost", "127.0.0.1");
    is_kept_out(&site, &trusting(&by_number, &tls.ca()), why).await;
}

#[tokio::test]
async fn where_clients_need_a_certificate() {
    let tls = Tls::local();
    let site = site(&tls, &["--tls-auth-clients", "yes"]).await;
    let trusting = trusting(&tls.url(), &tls.ca());
    gets_through(&site, &[trusting.clone(), known_as(&tls.client())].concat()).await;
    site.redis.command(&["FLUSHALL"]).await;
    let cure = "set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE";
    is_kept_out(&site, &trusting, &format!("TLS: Redis wants a client certificate: {cure}")).await;
    let strange = [trusting, known_as(&tls.strange_client())].concat();
    is_kept_out(&site, &strange, &format!("TLS: Redis refuses the client certificate (UnknownCA): {cure}"))
        .await;
}

#[tokio::test]
async fn tls_where_none_is_spoken_and_none_where_it_is() {
    let tls = Tls::local();
    let site = site(&tls, &[]).await;
    let plain_port = format!("rediss://localhost:{}/0", site.redis.port());
    let no_answer = "Timeout: no answer to the TLS handshake: is TLS spoken at this port?";
    is_kept_out(&site, &trusting(&plain_port, &tls.ca()), no_answer).await;
    is_kept_out(&site, &vec![("REDIS_URL", tls.url().replace("rediss", "redis"))], "IO: ").await;
}

/// The rights of the user, and its password, over TLS; the connection is lost and made again.
#[tokio::test]
async fn a_user_with_few_rights_over_tls_while_redis_is_killed() {
    let tls = Tls::local();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.acl");
    let url = tls.url().replace("://", "://redispatch:p%40%2Fss@");
    let rights = rule(&QueueSettings::new(url.parse().unwrap()), Role::Worker);
    let users = format!("user default on nopass ~* &* +@all\nuser redispatch on >p@/ss {rights}\n");
    std::fs::write(&file, users).unwrap();
    let args = ["--aclfile", file.to_str().unwrap(), "--appendonly", "yes", "--appendfsync", "always"];
    let mut site = site(&tls, &args).await;
    let settings = trusting(&url, &tls.ca());
    let worker = site.worker(&borrowed(&settings)).await;
    site.push(0..10).await;
    site.channel.taken(10).await;
    site.redis.kill();
    worker.wait_for_event("redis_disconnected").await;
    site.redis.restart().await;
    site.push(10..20).await;
    site.all_sent_once(20).await;
    stop(&worker).await;
    assert!(site.redis.command(&["ACL", "LOG"]).await.array().is_empty());
    let wrong = trusting(&url.replace("p%40%2Fss", "other"), &tls.ca());
    let (code, said, log) = told(&site, &["--check"], &borrowed(&wrong)).await;
    assert!(code == Some(1) && said.contains("Redis: Auth: WRONGPASS"), "{said}");
    assert!(!format!("{said}{log}").contains("other"), "{said}{log}");
}

#[tokio::test]
async fn files_that_cannot_be_used_are_told_at_once() {
    let tls = Tls::local();
    let site = site(&tls, &[]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (empty, client) = (file("empty.pem", ""), tls.client());
    let cut = std::fs::read_to_string(&client.cert).unwrap().replace("-----END CERTIFICATE-----", "");
    let cut = file("cut.pem", &cut);
    let none = folder.path().join("none.pem");
    for (changed, said) in [
        (vec![("REDIS_TLS_CA_FILE", &none)], "REDIS_TLS_CA_FILE: cannot use"),
        (vec![("REDIS_TLS_CA_FILE", &empty)], "no certificate in it"),
        (vec![("REDIS_TLS_CA_FILE", &cut)], "REDIS_TLS_CA_FILE: cannot use"),
        (vec![("REDIS_TLS_CERT_FILE", &client.cert)], "is set without REDIS_TLS_KEY_FILE"),
        (
            vec![("REDIS_TLS_CERT_FILE", &client.key), ("REDIS_TLS_KEY_FILE", &client.cert)],
            "REDIS_TLS_KEY_FILE: cannot use",
        ),
        (
            vec![("REDIS_TLS_CERT_FILE", &client.cert), ("REDIS_TLS_KEY_FILE", &tls.strange_client().key)],
            "does not fit its key",
        ),
    ] {
        let changed: Settings = changed.iter().map(|(name, path)| (*name, text(path))).collect();
        let settings = [trusting(&tls.url(), &tls.ca()), changed].concat();
        for args in [&[][..], &["--check"]] {
            let (code, _, log) = told(&site, args, &borrowed(&settings)).await;
            assert!(code == Some(78) && log.contains(said), "{settings:?}: {code:?} {log}");
            assert!(!log.contains("PRIVATE KEY") && log.contains("; "), "{log}");
        }
    }
}
