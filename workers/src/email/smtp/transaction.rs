//! One mail over one connection.

use std::fmt::Write as _;
use std::future::Future;

use lettre::Address;

use super::escape::escape;
use super::fault::{Cause, Fault};
use super::reply::Reply;
use super::session::Session;
use super::stage::Stage;
use super::tally::Tally;
use super::verdicts::meaning;
use super::wire::DataFault;
use crate::verdict::Meaning;

/// A composed message and its envelope.
#[derive(Debug, Clone, Copy)]
pub struct Mail<'a> {
    /// The envelope's sender; `None` is the empty one.
    pub from: Option<&'a Address>,
    /// `from` came out of the settings: a server that refuses it refuses the settings, not this mail.
    pub from_is_default: bool,
    /// The envelope's recipients, domains as A-labels.
    pub recipients: &'a [Address],
    /// Header and body. Bare line ends become CRLF on the wire, leading dots are escaped.
    pub data: &'a [u8],
    /// An address or a header is not ASCII (RFC 6531).
    pub needs_smtputf8: bool,
    /// The data is not all ASCII (RFC 6152).
    pub eight_bit: bool,
}

/// How far a connection got with a mail. Who got it and who did not is in the [`Tally`].
pub(super) enum Attempt {
    Done,
    /// The connection went before the server dealt with anything of the mail. If it had lain idle, that is
    /// nothing.
    Gone,
    /// Not confirmed: nothing more was written.
    Unconfirmed,
}

impl Session {
    /// Sends `mail` in as many transactions as the server needs, each recipient in one of them. Dropped at any
    /// point, `tally` tells who has it and who may have it.
    ///
    /// `confirm` is asked right before the data of each transaction is written; after an error nothing is.
    pub(super) async fn send<F, E>(
        &mut self,
        mail: &Mail<'_>,
        confirm: &mut impl FnMut() -> F,
        tally: &mut Tally<'_>,
    ) -> Attempt
    where
        F: Future<Output = Result<(), E>>,
    {
        self.mails += 1;
        let line = match self.mail_line(mail) {
            Ok(line) => line,
            Err(fault) => {
                tally.rest(meaning(&fault), &fault.failure());
                return Attempt::Done;
            }
        };
        let data = escape(mail.data);
        if self.can_pipeline(mail) {
            return self.send_at_once(&line, mail, &data, confirm, tally).await;
        }
        let mut first = true;
        while tally.is_open() {
            if let Err(fault) = self.begin(&line).await {
                let gone = first && fault.is_gone();
                self.note(&fault);
                tally.rest(meaning(&fault), &fault.failure());
                return if gone { Attempt::Gone } else { Attempt::Done };
            }
            first = false;
            let accepted = self.name_recipients(mail, tally).await;
            if accepted.is_empty() {
                continue;
            }
            let handed = match self.go_ahead().await {
                Ok(()) => self.hand_over(&data, confirm, || tally.dot_written(&accepted)).await,
                Err(fault) => Err(fault),
            };
            if let Some(Attempt::Unconfirmed) = self.note_handed(handed, &accepted, tally) {
                return Attempt::Unconfirmed;
            }
        }
        Attempt::Done
    }

    /// The whole of a mail with one recipient, over a server that takes commands ahead of its answers.
    async fn send_at_once<F, E>(
        &mut self,
        line: &str,
        mail: &Mail<'_>,
        data: &[u8],
        confirm: &mut impl FnMut() -> F,
        tally: &mut Tally<'_>,
    ) -> Attempt
    where
        F: Future<Output = Result<(), E>>,
    {
        if let Err(fault) = self.open_at_once(line, mail.recipients[0].as_ref()).await {
            let gone = fault.stage == Stage::Mail && fault.is_gone();
            self.note(&fault);
            let means = match meaning(&fault) {
                Meaning::Full => Meaning::Retry,
                means => means,
            };
            tally.failed(&[0], means, &fault.failure());
            return if gone { Attempt::Gone } else { Attempt::Done };
        }
        let handed = self.hand_over(data, confirm, || tally.dot_written(&[0])).await;
        self.note_handed(handed, &[0], tally).unwrap_or(Attempt::Done)
    }

    /// What became of `accepted` once the server wanted the data. Gives how the mail ends, where it does.
    fn note_handed(
        &mut self,
        handed: Result<Option<Reply>, Fault>,
        accepted: &[usize],
        tally: &mut Tally<'_>,
    ) -> Option<Attempt> {
        match handed {
            Ok(Some(reply)) => tally.delivered(accepted, &reply),
            Ok(None) => {
                self.over = true;
                return Some(Attempt::Unconfirmed);
            }
            Err(fault) => {
                self.note(&fault);
                let means = meaning(&fault);
                tally.failed(accepted, means, &fault.failure());
                if self.over {
                    // The others were not dealt with: they have their next try on another connection.
                    tally.rest(Meaning::Retry, &fault.failure());
                }
            }
        }
        None
    }

    /// MAIL with what the mail needs of the server and the server offers.
    fn mail_line(&self, mail: &Mail<'_>) -> Result<String, Fault> {
        let refuse = |why: String| Err(Cause::NotOffered(why).at(Stage::Mail));
        let offers = &self.offers;
        let size = mail.data.len();
        if let Some(max) = offers.max_size.filter(|max| *max < size as u64) {
            return refuse(format!("the mail has {size} bytes, the server takes at most {max}"));
        }
        if mail.needs_smtputf8 && !offers.smtputf8 {
            return refuse("an address is not ASCII and the server does not offer SMTPUTF8".into());
        }
        let from = mail.from.map_or("", AsRef::as_ref);
        let mut line = format!("MAIL FROM:<{from}>");
        if offers.size {
            let _ = write!(line, " SIZE={size}");
        }
        if mail.eight_bit && offers.eight_bit_mime {
            line.push_str(" BODY=8BITMIME");
        }
        if mail.needs_smtputf8 {
            line.push_str(" SMTPUTF8");
        }
        Ok(line)
    }

    /// Opens a transaction, after closing one that was left open.
    async fn begin(&mut self, mail_line: &str) -> Result<(), Fault> {
        if self.unfinished {
            let reset = self.wire.command(self.limits.command, &["RSET"]).await;
            let reset = reset.map_err(|cause| cause.at(Stage::Mail))?;
            if !reset.is_2xx() {
                // Says nothing about the mail, only that this connection is of no more use.
                return Err(Cause::Io(std::io::Error::other(format!("RSET: {reset}"))).at(Stage::Mail));
            }
        }
        self.unfinished = true;
        self.ask(Stage::Mail, &[mail_line]).await
    }

    /// Names the open recipients until the server takes no more. Gives those it accepted.
    async fn name_recipients(&mut self, mail: &Mail<'_>, tally: &mut Tally<'_>) -> Vec<usize> {
        let mut accepted = Vec::with_capacity(mail.recipients.len());
        for index in 0..mail.recipients.len() {
            if !tally.is_waiting(index) {
                continue;
            }
            let recipient: &str = mail.recipients[index].as_ref();
            let Err(fault) = self.ask(Stage::Rcpt, &["RCPT TO:<", recipient, ">"]).await else {
                accepted.push(index);
                continue;
            };
            match meaning(&fault) {
                Meaning::Full if !accepted.is_empty() => break,
                Meaning::Full => tally.failed(&[index], Meaning::Retry, &fault.failure()),
                means => tally.failed(&[index], means, &fault.failure()),
            }
            self.note(&fault);
            if self.over {
                tally.rest(Meaning::Retry, &fault.failure());
                return Vec::new();
            }
        }
        accepted
    }

    async fn go_ahead(&mut self) -> Result<(), Fault> {
        let reply = self.wire.command(self.limits.data, &["DATA"]).await;
        let reply = reply.map_err(|cause| cause.at(Stage::Data))?;
        if reply.code == 354 { Ok(()) } else { Err(Cause::unexpected(reply).at(Stage::Data)) }
    }

    /// The data to the answer after the final dot. `None`: not confirmed, nothing of the data was written.
    async fn hand_over<F, E>(
        &mut self,
        data: &[u8],
        confirm: &mut impl FnMut() -> F,
        dot_written: impl FnOnce(),
    ) -> Result<Option<Reply>, Fault>
    where
        F: Future<Output = Result<(), E>>,
    {
        if confirm().await.is_err() {
            return Ok(None);
        }
        match self.wire.data(data, self.limits.data, self.limits.dot, dot_written).await {
            Ok(reply) => {
                self.unfinished = false;
                if reply.is_2xx() { Ok(Some(reply)) } else { Err(Cause::unexpected(reply).at(Stage::Dot)) }
            }
            Err(DataFault::BeforeDot(cause)) => Err(cause.at(Stage::Data)),
            Err(DataFault::AfterDot(cause)) => Err(cause.at(Stage::Dot)),
        }
    }

    /// A command that has to be answered 2xx.
    async fn ask(&mut self, stage: Stage, pieces: &[&str]) -> Result<(), Fault> {
        match self.wire.command(self.limits.command, pieces).await {
            Ok(reply) if reply.is_2xx() => Ok(()),
            Ok(reply) => Err(Cause::unexpected(reply).at(stage)),
            Err(cause) => Err(cause.at(stage)),
        }
    }

    fn note(&mut self, fault: &Fault) {
        self.over |= fault.ends_session();
    }
}
