//! Puts exported messages back, and knows after a crash how far it came.

use bytes::Bytes;
use data_encoding::HEXLOWER;
use fred::interfaces::HashesInterface;
use fred::types::{Key, Value};
use sha2::{Digest as _, Sha256};

use super::super::{Queue, QueueError};
use super::line::{Entry, Line};
use crate::message::Head;
use crate::script::{self, IMPORT};

/// Messages put in by one call.
const BATCH: usize = 200;

/// Bytes put in by one call, where it is more than one message.
const BATCH_BYTES: usize = 1 << 20;

/// What an import came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Messages that this import put in.
    pub messages: u64,
    /// Messages that an earlier import of the same lines, which was broken off, had put in.
    pub before: u64,
    /// Messages in hand or delayed that were there already, by their names.
    pub known: u64,
    /// The export says of itself that nothing moved while it was made.
    pub exact: bool,
}

/// Why an import stopped. What was put in stays, marked, and the same lines given again go on behind it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A line cannot be used.
    #[error("line {number}: {problem}")]
    Line {
        /// From 1.
        number: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The lines end before the last line of an export.
    #[error("the lines end after {0}, without the last line of an export: it was cut short")]
    Short(u64),
    /// Other lines were imported before, and not to their end.
    #[error("an import of other lines was broken off after {0} messages")]
    Other(u64),
    /// The mark was changed meanwhile: somebody else imports into this queue, or took the mark off.
    #[error("the mark of this import was changed by somebody else after {0} messages")]
    Overtaken(u64),
    /// Redis did not answer, or refused.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// An import under way: takes a line at a time.
pub struct Import<'a> {
    queue: &'a Queue,
    /// The mark in Redis, empty where there is none.
    mark: String,
    /// Messages that an earlier import put in, as its mark says.
    skip: u64,
    /// Lines taken, of which `entries` were messages.
    lines: u64,
    entries: u64,
    /// Of all messages taken.
    hash: Sha256,
    batch: Vec<Entry>,
    done: Imported,
    ended: bool,
}

impl Queue {
    /// Begins an import, or goes on with one that was broken off, and makes the queue known.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; no message was touched.
    pub async fn import(&self) -> Result<Import<'_>, QueueError> {
        self.known_layout_at_last().await?;
        self.client.register(&self.name).await?;
        let live = self.link.client().await?;
        let mark = live.client.hget(self.keys.control.clone(), "import").await;
        let mark = self.link.checked::<Option<String>>(&live, mark)?.unwrap_or_default();
        let skip = mark.split(':').next().and_then(|count| count.parse().ok()).unwrap_or(0);
        Ok(Import {
            queue: self,
            mark,
            skip,
            lines: 0,
            entries: 0,
            hash: Sha256::new(),
            batch: Vec::new(),
            done: Imported::default(),
            ended: false,
        })
    }
}

impl Queue {
    /// Takes off the mark of an import that was broken off: what it put in stays, and nobody goes on with it. False
    /// where there was none.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; it may be off all the same. Safe to call again.
    pub async fn forget_import(&self) -> Result<bool, QueueError> {
        self.known_layout_at_last().await?;
        let live = self.link.client().await?;
        let gone = live.client.hdel::<i64, _, _>(self.keys.control.clone(), "import").await;
        Ok(self.link.checked(&live, gone)? > 0)
    }
}

impl Import<'_> {
    /// An import was broken off, and this one goes on with it.
    pub fn goes_on(&self) -> bool {
        !self.mark.is_empty()
    }

    /// How many messages were taken.
    pub fn taken(&self) -> u64 {
        self.entries
    }

    /// Takes the next line. Those that a broken off import has put in are only compared.
    ///
    /// # Errors
    ///
    /// [`ImportError`].
    pub async fn line(&mut self, text: &[u8]) -> Result<(), ImportError> {
        self.lines += 1;
        let fault = |problem: String| ImportError::Line { number: self.lines, problem };
        let line = Line::read(text).map_err(fault)?;
        match line {
            _ if self.ended => Err(fault("there is more after the last line of the export".to_owned())),
            Line::Head { queue } if self.lines == 1 && queue == self.queue.name => Ok(()),
            Line::Head { queue } if self.lines == 1 => {
                Err(fault(format!("this is an export of `{queue}`, not of `{}`", self.queue.name)))
            }
            _ if self.lines == 1 => Err(fault("not the first line of an export".to_owned())),
            Line::Head { .. } => Err(fault("a second export begins here".to_owned())),
            Line::End { messages, .. } if messages != self.entries => {
                let problem = format!("the export has {messages} messages, and {} were read", self.entries);
                Err(fault(problem))
            }
            Line::End { exact, .. } => {
                (self.ended, self.done.exact) = (true, exact);
                Ok(())
            }
            Line::Entry(entry) => self.entry(entry, text).await,
        }
    }

    async fn entry(&mut self, entry: Entry, text: &[u8]) -> Result<(), ImportError> {
        self.entries += 1;
        self.hash.update(text);
        self.hash.update(b"\n");
        if self.skip == 0 && self.goes_on() && self.done.messages == 0 && self.batch.is_empty() {
            return Err(ImportError::Other(0));
        }
        if self.entries <= self.skip {
            if self.entries == self.skip {
                if self.mark_here() != self.mark {
                    return Err(ImportError::Other(self.skip));
                }
                self.done.before = self.skip;
            }
            return Ok(());
        }
        let size: usize = self.batch.iter().map(|entry| entry.bytes.len()).sum();
        self.batch.push(entry);
        if self.batch.len() == BATCH || size >= BATCH_BYTES {
            let mark = self.mark_here();
            self.put(mark).await?;
        }
        Ok(())
    }

    /// Puts in what is left, and takes the mark off.
    ///
    /// # Errors
    ///
    /// [`ImportError::Short`] where the last line of an export has not come: what came is put in, and marked.
    pub async fn finish(mut self) -> Result<Imported, ImportError> {
        // A mark that nobody can read leads nowhere.
        if self.entries < self.skip || (self.skip == 0 && self.goes_on() && self.done.messages == 0) {
            return Err(ImportError::Other(self.skip));
        }
        // Never together with the mark's end: a repetition would find no mark, as at the start.
        if !self.batch.is_empty() {
            let mark = self.mark_here();
            self.put(mark).await?;
        }
        if !self.ended {
            return Err(ImportError::Short(self.lines));
        }
        self.put(String::new()).await?;
        Ok(self.done)
    }

    /// `<messages>:<SHA-256 of their lines>`
    fn mark_here(&self) -> String {
        format!("{}:{}", self.entries, HEXLOWER.encode(&self.hash.clone().finalize()))
    }

    async fn put(&mut self, after: String) -> Result<(), ImportError> {
        let batch = std::mem::take(&mut self.batch);
        let count = batch.len() as u64;
        let (keys, args) = call(self.queue, &self.mark, &after, batch);
        let Value::Array(answer) =
            script::run_some_times(&self.queue.link, &IMPORT, keys, args).await.map_err(QueueError::from)?
        else {
            return Err(QueueError::Redis("import.lua answered in an unknown shape".to_owned()).into());
        };
        let mut answer = answer.into_iter();
        let mark = answer.next().map(script::into_text).unwrap_or_default();
        let known = answer.next().and_then(|known| known.as_u64()).unwrap_or(0);
        // After a lost answer the mark shows that the call was done.
        if mark != after {
            return Err(ImportError::Overtaken(self.done.before + self.done.messages));
        }
        self.done.messages += count - known;
        self.done.known += known;
        self.mark = after;
        Ok(())
    }
}

fn call(queue: &Queue, before: &str, after: &str, batch: Vec<Entry>) -> (Vec<Key>, Vec<Value>) {
    let keys = &queue.keys;
    let mut names = keys.of_messages();
    names.extend([keys.dead_letter.clone(), keys.control.clone()]);
    let mut args: Vec<Value> = vec![before.into(), after.into(), queue.retention()];
    for Entry { place, name, score, bytes } in batch {
        let id = own_id(&bytes);
        names.extend(id.as_deref().map(|id| keys.status(id)));
        let has_id = i64::from(id.is_some());
        args.extend([
            place.name().into(),
            name.into(),
            score.to_string().into(),
            Value::Bytes(bytes),
            has_id.into(),
        ]);
    }
    (names, args)
}

/// The id whose status says where the message is: none for the rest of a message that others got.
fn own_id(bytes: &Bytes) -> Option<Box<str>> {
    let head = Head::read(bytes, usize::MAX).ok()?;
    let part = head.record.as_ref().is_some_and(|record| record.recipients.is_some() && !record.keeps_id);
    head.id.filter(|_| !part)
}
