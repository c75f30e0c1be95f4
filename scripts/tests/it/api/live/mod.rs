//! What the dashboard shows as it happens.

mod alerts;
mod looks;
mod shown;
mod stream;
mod streams;
