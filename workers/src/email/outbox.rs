//! The folder that `EMAIL_TRANSPORT=file` writes to, one `.eml` file a message.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use redispatch::config::Fault;
use redispatch::{Failure, Outcome, Receipt};
use sha2::{Digest as _, Sha256};
use tempfile::{Builder, NamedTempFile};

use super::compose::Mail;

/// As any new file: the umask takes away what the user does not want.
const MODE: u32 = 0o666;

/// Most of a Message-ID that goes into a file's name, in bytes.
const READABLE: usize = 100;

/// The folder. Its files are whole whenever they are there.
#[derive(Clone)]
pub(super) struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    /// Makes the folder where there is none, and tries to write to it.
    ///
    /// # Errors
    ///
    /// It cannot be made or written.
    pub(super) fn open(folder: PathBuf) -> Result<Self, Fault> {
        let outbox = Self { folder };
        let tried = std::fs::create_dir_all(&outbox.folder).and_then(|()| outbox.new_file());
        tried.map(|_| outbox.clone()).map_err(|error| {
            let problem = format!("`{}` cannot be written: {error}", outbox.folder.display());
            Fault::new("EMAIL_OUTBOX_DIR", problem, "name a folder that this user may write to")
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the mail under a name of its own. Another attempt at the same mail replaces its file.
    pub(super) async fn send(&self, mail: Mail) -> Outcome {
        let outbox = self.clone();
        let written = tokio::task::spawn_blocking(move || outbox.write(&mail)).await;
        match written.map_err(io::Error::other).flatten() {
            Ok(name) => Outcome::Sent(Receipt {
                provider_id: Some(name),
                provider: Some("file"),
                ..Default::default()
            }),
            // Whatever it is, it is the folder's fault and not this mail's.
            Err(error) => {
                let error = format!("EMAIL_OUTBOX_DIR `{}`: {error}", self.folder.display());
                Outcome::Config(Failure::new(error).by("file"))
            }
        }
    }

    fn write(&self, mail: &Mail) -> io::Result<String> {
        let name = name(mail);
        let mut file = self.new_file()?;
        file.write_all(envelope(mail).as_bytes())?;
        file.write_all(&mail.data)?;
        file.persist(self.folder.join(&name)).map_err(|error| error.error)?;
        Ok(name)
    }

    /// A file without a final name; it goes away unless it is given one.
    fn new_file(&self) -> io::Result<NamedTempFile> {
        let mut builder = Builder::new();
        builder.prefix(".").suffix(".tmp").permissions(Permissions::from_mode(MODE)).tempfile_in(&self.folder)
    }
}

/// Message-ID and a hash of it with the recipients, since the rest of a mail some of whose recipients were refused
/// has the same Message-ID, and some folders do not tell `a` from `A`.
fn name(mail: &Mail) -> String {
    let id = mail.message_id.trim_matches(['<', '>']);
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.%@".contains(c) { c } else { '_' };
    let readable: String = id.chars().map(plain).take(READABLE).collect();
    let mut hash = Sha256::new_with_prefix(&mail.message_id);
    for recipient in &mail.recipients {
        hash.update("\n");
        hash.update(recipient.to_string());
    }
    let hash = HEXLOWER.encode(&hash.finalize()[..8]);
    format!("{readable}-{hash}.eml")
}

/// What an SMTP server would have been told: who sends it, and everybody who gets it, `bcc` included.
fn envelope(mail: &Mail) -> String {
    let mut lines = format!("X-Envelope-From: {}\r\n", mail.from);
    for recipient in &mail.recipients {
        let _ = write!(lines, "X-Envelope-To: {recipient}\r\n");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(id: &str, recipients: &[&str]) -> Mail {
        Mail {
            from: "sender@example.com".parse().unwrap(),
            recipients: recipients.iter().map(|text| text.parse().unwrap()).collect(),
            data: b"Subject: x\r\n\r\nx\r\n".to_vec(),
            needs_smtputf8: false,
            eight_bit: false,
            message_id: format!("<{id}@example.com>"),
            from_is_default: true,
        }
    }

    fn files(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn the_same_mail_replaces_its_file_and_another_never_does() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path().join("a/b")).unwrap();
        let long = "%2F".repeat(128);
        let mails = [
            mail("A", &["a@example.com"]),
            mail("a", &["a@example.com"]),
            mail("a", &["b@example.com", "c@example.com"]),
            mail(&format!("{long}1"), &["a@example.com"]),
            mail(&format!("{long}2"), &["a@example.com"]),
        ];
        for _ in 0..2 {
            for mail in &mails {
                let outcome = outbox.send(mail.clone()).await;
                assert!(matches!(outcome, Outcome::Sent(_)), "{outcome:?}");
            }
        }
        let names = files(outbox.folder());
        assert_eq!(names.len(), mails.len(), "{names:?}");
        assert!(names.iter().all(|name| name.ends_with(".eml") && name.len() < 200), "{names:?}");
        let text = std::fs::read_to_string(outbox.folder().join(name(&mails[2]))).unwrap();
        assert_eq!(
            text,
            "X-Envelope-From: sender@example.com\r\nX-Envelope-To: b@example.com\r\n\
             X-Envelope-To: c@example.com\r\nSubject: x\r\n\r\nx\r\n"
        );
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_a_matter_of_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(folder.path().join("gone")).unwrap();
        std::fs::remove_dir_all(outbox.folder()).unwrap();
        let outcome = outbox.send(mail("a", &["a@example.com"])).await;
        assert!(matches!(&outcome, Outcome::Config(failure) if failure.error.contains("EMAIL_OUTBOX_DIR")));
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let fault = Outbox::open(file).err().unwrap();
        assert_eq!(fault.name, "EMAIL_OUTBOX_DIR");
    }
}
