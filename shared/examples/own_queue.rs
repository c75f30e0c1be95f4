#![allow(clippy::print_stdout, reason = "this example talks")]
//! A worker for a queue of your own. Try it:
//! `redis-cli lpush queue:greetings:pending '{"id":"1","name":"Ada"}'`

use redispatch::config::WorkerSettings;
use redispatch::{Delivery, Failure, Outcome, Receipt, Shutdown, Worker};

#[derive(serde::Deserialize)]
struct Greeting {
    name: String,
}

async fn greet(delivery: Delivery) -> Outcome {
    let greeting: Greeting = match delivery.payload() {
        Ok(greeting) => greeting,
        Err(malformed) => return malformed,
    };
    if greeting.name == "Nobody" {
        return Outcome::Retry(Failure::new("nobody is at home"));
    }
    println!("Hello, {}!", greeting.name);
    Outcome::Sent(Receipt::default())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or("redis://127.0.0.1:6379/0".into());
    let settings = WorkerSettings::new(url.parse()?);
    Worker::new("greetings", settings)?.run(greet, Shutdown::on_signals()?).await?;
    Ok(())
}
