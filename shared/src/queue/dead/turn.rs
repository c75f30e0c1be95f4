//! Moves many dead letters: goes once through all of them, from the oldest on.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use fred::interfaces::HashesInterface;
use fred::types::{Key, Value};
use sha1::{Digest as _, Sha1};

use super::super::{Queue, QueueError};
use super::scan::{FIRST, Order, stretch};
use super::{DeadAction, DeadLetter, Progress, Selector, Stopped};
use crate::keys::Lane;
use crate::script::{self, DEAD_TURN};
use crate::worker::start_id;

/// For how long a turn keeps others out after each of its steps. Whoever comes later finishes it.
const KEEP: Duration = Duration::from_secs(10);

/// Bytes and letters turned by one step, which holds Redis for a few milliseconds where many of them are chosen. A
/// single letter may be larger.
const STRETCH: (usize, usize) = (128 << 10, 250);

/// One turn of the list.
struct Turn<'a> {
    queue: &'a Queue,
    owner: String,
    /// Steps that were done.
    steps: i64,
    /// How many letters are still to be turned.
    left: u64,
}

enum Step {
    /// Done: these letters were turned.
    Turned,
    /// The list is not as it was read.
    Moved,
    /// There is no such turn any more.
    Lost,
}

impl Queue {
    /// Moves the dead letters that `selector` means, the oldest first, each whole or not at all, out of those that are
    /// there when it begins. `progress` is told at the begin and after each step how far that is; after its
    /// [`ControlFlow::Break`] none is moved any more, and the others are put in their old order. Gives how many were
    /// moved. A future that is dropped leaves them to [`Queue::mend_dead`].
    ///
    /// # Errors
    ///
    /// [`Stopped`], with how many were moved: [`QueueError::Busy`] while somebody else does the same,
    /// [`QueueError::Redis`] where Redis stays away. Safe to call again; the order of those that stay is put right then.
    pub async fn move_dead(
        &self,
        selector: &Selector,
        action: DeadAction,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<u64, Stopped> {
        let mut moved = 0;
        self.known_layout_at_last().await.map_err(|error| Stopped { moved, begun: false, error })?;
        let mut turn = self.begin_turn().await.map_err(|error| Stopped { moved, begun: false, error })?;
        let done = turn.round(selector, action, &mut moved, &mut progress).await;
        done.map_err(|error| Stopped { moved, begun: true, error })?;
        Ok(moved)
    }

    /// Whether somebody moves many dead letters, or was broken off half way: [`Queue::mend_dead`] tells, and puts it
    /// right.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn dead_are_moved(&self) -> Result<bool, QueueError> {
        let live = self.link.client().await?;
        let turn = live.client.hget(self.keys.control.clone(), "dead_turn").await;
        let turn: Option<String> = self.link.checked(&live, turn)?;
        // How many are still to be turned is the last but one.
        Ok(turn.is_some_and(|turn| turn.rsplit(':').nth(1).is_some_and(|left| left != "0")))
    }

    /// Puts the dead letters in their old order where somebody who moved many of them was broken off half way.
    ///
    /// # Errors
    ///
    /// [`QueueError::Busy`] while somebody is at work, [`QueueError::Redis`]. Safe to call again.
    pub async fn mend_dead(&self) -> Result<(), QueueError> {
        self.begin_turn().await.map(drop)
    }

    /// A turn of one's own, once that of somebody who died is finished.
    async fn begin_turn(&self) -> Result<Turn<'_>, QueueError> {
        let nobody = Selector { limit: Some(0), ..Selector::default() };
        let mut turn = Turn { queue: self, owner: start_id(), steps: 0, left: 0 };
        while turn.begin().await? {
            turn.round(&nobody, DeadAction::Requeue, &mut 0, &mut |_| ControlFlow::Continue(())).await?;
        }
        Ok(turn)
    }
}

impl Turn<'_> {
    /// Looks who turns the list. True where somebody's turn was broken off and is this one now.
    async fn begin(&mut self) -> Result<bool, QueueError> {
        self.steps = 0;
        let (keys, args) = self.call(0, &[], &[], DeadAction::Requeue);
        let (word, left) = answer(script::run(&self.queue.link, &DEAD_TURN, keys, args).await?)?;
        self.left = left.unsigned_abs();
        Ok(word == "adopted")
    }

    /// Turns what is left to be turned.
    async fn round(
        &mut self,
        selector: &Selector,
        action: DeadAction,
        moved: &mut u64,
        progress: &mut impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), QueueError> {
        let mut limit = selector.limit.unwrap_or(u64::MAX);
        let (mut next, mut looked_at) = (FIRST, 0);
        loop {
            let so_far = Progress { moved: *moved, looked_at, total: looked_at + self.left };
            if progress(so_far).is_break() {
                limit = *moved;
            }
            if self.left == 0 {
                break;
            }
            let count = next.min(usize::try_from(self.left).unwrap_or(usize::MAX));
            let entries = self.queue.dead_stretch(Order::Oldest, 0, count).await?;
            if entries.is_empty() {
                break;
            }
            next = stretch(&entries, STRETCH);
            let count = fitting(&entries);
            let letters: Vec<DeadLetter> = entries.into_iter().take(count).map(DeadLetter::read).collect();
            let room = usize::try_from(limit - *moved).unwrap_or(usize::MAX);
            let chosen = letters.iter().enumerate().filter(|(_, letter)| selector.matches(letter));
            let chosen: Vec<_> = chosen.take(room).collect();
            match self.step(&letters, &chosen, action).await? {
                Step::Turned => {
                    *moved += chosen.len() as u64;
                    looked_at += letters.len() as u64;
                }
                Step::Moved => {}
                Step::Lost => return Err(QueueError::Busy(0)),
            }
        }
        self.ask(self.steps + 1, &[], &[], action).await?;
        Ok(())
    }

    /// Turns `letters`, the oldest first, of which those `chosen` leave.
    async fn step(
        &mut self,
        letters: &[DeadLetter],
        chosen: &[(usize, &DeadLetter)],
        action: DeadAction,
    ) -> Result<Step, QueueError> {
        let (word, left) = self.ask(self.steps + 1, letters, chosen, action).await?;
        self.left = left.unsigned_abs();
        Ok(match word.as_str() {
            "turned" => {
                self.steps += 1;
                Step::Turned
            }
            "lost" => Step::Lost,
            _ => Step::Moved,
        })
    }

    /// Asks until there is an answer, as long as there is hope: the script knows a step that it has done.
    async fn ask(
        &self,
        step: i64,
        letters: &[DeadLetter],
        chosen: &[(usize, &DeadLetter)],
        action: DeadAction,
    ) -> Result<(String, i64), QueueError> {
        let (keys, args) = self.call(step, letters, chosen, action);
        answer(script::run_some_times(&self.queue.link, &DEAD_TURN, keys, args).await?)
    }

    fn call(
        &self,
        step: i64,
        letters: &[DeadLetter],
        chosen: &[(usize, &DeadLetter)],
        action: DeadAction,
    ) -> (Vec<Key>, Vec<Value>) {
        let keys = &self.queue.keys;
        let mut names: Vec<Key> =
            [&keys.dead_letter, &keys.control, &keys.high, &keys.pending, &keys.low, &keys.counters]
                .map(Clone::clone)
                .into();
        let last = letters.last().map_or_else(Bytes::new, |letter| letter.bytes.clone());
        let mut args: Vec<Value> = vec![
            self.owner.as_str().into(),
            (KEEP.as_millis() as i64).into(),
            step.into(),
            (letters.len() as i64).into(),
            fingerprint(&last).into(),
            self.queue.retention(),
        ];
        for (index, letter) in chosen {
            let (to, status) = match action {
                DeadAction::Requeue => (Lane::letter(letter.lane), letter.status(keys)),
                DeadAction::Purge => ("x", None),
            };
            let has_id = i64::from(status.is_some());
            names.extend(status);
            args.extend([
                (*index as i64 + 1).into(),
                fingerprint(&letter.bytes).into(),
                to.into(),
                has_id.into(),
            ]);
        }
        (names, args)
    }
}

/// The word and the number of an answer.
fn answer(value: Value) -> Result<(String, i64), QueueError> {
    let Value::Array(answer) = value else {
        return Err(QueueError::Redis("dead_turn.lua answered in an unknown shape".to_owned()));
    };
    let mut answer = answer.into_iter();
    let word = answer.next().map(script::into_text).unwrap_or_default();
    let number = answer.next().and_then(|number| number.as_i64()).unwrap_or(0);
    if word == "busy" { Err(QueueError::Busy(number)) } else { Ok((word, number)) }
}

/// How many of them one step can bear: one at least. The others are read again.
fn fitting(entries: &[Bytes]) -> usize {
    let mut size = 0;
    let fits = |bytes: &&Bytes| {
        size += bytes.len();
        size <= STRETCH.0
    };
    entries.iter().take_while(fits).count().max(1)
}

/// What tells letters apart, as `dead_turn.lua` computes it, without reading all of a large one.
fn fingerprint(bytes: &Bytes) -> String {
    let (head, tail) = (&bytes[..bytes.len().min(4096)], &bytes[bytes.len().saturating_sub(4096)..]);
    let hash = Sha1::new().chain_update(format!("{}:", bytes.len())).chain_update(head).chain_update(tail);
    format!("{:x}", hash.finalize())
}
