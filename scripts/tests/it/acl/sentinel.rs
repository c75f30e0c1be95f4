use redispatch_testkit::client::Client;
use redispatch_testkit::sentinel::Sentinels;

use super::{PASSWORD, denied, make_user, printed};
use crate::run::{command, finish};

/// Servers and sentinels have users of their own, each with just the rights that are printed for it.
#[tokio::test]
async fn sentinels_are_asked_and_the_primary_is_used_with_just_the_printed_rights() {
    let all = Sentinels::start().await;
    let plain = all.url();
    let addrs: Vec<_> = plain
        .split(['/', '=', '&', '?'])
        .filter_map(|part| part.parse::<std::net::SocketAddr>().ok())
        .collect();
    assert_eq!(addrs.len(), 2, "{plain}");
    let (worker, sentinel) = (printed(&plain, "worker").await, printed(&plain, "sentinel").await);
    let mut asked = Vec::new();
    for addr in addrs {
        let mut admin = Client::connect(addr).await.unwrap();
        make_user(&mut admin, &sentinel).await;
        asked.push(admin);
    }
    let mut primary = all.servers[0].connect().await;
    make_user(&mut primary, &worker).await;
    primary.command(&["CONFIG", "RESETSTAT"]).await.unwrap();
    let url = plain.replace("redis-sentinel://", &format!("redis-sentinel://redispatch:{PASSWORD}@"));
    let url = format!("{url}&sentinelUsername=redispatch&sentinelPassword={PASSWORD}");
    let home = tempfile::tempdir().unwrap();
    for args in [
        &["enqueue", "--queue", "email", r#"{"to":"a@example.com","body":"x"}"#][..],
        &["stats"],
        &["pause", "--queue", "email"],
        &["resume", "--queue", "email"],
    ] {
        let ran = finish(command(&url, home.path(), args), b"").await.with_code(0);
        assert!(!ran.stderr.contains("WARN"), "{ran:?}");
    }
    for admin in &mut asked {
        assert_eq!(denied(admin).await, [""; 0]);
    }
    assert_eq!(denied(&mut primary).await, [""; 0]);
    let stats = primary.command(&["INFO", "commandstats"]).await.unwrap();
    assert!(stats.text().contains("cmdstat_role:") && stats.text().contains("cmdstat_select:"), "{stats:?}");
}
