use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret as _, SecretString};

use super::capabilities::Capabilities;
use super::fault::Cause;
use super::reply::Reply;
use super::wire::Wire;

/// Logs in with PLAIN (RFC 4616), or LOGIN where only that is offered.
pub(super) async fn log_in(
    wire: &mut Wire,
    offered: &Capabilities,
    (user, password): &(String, SecretString),
    limit: Duration,
) -> Result<(), Cause> {
    let password = password.expose_secret();
    let answer = if offered.auth_plain {
        let response = BASE64_STANDARD.encode(format!("\0{user}\0{password}"));
        wire.command(limit, &["AUTH PLAIN ", &response]).await?
    } else if offered.auth_login {
        asked_for_more(wire.command(limit, &["AUTH LOGIN"]).await?)?;
        let user = BASE64_STANDARD.encode(user);
        asked_for_more(wire.command(limit, &[&user]).await?)?;
        let password = BASE64_STANDARD.encode(password);
        wire.command(limit, &[&password]).await?
    } else {
        return Err(Cause::NotOffered("the server offers neither PLAIN nor LOGIN to log in".into()));
    };
    if answer.is_2xx() { Ok(()) } else { Err(Cause::unexpected(answer)) }
}

fn asked_for_more(reply: Reply) -> Result<(), Cause> {
    if reply.code == 334 { Ok(()) } else { Err(Cause::unexpected(reply)) }
}
