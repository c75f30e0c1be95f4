//! The user of `queuectl doctor --acl` runs every script, and reaches no key but the queues'.

use redispatch::acl::{Role, rule};
use redispatch::config::QueueSettings;
use redispatch_testkit::Reply;

use super::every::{call_of, stage};
use super::queue::SCRIPTS;

#[tokio::test]
async fn each_script_runs_and_nothing_is_denied() {
    for script in SCRIPTS {
        let mut stage = stage().await;
        let call = call_of(script, &mut stage).await;
        let queue = &mut stage.queue;
        let rule = rule(&QueueSettings::new(queue.server.url().parse().unwrap()), Role::Worker);
        let user = ["ACL", "SETUSER", "redispatch", "on", ">secret-word"].into_iter().chain(rule.split(' '));
        queue.command(&user.collect::<Vec<_>>()).await;
        queue.client = queue.server.connect().await;
        queue.command(&["AUTH", "redispatch", "secret-word"]).await;
        let reply = queue.run(&call).await;
        assert!(!matches!(reply, Reply::Error(_)), "{script}: {reply:?}");
        // What a script asks by `pcall` is refused in silence.
        let denied = queue.server.command(&["ACL", "LOG"]).await;
        assert!(denied.array().is_empty(), "{script}: {denied:?}");
        for key in 0..call.keys.len() {
            let mut elsewhere = call.clone();
            elsewhere.keys[key] = "queues:email:other".to_owned();
            let refused = queue.run(&elsewhere).await;
            let said = matches!(&refused, Reply::Error(text) if text.starts_with("NOPERM"));
            assert!(said, "{script} with a key of somebody else: {refused:?}");
        }
    }
}
