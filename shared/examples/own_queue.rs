#![allow(clippy::print_stdout, reason = "this example talks")]
//! A worker for a queue of your own. Try it:
//! `redis-cli lpush queue:greetings:pending '{"id":"1","name":"Ada"}'`

use redispatch::config::WorkerSettings;
use redispatch::job::{self, Job, JobError};
use redispatch::{Shutdown, Worker};

#[derive(serde::Deserialize)]
struct Greeting {
    name: String,
}

async fn greet(job: Job<Greeting>) -> Result<(), JobError> {
    let name = &job.payload.name;
    if name == "Nobody" {
        return Err(JobError::failed("nobody is at home"));
    }
    println!("Hello, {name}!");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or("redis://127.0.0.1:6379/0".into());
    let settings = WorkerSettings::new(url.parse()?);
    Worker::new("greetings", settings)?.run(job::handler(greet), Shutdown::on_signals()?).await?;
    Ok(())
}
