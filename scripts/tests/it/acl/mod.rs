//! `doctor --acl`: the rule as it is printed makes a user that can do all that is needed, and no more.

mod every_verb;
mod printed;
mod sentinel;

use std::collections::BTreeSet;

use redispatch_testkit::Reply;
use redispatch_testkit::client::Client;
use redispatch_testkit::redis::RedisServer;

use crate::run::{Ran, command, finish};

const PASSWORD: &str = "secret-word";

/// A server on which the default user is off.
pub(super) struct Guarded {
    pub(super) redis: RedisServer,
    /// A connection of a user who may do everything.
    pub(super) admin: Client,
    /// How the user is reached that was made by the printed rule.
    pub(super) url: String,
}

impl Guarded {
    /// Makes the user by the rule that is printed for `role` where the server is reached by `scheme`.
    pub(super) async fn start(redis: RedisServer, scheme: &str, role: &str) -> Self {
        let url = format!("{scheme}{}", redis.addr());
        let rule = printed(&url, role).await;
        let mut admin = redis.connect().await;
        make_user(&mut admin, &rule).await;
        assert_eq!(admin.command(&["ACL", "SETUSER", "default", "off"]).await.unwrap().text(), "OK");
        assert_eq!(admin.command(&["CONFIG", "RESETSTAT"]).await.unwrap().text(), "OK");
        let url = match scheme {
            "redis://" => redis.url(),
            _ => url,
        };
        let url = url.replace("://", &format!("://redispatch:{PASSWORD}@"));
        Self { redis, admin, url }
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.url.starts_with("redis-cluster")
    }

    /// Runs `queuectl ARGS` as that user.
    pub(super) async fn queuectl(&self, args: &[&str]) -> Ran {
        let home = tempfile::tempdir().unwrap();
        finish(command(&self.url, home.path(), args), b"").await
    }

    /// As [`denied`].
    pub(super) async fn denied(&mut self) -> Vec<String> {
        denied(&mut self.admin).await
    }

    /// The commands that ran, in scripts too.
    pub(super) async fn ran(&mut self) -> BTreeSet<String> {
        let info = self.admin.command(&["INFO", "commandstats"]).await.unwrap();
        let names = info.text().lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(':'));
        names.map(|(name, _)| name.to_owned()).collect()
    }

    /// Makes a dead letter.
    pub(super) async fn give_up(&mut self, letter: &str) {
        let base = if self.is_cluster() { "{queue:email}" } else { "queue:email" };
        self.admin.command(&["LPUSH", &format!("{base}:dead_letter"), letter]).await.unwrap().int();
    }
}

/// The rule that is printed for `role` where Redis is at `url`.
pub(super) async fn printed(url: &str, role: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    finish(command(url, home.path(), &["doctor", "--acl", role]), b"").await.with_code(0).stdout
}

/// Makes the user `redispatch` by a rule.
pub(super) async fn make_user(admin: &mut Client, rule: &str) {
    let user = ["ACL", "SETUSER", "redispatch", "on", ">secret-word"].into_iter();
    let made = admin.command(&user.chain(rule.split_whitespace()).collect::<Vec<_>>()).await.unwrap();
    assert_eq!(made.text(), "OK");
}

/// What was denied to anybody: `command config|get`, `key other`, …
pub(super) async fn denied(admin: &mut Client) -> Vec<String> {
    let log = admin.command(&["ACL", "LOG"]).await.unwrap();
    let entry = |fields: &[Reply]| {
        let field = |name: &str| {
            let at = fields.iter().step_by(2).position(|field| field.text() == name).unwrap();
            fields[2 * at + 1].text().to_owned()
        };
        format!("{} {}", field("reason"), field("object"))
    };
    log.array().iter().map(|fields| entry(fields.array())).collect()
}
