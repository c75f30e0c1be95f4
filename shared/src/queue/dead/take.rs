//! Moves dead letters one at a time, at a chosen pace, and mends one in its place.

use std::time::Duration;

use bytes::Bytes;
use fred::interfaces::HashesInterface;
use fred::types::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::{Queue, QueueError};
use super::scan::{FIRST, Order, stretch};
use super::{DeadAction, DeadLetter, Selector, Stopped};
use crate::script::{self, DEAD_TAKE};
use crate::worker::start_id;

/// How often a place is looked for anew that has moved, without one letter taken in between.
const TRIES: u32 = 100;

/// Bytes and letters read at a time.
const STRETCH: (usize, usize) = (512 << 10, 500);

enum Taken {
    Taken,
    Moved,
}

impl Queue {
    /// Moves the dead letters that `selector` means, the oldest first, each whole or not at all, no more than
    /// `per_second` of them in a second. `progress` is told after each how many were moved.
    ///
    /// # Errors
    ///
    /// As [`Queue::move_dead`].
    pub async fn move_dead_slowly(
        &self,
        selector: &Selector,
        action: DeadAction,
        per_second: f64,
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Stopped> {
        let mut moved = 0;
        self.known_layout_at_last().await.map_err(|error| Stopped { moved, begun: false, error })?;
        let pace = Duration::from_secs_f64(1.0 / per_second.max(0.000_1));
        // What is dead-lettered from here on is not meant.
        let there = self.dead_letters(Order::Oldest).await;
        let total = there.map_err(|error| Stopped { moved, begun: false, error })?.total;
        let ended = self.take_all(selector, action, (pace, total), &mut moved, &mut progress).await;
        self.forget_taken().await;
        ended.map_err(|error| Stopped { moved, begun: true, error })?;
        Ok(moved)
    }

    async fn take_all(
        &self,
        selector: &Selector,
        action: DeadAction,
        (pace, total): (Duration, u64),
        moved: &mut u64,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), QueueError> {
        let limit = selector.limit.unwrap_or(u64::MAX);
        let (mut kept, mut next, mut tries) = (0, FIRST, 0);
        let mut turn = Instant::now();
        while *moved < limit && kept + *moved < total {
            let rest = usize::try_from(total - kept - *moved).unwrap_or(usize::MAX);
            let entries = self.dead_stretch(Order::Oldest, kept as i64, next.min(rest)).await?;
            if entries.is_empty() {
                break;
            }
            next = stretch(&entries, STRETCH);
            for letter in entries.into_iter().map(DeadLetter::read) {
                if !selector.matches(&letter) {
                    kept += 1;
                    continue;
                }
                if *moved == limit {
                    break;
                }
                sleep_until(turn).await;
                turn = Instant::now().max(turn + pace);
                if let Taken::Moved = self.take(&letter, kept + 1, action, None).await? {
                    tries += 1;
                    if tries == TRIES {
                        return Err(QueueError::Redis("the dead letters move too fast".to_owned()));
                    }
                    kept = 0;
                    break;
                }
                tries = 0;
                *moved += 1;
                progress(*moved);
            }
        }
        Ok(())
    }

    /// Puts `edited` in place of the dead letter `letter`. False where it is there no more.
    ///
    /// # Errors
    ///
    /// [`QueueError::Busy`], [`QueueError::Redis`]; with the latter it may be done all the same.
    pub async fn edit_dead(&self, letter: &DeadLetter, edited: Bytes) -> Result<bool, QueueError> {
        self.known_layout_at_last().await?;
        self.take_one(letter, Some(&edited)).await
    }

    /// Puts the dead letter `letter`, of these very bytes, to the end of its lane. False where it is there no more.
    ///
    /// # Errors
    ///
    /// As [`Queue::edit_dead`].
    pub async fn requeue_dead(&self, letter: &DeadLetter) -> Result<bool, QueueError> {
        self.known_layout_at_last().await?;
        self.take_one(letter, None).await
    }

    async fn take_one(&self, letter: &DeadLetter, edited: Option<&Bytes>) -> Result<bool, QueueError> {
        for _ in 0..TRIES {
            let mut scan = self.dead_letters(Order::Oldest).await?;
            let mut place = None;
            while place.is_none() {
                let before = scan.looked_at();
                let letters = scan.next().await?;
                if letters.is_empty() {
                    return Ok(false);
                }
                let found = letters.iter().position(|other| other.bytes == letter.bytes);
                place = found.map(|index| before + index as u64 + 1);
            }
            if let Some(place) = place
                && let Taken::Taken = self.take(letter, place, DeadAction::Requeue, edited).await?
            {
                self.forget_taken().await;
                return Ok(true);
            }
        }
        Err(QueueError::Redis("the dead letters move too fast".to_owned()))
    }

    /// Takes the mark of the last letter off, which is needed no more; one that stays harms nobody.
    async fn forget_taken(&self) {
        if let Ok(live) = self.link.client().await {
            let gone = live.client.hdel::<i64, _, _>(self.keys.control.clone(), "dead_taken").await;
            let _ = self.link.checked(&live, gone);
        }
    }

    /// Takes the letter at `place` (1 for the oldest), or puts `edited` there, once nobody turns the list.
    async fn take(
        &self,
        letter: &DeadLetter,
        place: u64,
        action: DeadAction,
        edited: Option<&Bytes>,
    ) -> Result<Taken, QueueError> {
        let keys = &self.keys;
        let word = match (action, edited) {
            (_, Some(_)) => "edit",
            (DeadAction::Requeue, None) => "requeue",
            (DeadAction::Purge, None) => "purge",
        };
        let mark = start_id();
        loop {
            let mut names =
                vec![keys.dead_letter.clone(), keys.lane(letter.lane).clone(), keys.control.clone()];
            names.extend(letter.status(keys));
            let args: Vec<Value> = vec![
                mark.as_str().into(),
                (place as i64).into(),
                Value::Bytes(letter.bytes.clone()),
                word.into(),
                Value::Bytes(edited.cloned().unwrap_or_default()),
                self.retention(),
            ];
            match script::into_text(script::run_some_times(&self.link, &DEAD_TAKE, names, args).await?)
                .as_str()
            {
                "taken" => return Ok(Taken::Taken),
                "moved" => return Ok(Taken::Moved),
                _ => {}
            }
            match self.finish_turn().await {
                Err(QueueError::Busy(_)) => sleep(Duration::from_millis(500)).await,
                other => other?,
            }
        }
    }
}
