//! A program run to its end.

use std::process::Output;

use redispatch_testkit::LIMIT;

use crate::site::{Channel, Site};

/// Runs `program` in an empty folder, with no environment but `env`.
pub(crate) async fn output(program: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = tokio::process::Command::new(program);
    command.args(args).env_clear().envs(env.iter().copied()).current_dir(folder.path()).kill_on_drop(true);
    tokio::time::timeout(LIMIT, command.output()).await.expect("it ends").expect("it starts")
}

/// Runs the program of `site` with its settings, of which `changed` win: exit code, stdout, stderr.
pub(crate) async fn told<C: Channel>(
    site: &Site<C>,
    args: &[&str],
    changed: &[(&str, &str)],
) -> (Option<i32>, String, String) {
    let (url, settings) = (site.redis.url(), site.channel.settings());
    let mut env = vec![("REDIS_URL", &*url)];
    env.extend(settings.iter().map(|(name, value)| (*name, &**value)));
    env.extend(changed);
    let output = output(C::PROGRAM, args, &env).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}
