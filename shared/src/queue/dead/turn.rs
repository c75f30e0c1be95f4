//! Moves many dead letters: goes once through all of them, from the oldest on.

use std::time::Duration;

use bytes::Bytes;
use fred::types::{Key, Value};
use sha1::{Digest as _, Sha1};

use super::super::{Queue, QueueError};
use super::scan::{Order, stretch};
use super::{DeadAction, DeadLetter, Selector, Stopped};
use crate::keys::Lane;
use crate::script::{self, DEAD_TURN};
use crate::worker::start_id;

/// For how long a turn keeps others out after each of its steps. Whoever comes later finishes it.
const KEEP: Duration = Duration::from_secs(10);

/// Letters turned by one step, which holds Redis for 3 ms where many of them are chosen.
const MOST: usize = 250;

/// How often a step is tried whose answer was lost, a quarter of a second apart.
const TRIES: u32 = 20;

/// One turn of the list.
struct Turn<'a> {
    queue: &'a Queue,
    owner: String,
    /// As the script said last; -1 before the turn has begun.
    left: i64,
    next: usize,
}

enum Step {
    /// Done, so many letters turned.
    Turned,
    /// The list is not as it was read.
    Moved,
    /// The rest of somebody's turn is ours.
    Adopted,
}

impl Queue {
    /// Moves the dead letters that `selector` means, the oldest first, each whole or not at all, out of those that are
    /// there when it begins. `progress` is told how many were looked at, and how many there are to look at. Gives how
    /// many were moved.
    ///
    /// # Errors
    ///
    /// [`Stopped`], with how many were moved: [`QueueError::Busy`] while somebody else does the same,
    /// [`QueueError::Redis`] where Redis stays away. Safe to call again; the order of those that stay is put right then.
    pub async fn move_dead(
        &self,
        selector: &Selector,
        action: DeadAction,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<u64, Stopped> {
        let mut moved = 0;
        self.turn(selector, action, &mut moved, &mut progress)
            .await
            .map_err(|error| Stopped { moved, error })?;
        Ok(moved)
    }

    /// Finishes a turn that was broken off, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Queue::move_dead`].
    pub(super) async fn finish_turn(&self) -> Result<(), QueueError> {
        let nothing = Selector { limit: Some(0), ..Selector::default() };
        self.turn(&nothing, DeadAction::Requeue, &mut 0, &mut |_, _| {}).await
    }

    async fn turn(
        &self,
        selector: &Selector,
        action: DeadAction,
        moved: &mut u64,
        progress: &mut impl FnMut(u64, u64),
    ) -> Result<(), QueueError> {
        let limit = selector.limit.unwrap_or(u64::MAX);
        let mut turn = Turn { queue: self, owner: start_id(), left: -1, next: 16 };
        let (mut adopted, mut looked_at) = (false, 0);
        loop {
            let count = usize::try_from(turn.left).map_or(turn.next, |left| turn.next.min(left));
            let entries = self.dead_stretch(Order::Oldest, 0, count).await?;
            turn.next = stretch(&entries).min(MOST);
            let letters: Vec<DeadLetter> = entries.into_iter().map(DeadLetter::read).collect();
            let room = if adopted { 0 } else { limit - *moved };
            let chosen = letters.iter().enumerate().filter(|(_, letter)| selector.matches(letter));
            let chosen: Vec<_> = chosen.take(usize::try_from(room).unwrap_or(usize::MAX)).collect();
            match turn.step(&letters, &chosen, action).await? {
                Step::Turned => {
                    *moved += chosen.len() as u64;
                    looked_at += letters.len() as u64;
                    progress(looked_at, looked_at + turn.left.unsigned_abs());
                }
                Step::Moved => {}
                Step::Adopted => adopted = true,
            }
            if turn.left == 0 {
                if !adopted {
                    return Ok(());
                }
                (adopted, looked_at, turn.left) = (false, 0, -1);
            }
        }
    }
}

impl Turn<'_> {
    /// Turns `letters`, the oldest first, of which those `chosen` leave. Tried until it is answered, as long as there
    /// is hope.
    async fn step(
        &mut self,
        letters: &[DeadLetter],
        chosen: &[(usize, &DeadLetter)],
        action: DeadAction,
    ) -> Result<Step, QueueError> {
        let mut tries = 0;
        let (word, number) = loop {
            tries += 1;
            let (keys, args) = self.call(letters, chosen, action);
            match script::run(&self.queue.link, &DEAD_TURN, keys, args).await {
                Ok(Value::Array(answer)) => {
                    let mut answer = answer.into_iter();
                    let word = answer.next().map(script::into_text).unwrap_or_default();
                    break (word, answer.next().and_then(|number| number.as_i64()).unwrap_or(0));
                }
                Ok(_) => {
                    return Err(QueueError::Redis("dead_turn.lua answered in an unknown shape".to_owned()));
                }
                Err(error) if tries == TRIES || !crate::link::breaks_connection(&error) => {
                    return Err(error.into());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(250)).await,
            }
        };
        if word == "busy" {
            return Err(QueueError::Busy(number));
        }
        let before = std::mem::replace(&mut self.left, number);
        // The lost answer was that of a step that was done.
        let done = tries > 1 && number != before;
        Ok(match word.as_str() {
            "turned" => Step::Turned,
            "moved" if done => Step::Turned,
            "adopted" => Step::Adopted,
            _ => Step::Moved,
        })
    }

    fn call(
        &self,
        letters: &[DeadLetter],
        chosen: &[(usize, &DeadLetter)],
        action: DeadAction,
    ) -> (Vec<Key>, Vec<Value>) {
        let (keys, settings) = (&self.queue.keys, self.queue.client.settings());
        let mut names: Vec<Key> =
            [&keys.dead_letter, &keys.control, &keys.high, &keys.pending, &keys.low].map(Clone::clone).into();
        let last = letters.last().map_or_else(Bytes::new, |letter| letter.bytes.clone());
        let mut args: Vec<Value> = vec![
            self.owner.as_str().into(),
            (KEEP.as_millis() as i64).into(),
            self.left.into(),
            (letters.len() as i64).into(),
            sha1(&last).into(),
            (settings.completed_retention.as_millis() as i64).into(),
        ];
        for (index, letter) in chosen {
            let (to, status) = match action {
                DeadAction::Requeue => (Lane::letter(letter.lane), letter.status(keys)),
                DeadAction::Purge => ("x", None),
            };
            let has_id = i64::from(status.is_some());
            names.extend(status);
            args.extend([(*index as i64 + 1).into(), sha1(&letter.bytes).into(), to.into(), has_id.into()]);
        }
        (names, args)
    }
}

/// As Redis computes it.
fn sha1(bytes: &Bytes) -> String {
    format!("{:x}", Sha1::digest(bytes))
}
