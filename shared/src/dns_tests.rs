use redispatch_testkit::dns::{DnsAnswer::*, DnsServer};

use super::*;

const KUBERNETES: &str = "search shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(server: &DnsServer, hosts: &str, resolv_conf: &str) -> Names {
    let conf = format!("nameserver {}\n{resolv_conf}\n", server.addr().ip());
    Names::new(hosts.to_owned(), &conf, server.addr().port())
}

#[tokio::test]
async fn a_name_has_all_its_addresses_those_with_a_route_first() {
    let both = Addresses(vec![ip("::1"), ip("127.0.0.3"), ip("127.0.0.2")]);
    let six = Addresses(vec![ip("::1")]);
    let server = DnsServer::start([("mail.example.com", both), ("six.example.com", six)]).await;
    let names = at(&server, "", "");
    let mut found = names.lookup("mail.example.com").await.unwrap();
    assert_eq!(found.pop(), Some(ip("::1")), "IPv4 comes first");
    found.sort();
    assert_eq!(found, [ip("127.0.0.2"), ip("127.0.0.3")]);
    assert_eq!(names.lookup("SIX.example.com").await.unwrap(), [ip("::1")]);
    assert_eq!(names.lookup("mail.example.com.").await.unwrap().len(), 3);
}

#[tokio::test]
async fn search_domains_are_tried_in_the_order_of_resolv_conf() {
    let one = || Addresses(vec![ip("10.0.0.7")]);
    let server = DnsServer::start([
        ("redis.svc.cluster.local", one()),
        ("api.twilio.com", one()),
        ("half.shop.svc.cluster.local", Addresses(vec![])),
        ("half.cluster.local", one()),
        ("sick.shop.svc.cluster.local", Failure),
        ("sick.cluster.local", one()),
    ])
    .await;
    let names = at(&server, "", KUBERNETES);
    assert_eq!(names.lookup("redis").await.unwrap(), [ip("10.0.0.7")]);
    assert_eq!(server.asked(), ["redis.shop.svc.cluster.local", "redis.svc.cluster.local"]);
    assert_eq!(names.lookup("api.twilio.com").await.unwrap(), [ip("10.0.0.7")], "fewer dots than ndots");
    assert_eq!(names.lookup("half").await.unwrap(), [ip("10.0.0.7")], "a name without an address is passed");
    assert_eq!(names.lookup("sick").await.unwrap(), [ip("10.0.0.7")], "a domain that fails is passed");
    names.lookup("redis.").await.unwrap_err();

    let before = server.asked().len();
    let names = at(&server, "", "search svc.cluster.local .\noptions ndots:1");
    assert_eq!(names.lookup("api.twilio.com").await.unwrap(), [ip("10.0.0.7")]);
    assert_eq!(server.asked()[before..], ["api.twilio.com"], "enough dots: as it is, first");
    assert_eq!(names.lookup("redis").await.unwrap(), [ip("10.0.0.7")]);
    assert_eq!(names.candidates("redis"), ["redis.svc.cluster.local.", "redis."]);
}

#[tokio::test]
async fn what_is_in_hosts_or_is_an_address_or_localhost_asks_nobody() {
    let server = DnsServer::start([]).await;
    let hosts =
        "127.0.0.1 localhost\n10.0.0.5\tredis cache # the first\n::1 redis\n# 10.0.0.6 old\nnonsense here\n";
    let names = at(&server, hosts, KUBERNETES);
    assert_eq!(names.lookup("redis").await.unwrap().len(), 2);
    assert_eq!(names.lookup("Cache.").await.unwrap(), [ip("10.0.0.5")]);
    assert_eq!(names.lookup("localhost").await.unwrap(), [ip("127.0.0.1")]);
    assert_eq!(names.lookup("a.localhost").await.unwrap(), [ip("127.0.0.1"), ip("::1")]);
    for address in ["10.1.2.3", "::1", "2001:db8::1"] {
        assert_eq!(names.lookup(address).await.unwrap(), [ip(address)]);
    }
    assert_eq!(server.asked(), [""; 0]);
    names.lookup("old").await.unwrap_err();
}

#[tokio::test]
async fn a_name_that_nobody_has_is_said_to_be_one() {
    let server = DnsServer::start([("sick", Failure)]).await;
    let names = at(&server, "", "");
    for unknown in ["nowhere", "nowhere.example.com", "two words", "", "a..b", &"x".repeat(300)] {
        let error = names.lookup(unknown).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{unknown}: {error}");
        assert_eq!(error.to_string(), format!("there is no host `{unknown}`, says name server 127.0.0.1"));
    }
    let error = names.lookup("sick").await.unwrap_err().to_string();
    assert!(error.starts_with("name server 127.0.0.1 cannot tell where `sick` is: "), "{error}");
}

#[tokio::test]
async fn a_silent_name_server_is_given_up_in_time() {
    let server = DnsServer::start([("redis", Silence)]).await;
    let patient = at(&server, "", "options timeout:30 attempts:5");
    let patient = Names { limit: Duration::from_millis(300), ..patient };
    for names in [at(&server, "", "options timeout:1 attempts:2"), patient] {
        let error =
            timeout(Duration::from_secs(8), names.lookup("redis")).await.expect("in time").unwrap_err();
        assert_eq!(error.to_string(), "no answer from name server 127.0.0.1 about `redis`");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
}

#[tokio::test]
async fn a_dead_name_server_beside_a_live_one_costs_nothing() {
    let server = DnsServer::start([("redis", Addresses(vec![ip("10.0.0.5")]))]).await;
    let conf = format!(
        "nameserver 127.0.0.77\nnameserver {}\nnonsense\noptions trust-ad what:7",
        server.addr().ip()
    );
    let names = Names::new(String::new(), &conf, server.addr().port());
    let found = timeout(Duration::from_secs(2), names.lookup("redis")).await;
    assert_eq!(found.expect("within 2 s").unwrap(), [ip("10.0.0.5")]);
}

#[tokio::test]
async fn the_way_that_every_connection_goes_takes_names_and_addresses() {
    for host in ["127.0.0.1", "localhost"] {
        assert!(lookup(host, 6379).await.unwrap().contains(&"127.0.0.1:6379".parse().unwrap()), "{host}");
    }
    for host in ["::1", "[::1]"] {
        assert_eq!(lookup(host, 6379).await.unwrap(), ["[::1]:6379".parse().unwrap()]);
    }
    lookup("no such name.invalid", 1).await.unwrap_err();
}
