//! Counts the dead letters of a queue by kind, once for all who ask.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redispatch::queue::{Order, Queue};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::groups_route::{DeadGroup, DeadGroups};
use crate::api::error::ApiError;
use crate::api::{Api, REDIS_LIMIT};
use crate::dead::{Groups, key};

/// So long an answer waits for the whole result; few letters are counted within it.
const WAIT: Duration = Duration::from_millis(200);

/// So long a result is kept without a look at the list.
const KEPT: Duration = Duration::from_secs(10);

/// So long it is kept where both ends of the list are as they were: what lies between may have been edited.
const KEPT_AT_MOST: Duration = Duration::from_secs(60);

/// Nobody has asked for so long: counting ends.
const FORGOTTEN: Duration = Duration::from_secs(10);

/// Groups that an answer lists, at most.
const LISTED: usize = 1_000;

/// What was counted, by queue.
#[derive(Default)]
pub(in crate::api) struct Groupings(Mutex<BTreeMap<String, Arc<Counting>>>);

/// The length of a list, and what tells its newest and its oldest letter from others.
type Edges = (u64, Option<String>, Option<String>);

struct Counting {
    so_far: Mutex<SoFar>,
    stage: watch::Sender<Stage>,
}

#[derive(PartialEq, PartialOrd)]
enum Stage {
    Asked,
    Counting,
    Ended,
}

struct SoFar {
    total: u64,
    looked_at: u64,
    /// Ms since 1970 by Redis's clock.
    at: i64,
    groups: Groups,
    edges: Option<Edges>,
    asked: Instant,
    /// When it ended, and why it did not come to its end.
    ended: Option<(Instant, Result<(), ApiError>)>,
    /// When the list was last seen to be the same.
    same: Instant,
    /// The result before, shown until there is this one.
    before: Option<Groups>,
}

impl Groupings {
    /// What is known so far; begins to count where nobody has.
    pub(super) async fn get(&self, api: &Arc<Api>, queue: Queue) -> Result<DeadGroups, ApiError> {
        let name = queue.name().to_owned();
        let counting = self.current(api, queue).await?;
        counting.so_far().asked = Instant::now();
        let mut stage = counting.stage.subscribe();
        let _ = timeout(WAIT, stage.wait_for(|stage| *stage == Stage::Ended)).await;
        // Redis may be away.
        let _ = timeout(REDIS_LIMIT, stage.wait_for(|stage| *stage > Stage::Asked)).await;
        counting.answer(name)
    }

    /// The letters have changed: what was counted is of no use any more.
    pub(in crate::api) fn forget(&self, queue: &str) {
        self.all().remove(queue);
    }

    async fn current(&self, api: &Arc<Api>, queue: Queue) -> Result<Arc<Counting>, ApiError> {
        let name = queue.name().to_owned();
        let known = self.all().get(&name).cloned();
        if let Some(known) = &known
            && known.is_usable(api, &queue).await?
        {
            return Ok(known.clone());
        }
        let mut all = self.all();
        // Somebody else may have begun meanwhile.
        if let Some(other) = all.get(&name)
            && known.as_ref().is_none_or(|known| !Arc::ptr_eq(known, other))
        {
            return Ok(other.clone());
        }
        let before = known.and_then(|known| known.result());
        let counting = Arc::new(Counting::new(before));
        all.insert(name, counting.clone());
        tokio::spawn(counting.clone().run(api.clone(), queue));
        Ok(counting)
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Counting>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counting {
    fn new(before: Option<Groups>) -> Self {
        let now = Instant::now();
        let (groups, edges, ended) = (Groups::default(), None, None);
        let so_far =
            SoFar { total: 0, looked_at: 0, at: 0, groups, edges, asked: now, ended, same: now, before };
        Self { so_far: Mutex::new(so_far), stage: watch::Sender::new(Stage::Asked) }
    }

    fn so_far(&self) -> MutexGuard<'_, SoFar> {
        self.so_far.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A whole result.
    fn result(&self) -> Option<Groups> {
        let so_far = self.so_far();
        so_far.ended.as_ref().is_some_and(|(_, ended)| ended.is_ok()).then(|| so_far.groups.clone())
    }

    /// It is counting, or its result holds still.
    async fn is_usable(&self, api: &Api, queue: &Queue) -> Result<bool, ApiError> {
        let edges = {
            let so_far = self.so_far();
            match &so_far.ended {
                None => return Ok(true),
                Some((_, Err(_))) => return Ok(false),
                Some((at, _)) if at.elapsed() > KEPT_AT_MOST => return Ok(false),
                Some((at, _)) if at.elapsed() < KEPT || so_far.same.elapsed() < KEPT => return Ok(true),
                Some(_) => so_far.edges.clone(),
            }
        };
        let is_same = edges.is_some() && api.ask(self::edges(queue)).await.map(Some)? == edges;
        if is_same {
            self.so_far().same = Instant::now();
        }
        Ok(is_same)
    }

    async fn run(self: Arc<Self>, api: Arc<Api>, queue: Queue) {
        let ended = self.count(&api, &queue).await;
        self.so_far().ended = Some((Instant::now(), ended));
        self.stage.send_replace(Stage::Ended);
    }

    async fn count(&self, api: &Api, queue: &Queue) -> Result<(), ApiError> {
        let begun = async {
            let (at, edges) = (queue.clock().await?, edges(queue).await?);
            // From this end no place moves while others are given up.
            Ok((at, edges, queue.dead_letters(Order::Oldest).await?))
        };
        let (at, edges, mut scan) = api.ask(begun).await?;
        {
            let mut so_far = self.so_far();
            (so_far.at, so_far.total, so_far.edges) = (at, scan.total, Some(edges));
        }
        self.stage.send_replace(Stage::Counting);
        loop {
            let letters = queue.within(REDIS_LIMIT, scan.next()).await?;
            let mut so_far = self.so_far();
            so_far.looked_at = scan.looked_at();
            if letters.is_empty() {
                return Ok(());
            }
            if so_far.asked.elapsed() > FORGOTTEN {
                return Err(ApiError::bad_request("nobody asks any more"));
            }
            letters.into_iter().for_each(|letter| so_far.groups.add(letter));
        }
    }

    fn answer(&self, queue: String) -> Result<DeadGroups, ApiError> {
        let so_far = self.so_far();
        let done = match &so_far.ended {
            Some((_, Err(error))) => return Err(error.clone()),
            ended => ended.is_some(),
        };
        let groups = so_far.before.as_ref().filter(|_| !done).unwrap_or(&so_far.groups);
        let sorted = groups.sorted();
        let others = sorted.iter().skip(LISTED).map(|(_, group)| group.count).sum::<u64>() + groups.others;
        let listed = sorted.iter().take(LISTED).map(|(kind, group)| DeadGroup::of(kind, group)).collect();
        let SoFar { total, looked_at, at, .. } = *so_far;
        Ok(DeadGroups { queue, total, looked_at, done, at, groups: listed, others })
    }
}

async fn edges(queue: &Queue) -> Result<Edges, ApiError> {
    let (mut newest, mut oldest) =
        (queue.dead_letters(Order::Newest).await?, queue.dead_letters(Order::Oldest).await?);
    let first = |letters: Vec<(u64, bytes::Bytes)>| letters.first().map(|(_, bytes)| key(bytes));
    Ok((newest.total, first(newest.next_bytes().await?), first(oldest.next_bytes().await?)))
}
