//! Row d: a worker that has nothing to do.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::process::{cpu_seconds, email_worker, resident_mib, start};
use crate::progress;
use crate::server::Server;
use crate::table::Figure;

const SPELL: Duration = Duration::from_secs(30);

pub(crate) async fn idle(aof: bool) -> Vec<Figure> {
    let mut server = Server::start(aof).await;
    let env = [("EMAIL_TRANSPORT", "null"), ("SMTP_FROM", "bench@example.com")];
    let worker = start(email_worker(), &server.url(), &env);
    server.asleep(2).await;
    progress(format_args!("d: an idle worker for {} s", SPELL.as_secs()));
    let mut monitor = server.monitor().await;
    let (before, cpu) = (server.usage().await, cpu_seconds(worker.pid()));
    let end = Instant::now() + SPELL;
    let mut commands = 0;
    while let Ok(line) = timeout_at(end, monitor.wait_for(|_| true)).await {
        // `INFO` is ours; what runs inside a script is marked `lua`
        if !line.contains(" lua] ") && !line.ends_with("\"INFO\" \"all\"") {
            commands += 1;
        }
    }
    let cpu = cpu_seconds(worker.pid()) - cpu;
    let all = server.usage().await.all_commands - before.all_commands;
    let memory = resident_mib(worker.pid());
    // all but ours and the monitor's
    let connections = server.ask(&["CLIENT", "LIST"]).await.text().lines().count() - 2;
    let seconds = SPELL.as_secs_f64();
    vec![
        Figure::new('d', "idle worker: Redis commands", f64::from(commands) / seconds, "a second")
            .at_most(3.0),
        Figure::new('d', "idle worker: the same with those inside scripts", all / seconds, "a second"),
        Figure::new('d', "idle worker: CPU in 30 s", cpu, "s").at_most(0.03),
        Figure::new('d', "idle worker: resident memory", memory, "MiB").at_most(20.0),
        Figure::new('d', "idle worker: connections to Redis", connections as f64, "").at_most(4.0),
    ]
}
