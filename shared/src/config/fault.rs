//! Settings that cannot be used, collected so that all are told at once.

use std::{fmt, process::ExitCode};

/// Exit code of a program whose settings cannot be used (`EX_CONFIG` of sysexits.h).
pub const EXIT_UNUSABLE_SETTINGS: u8 = 78;

/// One setting that cannot be used. Never holds the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}; {cure}")]
pub struct Fault {
    /// The setting as the user wrote it, with where: `MAX_RETRIES`, `--max-retries`, `.env line 3`.
    pub name: String,
    /// What is wrong.
    pub problem: String,
    /// One thing to do about it.
    pub cure: String,
}

impl Fault {
    /// A fault of the setting `name`.
    pub fn new(name: impl Into<String>, problem: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { name: name.into(), problem: problem.into(), cure: cure.into() }
    }
}

/// All settings that cannot be used; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => f.write_str("error: one setting cannot be used")?,
            n => write!(f, "error: {n} settings cannot be used")?,
        }
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for Faults {}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

impl Faults {
    /// Tells all of them on stderr and gives the exit code 78.
    pub fn exit(&self) -> ExitCode {
        use std::io::Write as _;
        // A closed stderr changes nothing about the exit code.
        let _ = writeln!(std::io::stderr(), "{self}\n\nhint: .env.example lists every setting");
        ExitCode::from(EXIT_UNUSABLE_SETTINGS)
    }
}
