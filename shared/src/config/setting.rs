//! What a setting is: its name, its default, what it may hold. Tables of them drive flags, help and reading.

/// One setting, declared once: flags, help, `.env.example` and [`Reader`](super::Reader) all follow it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Name of the environment variable; the flag is the same in kebab case.
    pub name: &'static str,
    /// Another name that means the same.
    pub alias: Option<&'static str>,
    /// What it may hold.
    pub kind: Kind,
    /// What holds when it is not set.
    pub default: Otherwise,
    /// One line for `--help` and `.env.example`.
    pub help: &'static str,
}

/// What a [`Setting`] may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text; surrounding white space is taken off.
    Text,
    /// A text that is never shown. `NAME_FILE` names a file that holds it.
    Secret,
    /// A path of a file or folder.
    Path,
    /// A whole number, both ends included.
    Number(u64, u64),
    /// Whole milliseconds, both ends included.
    Millis(u64, u64),
    /// A decimal number, both ends included.
    Fraction(f64, f64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `yes`, `no`, `true`, `false`, `on`, `off`, `1`, `0`.
    YesNo,
}

/// What holds when a [`Setting`] is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// This value, as if it had been written.
    Value(&'static str),
    /// Something found out at start, described here.
    Derived(&'static str),
    /// Nothing.
    Nothing,
}

/// Settings under one heading.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Heading in `--help` and `.env.example`.
    pub heading: &'static str,
    /// The settings, in the order they are shown.
    pub settings: &'static [Setting],
}

impl Setting {
    /// A setting without an alias.
    pub const fn new(name: &'static str, kind: Kind, default: Otherwise, help: &'static str) -> Self {
        Self { name, alias: None, kind, default, help }
    }

    /// The same setting with a second name.
    #[must_use]
    pub const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Whether its value must never be shown.
    pub const fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret)
    }

    /// Every environment variable that sets it: its name, its alias, and `NAME_FILE` for a secret.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let file = self.is_secret().then(|| self.file_name());
        [Some(self.name.to_owned()), self.alias.map(str::to_owned), file].into_iter().flatten()
    }

    /// `NAME_FILE`.
    pub fn file_name(&self) -> String {
        format!("{}_FILE", self.name)
    }
}

/// `MAX_RETRIES` → `max-retries`.
pub(crate) fn flag(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}
