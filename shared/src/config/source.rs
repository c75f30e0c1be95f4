//! Where settings come from: flags, before the environment, before `.env`.

use std::{collections::BTreeMap, ffi::OsString};

use super::{Fault, Setting, Table, dotenv, setting::flag};

/// The places a setting may be given, strongest first, and what they hold. Has no `Debug`: it holds secrets.
pub struct Sources {
    pub(super) tables: Vec<Table>,
    flags: BTreeMap<String, OsString>,
    environment: BTreeMap<String, OsString>,
    file: BTreeMap<String, dotenv::Line>,
    pub(super) faults: Vec<Fault>,
}

/// A value as it was given.
pub(super) struct Given {
    /// What to call it towards the user: `MAX_RETRIES`, `--max-retries`, `MAX_RETRIES (.env line 3)`.
    pub(super) origin: String,
    /// Its text, not empty.
    pub(super) text: String,
    /// It came from a flag.
    pub(super) by_flag: bool,
    /// A comment may still hang on it: systemd and Docker hand lines over as they stand.
    pub(super) raw: bool,
    /// The value is the path of the file that holds the value.
    pub(super) in_file: bool,
}

impl Sources {
    /// Sources without flags: `environment` (name, value) before the lines of a `.env` file.
    pub fn new(
        tables: &[Table],
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        (lines, mut faults): (Vec<dotenv::Line>, Vec<Fault>),
    ) -> Self {
        let known = |name: &str| tables.iter().flat_map(|t| t.settings).any(|s| s.names().any(|n| n == name));
        let environment = environment.into_iter().filter_map(|(n, v)| Some((n.into_string().ok()?, v)));
        let mut file = BTreeMap::<String, dotenv::Line>::new();
        for line in lines.into_iter().filter(|l| known(&l.name)) {
            match file.get(&line.name) {
                Some(first) if first.value != line.value => faults.push(Fault::new(
                    format!(".env line {}", line.number),
                    format!("sets {} again (first in line {})", line.name, first.number),
                    "keep one of them",
                )),
                Some(_) => {}
                None => drop(file.insert(line.name.clone(), line)),
            }
        }
        Self {
            tables: tables.to_vec(),
            flags: BTreeMap::new(),
            environment: environment.filter(|(n, _)| known(n)).collect(),
            file,
            faults,
        }
    }

    /// The environment of this process and `.env` in its working directory.
    pub fn from_process(tables: &[Table]) -> Self {
        Self::new(tables, std::env::vars_os(), dotenv::load())
    }

    /// Puts flags (by the name of their variable) above what is there.
    #[must_use]
    pub fn with_flags(mut self, flags: impl IntoIterator<Item = (String, OsString)>) -> Self {
        self.flags.extend(flags);
        self
    }

    /// What the strongest source says about `setting`: nothing where none names it, or that one leaves it empty.
    pub(super) fn find(&self, setting: &Setting) -> Result<Option<Given>, Fault> {
        let names: Vec<String> = setting.names().collect();
        let flags =
            names.iter().filter_map(|n| Some((n, format!("--{}", flag(n)), self.flags.get(n)?.clone())));
        let env = names.iter().filter_map(|n| Some((n, n.clone(), self.environment.get(n)?.clone())));
        let file = names.iter().filter_map(|n| {
            let line = self.file.get(n)?;
            Some((n, format!("{n} (.env line {})", line.number), line.value.clone().into()))
        });
        let by_strength: [Vec<(&String, String, OsString)>; 3] =
            [flags.collect(), env.collect(), file.collect()];
        for (strength, found) in by_strength.into_iter().enumerate() {
            let named = !found.is_empty();
            let mut given = Vec::new();
            for (name, origin, value) in found {
                let text = value
                    .into_string()
                    .map_err(|_| Fault::new(&origin, "is not UTF-8", "write it in plain characters"))?;
                let in_file = setting.is_secret() && *name == setting.file_name();
                let unset = text.trim().is_empty() || (strength == 1 && only_a_comment(&text));
                if !unset {
                    let (by_flag, raw) = (strength == 0, strength == 1);
                    given.push(Given { origin, text, by_flag, raw, in_file });
                }
            }
            if let [first, second, ..] = &given[..]
                && (first.in_file != second.in_file || first.text != second.text)
            {
                let problem = format!("is set beside {}", second.origin);
                return Err(Fault::new(&first.origin, problem, "keep one of the two"));
            }
            if named {
                return Ok(given.into_iter().next());
            }
        }
        Ok(None)
    }
}

/// ` # so`, `# so` and `#`, but not `#so`, which may well be a password.
fn only_a_comment(text: &str) -> bool {
    let trimmed = text.trim_start();
    trimmed.strip_prefix('#').is_some_and(|rest| {
        trimmed.len() < text.len() || rest.is_empty() || rest.starts_with(char::is_whitespace)
    })
}
