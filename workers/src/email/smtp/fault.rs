use std::io;
use std::time::Duration;

use redispatch::Failure;

use super::reply::Reply;
use super::stage::Stage;

/// Why a session did not get past a stage.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) stage: Stage,
    pub(super) cause: Cause,
}

#[derive(Debug)]
pub(super) enum Cause {
    /// The server said no.
    Refused(Reply),
    /// The server closed the connection.
    Closed,
    /// The server was silent for this long.
    Silent(Duration),
    /// The connection failed.
    Io(io::Error),
    /// The server said something that makes no sense here, or its certificate is not to be trusted.
    Nonsense(String),
    /// The server lacks what is needed.
    NotOffered(String),
}

impl Cause {
    /// Takes it to the stage where it happened.
    pub(super) fn at(self, stage: Stage) -> Fault {
        Fault { stage, cause: self }
    }

    /// A reply that is neither the one hoped for nor a refusal.
    pub(super) fn unexpected(reply: Reply) -> Self {
        if reply.is_negative() {
            Self::Refused(reply)
        } else {
            Self::Nonsense(format!("`{reply}`, which makes no sense here"))
        }
    }

    /// Closed connections are one thing, whether by FIN or by RST.
    pub(super) fn io(error: io::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        match error.kind() {
            BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => Self::Closed,
            _ => Self::Io(error),
        }
    }
}

impl Fault {
    /// The connection had gone, or was about to go with 421, before the server dealt with anything of a mail.
    pub(super) fn is_gone(&self) -> bool {
        match &self.cause {
            Cause::Closed | Cause::Io(_) => true,
            Cause::Refused(reply) => reply.code == 421,
            Cause::Silent(_) | Cause::Nonsense(_) | Cause::NotOffered(_) => false,
        }
    }

    /// The connection cannot be used for anything else.
    pub(super) fn ends_session(&self) -> bool {
        match &self.cause {
            Cause::Refused(reply) => reply.code == 421,
            Cause::NotOffered(_) => false,
            Cause::Closed | Cause::Silent(_) | Cause::Io(_) | Cause::Nonsense(_) => true,
        }
    }

    /// `RCPT: 550 5.1.1 no such user`.
    pub(super) fn failure(&self) -> Failure {
        let stage = self.stage;
        let failure = match &self.cause {
            Cause::Refused(reply) => Failure::new(format!("{stage}: {reply}")).with_code(reply.code),
            Cause::Closed => Failure::new(format!("{stage}: the server closed the connection")),
            Cause::Silent(limit) => {
                Failure::new(format!("{stage}: no answer within {} ms", limit.as_millis()))
            }
            Cause::Io(error) => Failure::new(format!("{stage}: {error}")),
            Cause::Nonsense(what) => Failure::new(format!("{stage}: the server sent {what}")),
            Cause::NotOffered(what) => Failure::new(format!("{stage}: {what}")),
        };
        failure.by("smtp")
    }
}
