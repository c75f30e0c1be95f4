//! MAIL, RCPT and DATA in one write (RFC 2920): two round trips for a mail instead of four.

use super::fault::{Cause, Fault};
use super::session::Session;
use super::stage::Stage;
use super::transaction::Mail;

impl Session {
    /// Only a mail with one recipient: with several, what the server says of one decides how the next is named.
    pub(super) fn can_pipeline(&self, mail: &Mail<'_>) -> bool {
        self.offers.pipelining && mail.recipients.len() == 1 && !self.unfinished
    }

    /// Opens a transaction up to the server's 354.
    ///
    /// # Errors
    ///
    /// The first refusal. The answers behind it were read, so that the connection can be used again, unless
    /// `over` says otherwise.
    pub(super) async fn open_at_once(&mut self, mail_line: &str, recipient: &str) -> Result<(), Fault> {
        self.unfinished = true;
        let limits = self.limits;
        let lines = [mail_line, "\r\nRCPT TO:<", recipient, ">\r\nDATA"];
        let mut answer = self.wire.command(limits.command, &lines).await;
        let mut refused: Option<Fault> = None;
        let mut waits_for_data = false;
        for (stage, next) in
            [(Stage::Mail, Some(limits.command)), (Stage::Rcpt, Some(limits.data)), (Stage::Data, None)]
        {
            match answer {
                Ok(reply) => {
                    let went_well = if stage == Stage::Data { reply.code == 354 } else { reply.is_2xx() };
                    waits_for_data = stage == Stage::Data && went_well;
                    if !went_well {
                        refused = refused.or(Some(Cause::unexpected(reply).at(stage)));
                    }
                }
                Err(cause) => {
                    self.over = true;
                    return Err(refused.unwrap_or(cause.at(stage)));
                }
            }
            if refused.as_ref().is_some_and(Fault::ends_session) {
                break;
            }
            let Some(limit) = next else { break };
            answer = self.wire.reply(limit).await;
        }
        let Some(fault) = refused else { return Ok(()) };
        if waits_for_data {
            // Nobody was accepted and the server wants the mail all the same: an empty one, for nobody.
            self.over |= self.wire.command(limits.dot, &["."]).await.is_err();
        }
        Err(fault)
    }
}
