//! A queue of one's own with typed jobs: payload in, result out.
//!
//! A job is a message whose top-level fields are its payload, so that any language can push one. It runs **at least
//! once**: a worker that dies while it runs leaves it to another one, which starts it from the beginning, and so does
//! one that is stopped before it ends. Make a second run harmless: write what came of it under the job's id.
//!
//! ```no_run
//! use redispatch::config::{QueueSettings, WorkerSettings};
//! use redispatch::job::{self, Job, JobError, NewJob};
//! use redispatch::queue::Queue;
//! use redispatch::{Shutdown, Worker};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Resize {
//!     path: String,
//!     width: u32,
//! }
//!
//! async fn resize(job: Job<Resize>) -> Result<u64, JobError> {
//!     if job.payload.width == 0 {
//!         return Err(JobError::unrecoverable("nothing would be left of it"));
//!     }
//!     let bytes = std::fs::read(&job.payload.path)?;
//!     job.log(&format!("read {} bytes", bytes.len())).await?;
//!     Ok(bytes.len() as u64)
//! }
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let url: redispatch::config::RedisUrl = "redis://127.0.0.1:6379/0".parse()?;
//! let queue = Queue::new("thumbnails", QueueSettings::new(url.clone()))?;
//! queue.add(NewJob::new(&Resize { path: "cat.png".into(), width: 64 })?.id("thumbnail:cat.png:64")).await?;
//! Worker::new("thumbnails", WorkerSettings::new(url))?.run(job::handler(resize), Shutdown::on_signals()?).await?;
//! # Ok(())
//! # }
//! ```

mod error;
mod handler;
mod new;
mod running;

pub use error::JobError;
pub use handler::handler;
pub use new::NewJob;
pub use running::Job;
