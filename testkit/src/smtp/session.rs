//! One connection of the scripted server.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Act, Received, Shared, Step, Tls, lock};
use crate::watched::Counted;

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

pub(super) struct Session {
    io: BufReader<Box<dyn Io>>,
    number: usize,
    shared: Arc<Shared>,
    encrypted: bool,
    logged_in: bool,
    mail: Option<Received>,
}

/// What became of a step.
enum Done {
    /// Answered well: the command counts.
    Well,
    /// Answered otherwise: the command does not count.
    Otherwise,
}

impl Session {
    pub(super) fn new(stream: TcpStream, number: usize, shared: Arc<Shared>) -> Self {
        let io: Box<dyn Io> = Box::new(stream);
        Self { io: BufReader::new(io), number, shared, encrypted: false, logged_in: false, mail: None }
    }

    /// Serves until the client hangs up or says QUIT.
    pub(super) async fn run(mut self) -> io::Result<()> {
        if self.shared.offers.tls == Tls::Implicit {
            self = self.encrypt().await?;
        }
        self.answer(Step::Greeting, "", "220 localhost ESMTP scripted").await?;
        let mut line = String::new();
        loop {
            line.clear();
            if self.io.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let command = line.trim_end();
            let (verb, rest) = command.split_once([' ', ':']).unwrap_or((command, ""));
            let verb = verb.to_ascii_uppercase();
            let noted = if verb == "AUTH" { "AUTH".to_owned() } else { command.to_owned() };
            lock(&self.shared.commands).push((self.number, noted));
            match verb.as_str() {
                "EHLO" => {
                    let lines = self.capabilities();
                    self.answer(Step::Ehlo, command, &lines).await?;
                }
                "HELO" => {
                    self.answer(Step::Ehlo, command, "250 localhost").await?;
                }
                "STARTTLS" => {
                    if let Done::Well = self.answer(Step::StartTls, command, "220 2.0.0 go ahead").await? {
                        self = self.encrypt().await?;
                    }
                }
                "AUTH" => self.log_in(command, rest).await?,
                "MAIL" => self.mail(command, rest).await?,
                "RCPT" => self.rcpt(command, rest).await?,
                "DATA" => self.data(command).await?,
                "RSET" => {
                    self.mail = None;
                    self.answer(Step::Rset, command, "250 2.0.0 reset").await?;
                }
                "NOOP" => {
                    self.answer(Step::Noop, command, "250 2.0.0 fine").await?;
                }
                "QUIT" => {
                    self.answer(Step::Quit, command, "221 2.0.0 bye").await?;
                    return Ok(());
                }
                _ => self.write(b"500 5.5.2 unknown command\r\n").await?,
            }
        }
    }

    fn capabilities(&self) -> String {
        let offers = &self.shared.offers;
        let mut lines = offers.extensions.clone();
        if offers.tls == Tls::StartTls && !self.encrypted {
            lines.push("STARTTLS".into());
        }
        if offers.credentials.is_some() {
            lines.push(format!("AUTH {}", offers.mechanisms));
        }
        lines.insert(0, "localhost".into());
        let last = lines.pop().unwrap_or_default();
        let first: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        format!("{first}250 {last}")
    }

    async fn log_in(&mut self, command: &str, rest: &str) -> io::Result<()> {
        let given = match rest.split_once(' ') {
            Some(("PLAIN", response)) => {
                let text = decode(response);
                let mut parts = text.split('\0').skip(1).map(str::to_owned);
                parts.next().zip(parts.next())
            }
            None if rest == "LOGIN" => {
                let user = self.prompt("334 VXNlcm5hbWU6").await?;
                Some((user, self.prompt("334 UGFzc3dvcmQ6").await?))
            }
            _ => None,
        };
        if given.is_some() && given == self.shared.offers.credentials {
            if let Done::Well = self.answer(Step::Auth, command, "235 2.7.0 welcome").await? {
                self.logged_in = true;
            }
        } else {
            self.answer(Step::Auth, command, "535 5.7.8 wrong credentials").await?;
        }
        Ok(())
    }

    async fn prompt(&mut self, prompt: &str) -> io::Result<String> {
        self.write(format!("{prompt}\r\n").as_bytes()).await?;
        let mut line = String::new();
        self.io.read_line(&mut line).await?;
        Ok(decode(line.trim_end()))
    }

    async fn mail(&mut self, command: &str, rest: &str) -> io::Result<()> {
        if self.shared.offers.credentials.is_some() && !self.logged_in {
            return self.write(b"530 5.7.0 authentication required\r\n").await;
        }
        if self.mail.is_some() {
            return self.write(b"503 5.5.1 nested MAIL\r\n").await;
        }
        if let Done::Well = self.answer(Step::Mail, command, "250 2.1.0 sender ok").await? {
            let mut words = rest.split_ascii_whitespace();
            let from = path(words.next().unwrap_or_default());
            self.mail = Some(Received {
                connection: self.number,
                from,
                parameters: words.map(str::to_owned).collect(),
                recipients: Vec::new(),
                data: Vec::new(),
                encrypted: self.encrypted,
            });
        }
        Ok(())
    }

    async fn rcpt(&mut self, command: &str, rest: &str) -> io::Result<()> {
        if self.mail.is_none() {
            return self.write(b"503 5.5.1 MAIL first\r\n").await;
        }
        if let Done::Well = self.answer(Step::Rcpt, command, "250 2.1.5 recipient ok").await?
            && let Some(mail) = &mut self.mail
        {
            mail.recipients.push(path(rest));
        }
        Ok(())
    }

    async fn data(&mut self, command: &str) -> io::Result<()> {
        if self.mail.as_ref().is_none_or(|mail| mail.recipients.is_empty()) {
            return self.write(b"554 5.5.1 no valid recipients\r\n").await;
        }
        let Done::Well = self.answer(Step::Data, command, "354 go ahead").await? else { return Ok(()) };
        let mut data = Vec::new();
        loop {
            let start = data.len();
            if self.io.read_until(b'\n', &mut data).await? == 0 {
                return Ok(());
            }
            if data[start..] == *b".\r\n" {
                data.truncate(start);
                break;
            }
            if data[start] == b'.' {
                data.remove(start);
            }
        }
        let Some(mail) = self.mail.take() else { return Ok(()) };
        let text = String::from_utf8_lossy(&data).into_owned();
        let mail = Received { data, ..mail };
        let answer = format!("250 2.0.0 Ok: queued as {:04X}", self.shared.received.borrow().len() + 1);
        let mut act = self.act(Step::Dot, &text);
        if act == Some(Act::Stall) {
            self.stall().await?;
            act = None;
        }
        // Recorded first, answered then: whoever has the answer finds the record.
        if matches!(act, None | Some(Act::AcceptAndDrop | Act::AnswerAndDrop(_))) {
            self.shared.received.send_modify(|mails| mails.push(mail));
        }
        self.perform(act, &answer).await.map(drop)
    }

    /// Does what the script says, else gives the good answer.
    async fn answer(&mut self, step: Step, text: &str, good: &str) -> io::Result<Done> {
        let act = self.act(step, text);
        self.perform(act, good).await
    }

    fn act(&self, step: Step, text: &str) -> Option<Act> {
        lock(&self.shared.rules).iter_mut().find_map(|rule| rule.apply(step, text))
    }

    async fn perform(&mut self, act: Option<Act>, good: &str) -> io::Result<Done> {
        let hang_up = || Err(io::ErrorKind::ConnectionAborted.into());
        match act {
            None => {}
            Some(Act::Stall) => self.stall().await?,
            Some(Act::Write(bytes)) => {
                self.write(&bytes).await?;
                let well = matches!(bytes.first(), Some(b'2' | b'3'));
                return Ok(if well { Done::Well } else { Done::Otherwise });
            }
            Some(Act::WriteAndDrop(bytes)) => {
                self.write(&bytes).await?;
                return hang_up();
            }
            Some(Act::Drop | Act::AcceptAndDrop) => return hang_up(),
            Some(Act::AnswerAndDrop(bytes)) => {
                self.write(format!("{good}\r\n").as_bytes()).await?;
                self.write(&bytes).await?;
                return hang_up();
            }
            Some(Act::Flood) => loop {
                self.write(&[b'0'; 4096]).await?;
            },
        }
        self.write(format!("{good}\r\n").as_bytes()).await?;
        Ok(Done::Well)
    }

    /// Sits still until the test lets go; an error when the client hangs up first.
    async fn stall(&mut self) -> io::Result<()> {
        let mut released = self.shared.released.subscribe();
        let _stalled = Counted::new(&self.shared.stalled);
        tokio::select! {
            _ = released.changed() => return Ok(()),
            ahead = self.io.fill_buf() => if !ahead.is_ok_and(|ahead| !ahead.is_empty()) {
                return Err(io::ErrorKind::ConnectionAborted.into());
            },
        }
        // Commands sent ahead lie between us and the sight of a hang-up.
        let _ = released.changed().await;
        Ok(())
    }

    async fn encrypt(self) -> io::Result<Self> {
        let certificate = self.shared.certificate.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let io = certificate.acceptor.accept(self.io.into_inner()).await?;
        let io: Box<dyn Io> = Box::new(io);
        Ok(Self { io: BufReader::new(io), encrypted: true, ..self })
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }
}

/// `FROM:<a@b>` or `TO:<a@b>` without everything but the address.
fn path(argument: &str) -> String {
    argument
        .split_once('<')
        .and_then(|(_, rest)| rest.rsplit_once('>'))
        .map_or("", |(path, _)| path)
        .to_owned()
}

fn decode(base64: &str) -> String {
    String::from_utf8(BASE64_STANDARD.decode(base64).unwrap_or_default()).unwrap_or_default()
}
