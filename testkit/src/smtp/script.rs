//! What a test can make the server do.

/// Where in a session the server is when it looks at its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A connection was made; the greeting is due.
    Greeting,
    /// EHLO or HELO came.
    Ehlo,
    /// STARTTLS came.
    StartTls,
    /// AUTH came.
    Auth,
    /// MAIL came.
    Mail,
    /// RCPT came.
    Rcpt,
    /// DATA came.
    Data,
    /// The final dot came.
    Dot,
    /// RSET came.
    Rset,
    /// NOOP came.
    Noop,
    /// QUIT came.
    Quit,
}

/// What the server does instead of answering well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Writes these bytes. Nothing is accepted, unless they begin with 2 or 3.
    Write(Vec<u8>),
    /// Writes these bytes and hangs up.
    WriteAndDrop(Vec<u8>),
    /// Says nothing until [`SmtpServer::release`](super::SmtpServer::release), then goes on as usual.
    Stall,
    /// Hangs up without a word.
    Drop,
    /// After the dot: takes the mail, then hangs up without a word. Elsewhere like [`Act::Drop`].
    AcceptAndDrop,
    /// Answers as usual, then writes these bytes and hangs up.
    AnswerAndDrop(Vec<u8>),
    /// Writes zeros and never a line end, until the client hangs up.
    Flood,
}

impl Act {
    /// Writes this line.
    pub fn reply(line: &str) -> Self {
        Self::Write(format!("{line}\r\n").into_bytes())
    }

    /// Writes this line and hangs up.
    pub fn reply_and_drop(line: &str) -> Self {
        Self::WriteAndDrop(format!("{line}\r\n").into_bytes())
    }
}

/// When to do what.
#[derive(Debug, Clone)]
pub struct Rule {
    step: Step,
    matching: String,
    skip: usize,
    times: usize,
    act: Act,
}

impl Rule {
    /// A rule for every time a session comes to `step`. Hangs up, unless told what else to do.
    pub fn at(step: Step) -> Self {
        Self { step, matching: String::new(), skip: 0, times: usize::MAX, act: Act::Drop }
    }

    /// Where it applies.
    pub fn step(&self) -> Step {
        self.step
    }

    /// Only for commands (at [`Step::Dot`]: data) that contain `text`.
    #[must_use]
    pub fn matching(mut self, text: &str) -> Self {
        text.clone_into(&mut self.matching);
        self
    }

    /// Lets the first `count` that fit pass.
    #[must_use]
    pub fn after(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    /// Only so often.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.times = count;
        self
    }

    /// What to do.
    #[must_use]
    pub fn act(mut self, act: Act) -> Self {
        self.act = act;
        self
    }

    /// What to do at `step`, which `text` came with; uses the rule up by one.
    pub(super) fn apply(&mut self, step: Step, text: &str) -> Option<Act> {
        if self.step != step || !text.contains(&self.matching) || self.times == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.act.clone())
    }
}
