use std::{ffi::OsString, fs};

use fred::types::config::{Server, ServerConfig};

use super::*;
use crate::config::{Sources, TABLES};

fn read_with(env: &[(&str, &str)], flags: &[(&str, &str)]) -> (RedisSettings, String) {
    let env = env.iter().map(|(n, v)| (OsString::from(n), OsString::from(v)));
    let flags = flags.iter().map(|(n, v)| (n.to_string(), OsString::from(v)));
    let sources = Sources::new(TABLES, env, (vec![], vec![])).with_flags(flags);
    let mut reader = Reader::new(&sources);
    let settings = RedisSettings::read(&mut reader);
    (settings, reader.finish().err().map(|f| f.to_string()).unwrap_or_default())
}

fn read(env: &[(&str, &str)]) -> (RedisSettings, String) {
    read_with(env, &[])
}

#[test]
fn url_by_default_by_itself_or_of_parts() {
    for (env, url) in [
        (&[][..], "redis://127.0.0.1:6379/0"),
        (&[("REDIS_HOST", "r"), ("REDIS_PORT", "7000"), ("REDIS_DB", "3")], "redis://r:7000/3"),
        (&[("REDIS_HOST", "::1"), ("REDIS_TLS", "false # no")], "redis://[::1]:6379/0"),
        (&[("REDIS_PASSWORD", "p@/:#%w")], "redis://:p%40%2F%3A%23%25w@127.0.0.1:6379/0"),
        (
            &[("REDIS_USERNAME", "me"), ("REDIS_PASSWORD", "x"), ("REDIS_DB", "1")],
            "redis://me:x@127.0.0.1:6379/1",
        ),
        (&[("REDIS_URL", "valkey://v:1/2"), ("REDIS_HOST", "r")], "valkey://v:1/2"),
    ] {
        let (settings, faults) = read(env);
        assert_eq!((settings.url.expose(), &*faults), (url, ""), "{env:?}");
    }
}

#[test]
fn a_part_by_flag_beside_a_url_is_a_fault_and_nothing_shows_a_secret() {
    let (_, faults) = read_with(&[("REDIS_URL", "redis://:hunter2@h")], &[("REDIS_HOST", "r")]);
    assert!(faults.contains("--redis-host: means nothing beside REDIS_URL"), "{faults}");
    let (settings, faults) = read(&[("REDIS_URL", "redis://:hunter2@h:1/0"), ("REDIS_TLS_CA_FILE", "/none")]);
    assert!(faults.contains("REDIS_TLS_CA_FILE: is set, but no TLS is spoken"), "{faults}");
    assert!(!format!("{settings:?}{faults}").contains("hunter2"));
    let (_, faults) = read(&[("REDIS_URL", "http://:hunter2@h"), ("REDIS_PORT", "0"), ("REDIS_HOST", "a b")]);
    assert!(faults.starts_with("error: 3 settings") && faults.contains("scheme `http`"), "{faults}");
    assert!(!faults.contains("hunter2"), "{faults}");
}

#[test]
fn fred_gets_what_the_url_says() {
    let to_fred = |url: &str| RedisSettings::new(RedisUrl::new(url).unwrap()).to_fred().unwrap();

    let single = to_fred("valkey://me:p%40%2Fw@h:7000/3");
    assert_eq!(single.server, ServerConfig::Centralized { server: Server::new("h", 7000) });
    assert_eq!((single.username.as_deref(), single.password.as_deref()), (Some("me"), Some("p@/w")));
    assert_eq!((single.database, single.tls), (Some(3), None));

    let ServerConfig::Centralized { server } = to_fred("redis://[::1]:1").server else { panic!() };
    assert_eq!(server.tls_server_name.as_deref(), Some("::1"));

    assert_eq!(to_fred("redis+unix:///run/r.sock").server, ServerConfig::Unix { path: "/run/r.sock".into() });
    let socket = to_fred("redis+unix://me:p%40%2Fw@/run/r.sock?db=2");
    assert_eq!(socket.server, ServerConfig::Unix { path: "/run/r.sock".into() });
    assert_eq!((socket.username.as_deref(), socket.password.as_deref()), (Some("me"), Some("p@/w")));
    assert_eq!(socket.database, Some(2));
    let cluster = to_fred("redis-cluster://h:1?node=g:2").server;
    assert!(matches!(cluster, ServerConfig::Clustered { hosts, .. } if hosts.len() == 2));
    let sentinel = to_fred(
        "valkey-sentinel://u:p@h:26379/1?sentinelServiceName=m&node=g:26380&sentinelUsername=su&sentinelPassword=sp",
    );
    let ServerConfig::Sentinel { hosts, service_name, username, password } = sentinel.server else {
        panic!()
    };
    assert_eq!((hosts.len(), &*service_name), (2, "m"));
    assert_eq!((username.as_deref(), password.as_deref()), (Some("su"), Some("sp")));
    assert_eq!((sentinel.database, sentinel.password.as_deref()), (Some(1), Some("p")));
}

#[test]
fn tls_files_are_loaded_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("empty"), "nothing here").unwrap();
    fs::write(path("ca"), CA).unwrap();
    let url = ("REDIS_URL", "rediss://h:1/0");

    let (settings, faults) = read(&[url, ("REDIS_TLS_CA_FILE", &path("ca"))]);
    assert_eq!(faults, "");
    assert!(settings.to_fred().unwrap().tls.is_some());
    for (name, file, said) in [
        ("REDIS_TLS_CA_FILE", "none", "I/O error"),
        ("REDIS_TLS_CA_FILE", "empty", "no certificate in it"),
        ("REDIS_TLS_CERT_FILE", "ca", "is set without REDIS_TLS_KEY_FILE"),
        ("REDIS_TLS_KEY_FILE", "ca", "is set without REDIS_TLS_CERT_FILE"),
    ] {
        let ca = ("REDIS_TLS_CA_FILE", path("ca"));
        let env = [url, (ca.0, &*ca.1), (name, &*path(file))];
        let (_, faults) = read(&env);
        assert!(faults.contains(&format!("{name}: ")) && faults.contains(said), "{faults}");
    }
    let both = [url, ("REDIS_TLS_CERT_FILE", &path("ca")), ("REDIS_TLS_KEY_FILE", &path("empty"))];
    assert!(read(&both).1.contains("REDIS_TLS_KEY_FILE: cannot use"), "{}", read(&both).1);
}

/// A certificate of its own making, good for a hundred years; its key is gone.
const CA: &str = "-----BEGIN CERTIFICATE-----\n\
MIIBdDCCARugAwIBAgIUIG0KnEzvyNU4dPaB77p4ZGHvI/swCgYIKoZIzj0EAwIw\n\
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjIwNTM5MDVaGA8yMTI2MTAyOTA1Mzkw\n\
NVowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABHs8\n\
ZqTByUkJNvlRUeD2B24QC3bgBGVDG9fgM0DIpauBsowinEEY1d+rnkUxHUUc8aXc\n\
WyJlc5E6p0QyrwdyrtyjUzBRMB0GA1UdDgQWBBQd9gmYhArrwg8EcYOw3LiFLAb5\n\
STAfBgNVHSMEGDAWgBQd9gmYhArrwg8EcYOw3LiFLAb5STAPBgNVHRMBAf8EBTAD\n\
AQH/MAoGCCqGSM49BAMCA0cAMEQCID5YAnhcFFgem1Fnu0ynZdtGW3rTEwb/ZmQx\n\
Ox5vBYg6AiBlB9TUqhFhnUj79vWJHP0pu9DwDp+tgSSQJs0IfF+vlA==\n\
-----END CERTIFICATE-----\n";
