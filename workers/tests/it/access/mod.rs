//! The ways to a Redis that is guarded: TLS, a socket, a user with few rights.

mod socket;
mod tls;
mod users;
