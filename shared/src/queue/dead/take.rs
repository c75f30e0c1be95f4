//! Moves dead letters one at a time, at a chosen pace, and mends one in its place.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use fred::interfaces::HashesInterface;
use fred::types::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::{Queue, QueueError};
use super::scan::{FIRST, Order, stretch};
use super::{DeadAction, DeadLetter, Progress, Selector, Stopped};
use crate::script::{self, DEAD_TAKE};
use crate::worker::start_id;

/// How often a place is looked for anew that has moved, without one letter taken in between.
const TRIES: u32 = 100;

/// Bytes and letters read at a time.
const STRETCH: (usize, usize) = (512 << 10, 500);

/// How far from the place that it was read at a letter is looked for first.
const NEAR: u64 = 250;

enum Take {
    Done,
    Moved,
    /// Somebody turns the list.
    Busy,
}

impl Queue {
    /// Moves the dead letters that `selector` means, the oldest first, each whole or not at all, no more than
    /// `per_second` of them in a second. `progress` is told at the begin and after each; [`ControlFlow::Break`] ends it.
    /// A future that is dropped may have moved one more than it told.
    ///
    /// # Errors
    ///
    /// As [`Queue::move_dead`]; who begins to move many meanwhile is waited for.
    pub async fn move_dead_slowly(
        &self,
        selector: &Selector,
        action: DeadAction,
        per_second: f64,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<u64, Stopped> {
        let mut moved = 0;
        self.known_layout_at_last().await.map_err(|error| Stopped { moved, begun: false, error })?;
        let pace = Duration::from_secs_f64(1.0 / per_second.max(0.000_1));
        // What is dead-lettered from here on is not meant.
        let there = self.dead_letters(Order::Oldest).await;
        let total = there.map_err(|error| Stopped { moved, begun: false, error })?.total;
        let ended = self.take_all(selector, action, (pace, total), &mut moved, &mut progress).await;
        self.forget_taken().await;
        let begun = |error: &QueueError| moved > 0 || !matches!(error, QueueError::Busy(_));
        ended.map_err(|error| Stopped { moved, begun: begun(&error), error })?;
        Ok(moved)
    }

    async fn take_all(
        &self,
        selector: &Selector,
        action: DeadAction,
        (pace, total): (Duration, u64),
        moved: &mut u64,
        progress: &mut impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<(), QueueError> {
        let limit = selector.limit.unwrap_or(u64::MAX);
        let (mut kept, mut next, mut tries) = (0, FIRST, 0);
        let mut turn = Instant::now();
        if progress(Progress { moved: 0, looked_at: 0, total }).is_break() {
            return Ok(());
        }
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
                let mut taken = self.take(&letter, kept + 1, action, None).await?;
                while let Take::Busy = taken {
                    match self.mend_dead().await {
                        Err(QueueError::Busy(_)) if *moved > 0 => sleep(Duration::from_millis(500)).await,
                        other => other?,
                    }
                    taken = self.take(&letter, kept + 1, action, None).await?;
                }
                if let Take::Moved = taken {
                    tries += 1;
                    if tries == TRIES {
                        return Err(QueueError::Redis("the dead letters move too fast".to_owned()));
                    }
                    kept = 0;
                    break;
                }
                tries = 0;
                *moved += 1;
                if progress(Progress { moved: *moved, looked_at: kept + *moved, total }).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Puts `edited` in place of the dead letter `letter`. False where it is there no more.
    ///
    /// # Errors
    ///
    /// [`QueueError::Busy`] while somebody moves many of them, [`QueueError::Redis`]; with the latter it may be done all
    /// the same.
    pub async fn edit_dead(&self, letter: &DeadLetter, edited: Bytes) -> Result<bool, QueueError> {
        self.take_one(letter, DeadAction::Requeue, Some(&edited)).await
    }

    /// Puts the dead letter `letter`, of these very bytes, to the end of its lane. False where it is there no more.
    ///
    /// # Errors
    ///
    /// As [`Queue::edit_dead`].
    pub async fn requeue_dead(&self, letter: &DeadLetter) -> Result<bool, QueueError> {
        self.take_one(letter, DeadAction::Requeue, None).await
    }

    /// Removes the dead letter `letter`, of these very bytes, for good. False where it is there no more.
    ///
    /// # Errors
    ///
    /// As [`Queue::edit_dead`].
    pub async fn purge_dead(&self, letter: &DeadLetter) -> Result<bool, QueueError> {
        self.take_one(letter, DeadAction::Purge, None).await
    }

    async fn take_one(
        &self,
        letter: &DeadLetter,
        action: DeadAction,
        edited: Option<&Bytes>,
    ) -> Result<bool, QueueError> {
        self.known_layout_at_last().await?;
        let mut place = letter.place;
        for _ in 0..TRIES {
            if place.is_none() {
                place = self.place_of(letter).await?;
            }
            let Some(there) = place else { return Ok(false) };
            match self.take(letter, there + 1, action, edited).await? {
                Take::Done => {
                    self.forget_taken().await;
                    return Ok(true);
                }
                Take::Moved => place = None,
                Take::Busy => self.mend_dead().await?,
            }
        }
        Err(QueueError::Redis("the dead letters move too fast".to_owned()))
    }

    /// Where the letter lies now, 0 for the oldest: near the place it was read at, or anywhere.
    async fn place_of(&self, letter: &DeadLetter) -> Result<Option<u64>, QueueError> {
        for (from, to) in
            letter.place.map(|at| (at.saturating_sub(NEAR), at + NEAR)).into_iter().chain([(0, u64::MAX)])
        {
            let mut scan = self.dead_letters(Order::Oldest).await?.skip(from);
            while scan.looked_at() < to {
                let letters = scan.next_bytes().await?;
                if letters.is_empty() {
                    break;
                }
                if let Some((place, _)) = letters.iter().find(|(_, bytes)| *bytes == letter.bytes) {
                    return Ok(Some(*place));
                }
            }
        }
        Ok(None)
    }

    /// Takes the mark of the last letter off, which is needed no more; one that stays harms nobody.
    async fn forget_taken(&self) {
        if let Ok(live) = self.link.client().await {
            let gone = live.client.hdel::<i64, _, _>(self.keys.control.clone(), "dead_taken").await;
            let _ = self.link.checked(&live, gone);
        }
    }

    /// Takes the letter at `place` (1 for the oldest), or puts `edited` there.
    async fn take(
        &self,
        letter: &DeadLetter,
        place: u64,
        action: DeadAction,
        edited: Option<&Bytes>,
    ) -> Result<Take, QueueError> {
        let keys = &self.keys;
        let word = match (action, edited) {
            (_, Some(_)) => "edit",
            (DeadAction::Requeue, None) => "requeue",
            (DeadAction::Purge, None) => "purge",
        };
        let mut names = vec![keys.dead_letter.clone(), keys.lane(letter.lane).clone(), keys.control.clone()];
        names.extend(letter.status(keys));
        let args: Vec<Value> = vec![
            start_id().into(),
            (place as i64).into(),
            Value::Bytes(letter.bytes.clone()),
            word.into(),
            Value::Bytes(edited.cloned().unwrap_or_default()),
            self.retention(),
        ];
        let answer = script::run_some_times(&self.link, &DEAD_TAKE, names, args).await?;
        Ok(match script::into_text(answer).as_str() {
            "taken" => Take::Done,
            "busy" => Take::Busy,
            _ => Take::Moved,
        })
    }
}
