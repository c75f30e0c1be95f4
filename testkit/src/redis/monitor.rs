use tokio::time::timeout;

use super::RedisServer;
use crate::LIMIT;
use crate::client::Client;

/// Everything a server executes, as `MONITOR` shows it, from the moment this was made.
#[derive(Debug)]
pub struct Monitor(Client);

impl RedisServer {
    /// Starts to watch every command this server executes; those inside scripts are marked `lua`.
    pub async fn monitor(&self) -> Monitor {
        let mut client = self.connect().await;
        let reply = client.command(&["MONITOR"]).await.expect("MONITOR is answered");
        assert_eq!(reply.text(), "OK");
        Monitor(client)
    }
}

impl Monitor {
    /// Waits for the next line that is as wanted, and gives it.
    ///
    /// # Panics
    ///
    /// When none came within [`LIMIT`], or the server is gone.
    pub async fn wait_for(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let found = timeout(LIMIT, async {
            loop {
                let reply = self.0.reply().await.expect("the server is there");
                if wanted(reply.text()) {
                    return reply.text().to_owned();
                }
            }
        });
        found.await.unwrap_or_else(|_| panic!("MONITOR showed no such command within {LIMIT:?}"))
    }
}
