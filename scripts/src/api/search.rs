//! `GET /api/v1/search`: finds messages by a part of their id, reference, recipients or subject.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use bytes::Bytes;
use futures::future::join_all;
use redispatch::queue::{Delayed, Ended, InHand, Order, Queue, QueueError, Waiting};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::dead::Letter;
use super::error::{ApiError, ErrorBody};
use super::queues::InQuery;
use super::{Api, REDIS_LIMIT};
use crate::masked::{self, Glimpse};

/// Characters of what is looked for, at most.
const LONGEST: usize = 200;

/// Of each kind that is looked at: in hand, delayed, waiting in each lane.
const LOOKED_AT: u64 = 1_000;

/// Messages that one look reads.
const STEP: u64 = 100;

/// Dead letters that are looked at.
const DEAD: u64 = 10_000;

/// How long a search lasts.
const LOOKING: Duration = Duration::from_millis(800);

/// Messages that one answer holds, at most.
const MOST: usize = 200;

/// What to look for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Question {
    /// A part of an id, a reference, a recipient or a subject, in small or capital letters: 1 to 200 characters
    q: String,
    /// Only in this queue
    queue: Option<String>,
}

/// What was found.
#[derive(Serialize, ToSchema)]
pub(super) struct SearchResult {
    /// Those whose id is just this one in front
    found: Vec<FoundMessage>,
    /// False where there was more than could be looked at, or a queue could not be asked
    complete: bool,
    /// Messages that were looked at
    looked_at: u64,
}

/// A message that was found. Times are ms since 1970.
#[derive(Default, Serialize, ToSchema)]
struct FoundMessage {
    queue: String,
    /// Its id, if it has one
    id: Option<String>,
    /// Its name since its first claim, where that is known
    reference: Option<String>,
    /// `waiting`, `sending`, `delayed`, `sent`, `dead` or `cancelled`
    #[schema(example = "waiting")]
    state: String,
    /// Since when, where that is known
    at: Option<i64>,
    /// When it is due, while it is delayed
    due: Option<i64>,
    /// Whom it goes to, masked
    to: Option<String>,
    /// Its subject, recipients masked, cut where it is long
    subject: Option<String>,
    /// Of a dead letter: its key
    key: Option<String>,
    /// Of a dead letter: its place, 0 for the oldest
    near: Option<u64>,
}

/// A search in one queue.
struct Search<'a> {
    queue: &'a Queue,
    exact: &'a str,
    /// In small letters.
    part: String,
    until: Instant,
    found: Vec<FoundMessage>,
    looked_at: u64,
    complete: bool,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(search))
}

/// Find messages
///
/// By their exact id wherever they are; and by a part of their id or reference, recipients or subject among what is in
/// hand, delayed, waiting, or given up: up to 1,000 of each, 10,000 dead letters, and for 0.8 s in all. Of what ended
/// lately only the id is known.
#[utoipa::path(
    get,
    path = "/api/v1/search",
    operation_id = "search_messages",
    tag = "messages",
    params(Question),
    responses(
        (status = OK, description = "What was found", body = SearchResult),
        (status = BAD_REQUEST, description = "Nothing to look for, or an unknown parameter", body = ErrorBody),
        (status = NOT_FOUND, description = "No such queue", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn search(
    State(api): State<Arc<Api>>,
    question: InQuery<Question>,
) -> Result<Json<SearchResult>, ApiError> {
    let Query(Question { q, queue }) = question?;
    let text = q.trim();
    if text.is_empty() || text.chars().count() > LONGEST {
        return Err(ApiError::bad_request(format!("q: give 1 to {LONGEST} characters")));
    }
    let until = Instant::now() + LOOKING;
    let (queues, mut complete) = queues(&api, queue.as_deref()).await?;
    let one = |queue: Queue| async move {
        let mut search = Search::new(&queue, text, until);
        // Each queue for itself: in a cluster its server alone may be away.
        let ended = queue.within(REDIS_LIMIT - Duration::from_millis(100), search.run()).await;
        (search.found, search.looked_at, search.complete, ended.map_err(ApiError::from))
    };
    let (mut found, mut looked_at, mut asked, mut away) = (Vec::new(), 0, false, None);
    for (some, count, all, ended) in join_all(queues.into_iter().map(one)).await {
        found.extend(some);
        looked_at += count;
        complete &= all && ended.is_ok();
        match ended {
            Ok(()) => asked = true,
            Err(error) => away = Some(error),
        }
    }
    if let Some(error) = away.filter(|_| !asked) {
        return Err(error);
    }
    found.sort_by_key(|message: &FoundMessage| message.id.as_deref() != Some(text));
    complete &= found.len() <= MOST;
    found.truncate(MOST);
    Ok(Json(SearchResult { found, complete, looked_at }))
}

/// The queues to look in, and whether these are all.
async fn queues(api: &Api, only: Option<&str>) -> Result<(Vec<Queue>, bool), ApiError> {
    if let Some(name) = only {
        return Ok((vec![api.ask(api.known(name)).await?], true));
    }
    let client = &api.client;
    let (names, all) = match client.queues_within(REDIS_LIMIT / 3).await {
        Ok(names) => (names, true),
        // The list is on one of the servers of a cluster; the others may be there.
        Err(_) if client.settings().redis.is_cluster() => (client.named().into_iter().collect(), false),
        Err(error) => return Err(error.into()),
    };
    Ok((names.iter().filter_map(|name| client.queue(name).ok()).collect(), all))
}

impl<'a> Search<'a> {
    fn new(queue: &'a Queue, exact: &'a str, until: Instant) -> Self {
        let part = exact.to_lowercase();
        Self { queue, exact, part, until, found: Vec::new(), looked_at: 0, complete: true }
    }

    async fn run(&mut self) -> Result<(), QueueError> {
        self.by_status().await?;
        self.among_those_in_hand().await?;
        self.among_delayed().await?;
        self.among_waiting().await?;
        self.among_ended().await?;
        self.among_dead().await
    }

    /// Whether there is time for another look; where there is none not everything was looked at.
    fn has_time(&mut self) -> bool {
        let has_time = Instant::now() < self.until;
        self.complete &= has_time;
        has_time
    }

    async fn by_status(&mut self) -> Result<(), QueueError> {
        let Some(found) = self.queue.find(self.exact).await? else { return Ok(()) };
        let Glimpse { to, subject, .. } =
            found.message.as_ref().map_or_else(Glimpse::default, |message| Glimpse::of(message, false));
        let (state, at, due) = (found.state, Some(found.at), found.due);
        self.add(FoundMessage {
            id: Some(self.exact.to_owned()),
            state,
            at,
            due,
            to,
            subject,
            ..Default::default()
        });
        Ok(())
    }

    async fn among_those_in_hand(&mut self) -> Result<(), QueueError> {
        for skip in (0..LOOKED_AT).step_by(STEP as usize) {
            if !self.has_time() {
                return Ok(());
            }
            let some = self.queue.in_hand(skip, STEP).await?;
            // One without bytes is left out.
            if some.is_empty() {
                return Ok(());
            }
            for InHand { reference, id, bytes } in some {
                self.look("sending", id, Some(reference), &bytes, None);
            }
        }
        self.complete = false;
        Ok(())
    }

    async fn among_delayed(&mut self) -> Result<(), QueueError> {
        for skip in (0..LOOKED_AT).step_by(STEP as usize) {
            if !self.has_time() {
                return Ok(());
            }
            let some = self.queue.delayed(skip, STEP).await?;
            // One without bytes is left out.
            if some.is_empty() {
                return Ok(());
            }
            for Delayed { id, reference, due, bytes, .. } in some {
                self.look("delayed", id, Some(reference), &bytes, Some(due));
            }
        }
        self.complete = false;
        Ok(())
    }

    async fn among_waiting(&mut self) -> Result<(), QueueError> {
        if !self.has_time() {
            return Ok(());
        }
        let oldest = self.queue.oldest_waiting(0, LOOKED_AT as usize).await?;
        self.complete &= oldest.messages.len() as u64 >= oldest.total;
        for Waiting { id, bytes, .. } in oldest.messages {
            self.look("waiting", id, None, &bytes, None);
        }
        Ok(())
    }

    async fn among_ended(&mut self) -> Result<(), QueueError> {
        if !self.has_time() {
            return Ok(());
        }
        for Ended { id, state, at, .. } in self.queue.recent().await? {
            self.looked_at += 1;
            if self.is_named(&id) {
                let at = i64::try_from(at).ok();
                self.add(FoundMessage { id: Some(id), state, at, ..Default::default() });
            }
        }
        Ok(())
    }

    async fn among_dead(&mut self) -> Result<(), QueueError> {
        let mut scan = self.queue.dead_letters(Order::Newest).await?;
        while scan.looked_at() < DEAD && self.has_time() {
            let letters = scan.next().await?;
            if letters.is_empty() {
                return Ok(());
            }
            for letter in letters {
                self.looked_at += 1;
                let names = [&letter.id, &letter.reference];
                let is_named = names.into_iter().flatten().any(|name| self.is_named(name));
                if is_named || masked::mentions(&letter.bytes, &self.part) {
                    let Letter { key, near, id, reference, dead_at, to, subject, .. } =
                        Letter::of(&letter, false).0;
                    let (key, near, state) = (Some(key), Some(near), "dead".to_owned());
                    let at = dead_at;
                    let found = FoundMessage {
                        id,
                        reference,
                        state,
                        at,
                        to,
                        subject,
                        key,
                        near,
                        ..Default::default()
                    };
                    self.add(found);
                }
            }
        }
        self.complete &= scan.looked_at() >= scan.total;
        Ok(())
    }

    fn is_named(&self, name: &str) -> bool {
        name.to_lowercase().contains(&self.part)
    }

    /// Takes a message that is here to be sent, where it is meant.
    fn look(
        &mut self,
        state: &str,
        id: Option<String>,
        reference: Option<String>,
        bytes: &Bytes,
        due: Option<i64>,
    ) {
        self.looked_at += 1;
        let names = [&id, &reference];
        let is_named = names.into_iter().flatten().any(|name| self.is_named(name));
        if is_named || masked::mentions(bytes, &self.part) {
            let Glimpse { to, subject, .. } = Glimpse::of(bytes, false);
            let state = state.to_owned();
            self.add(FoundMessage { id, reference, state, due, to, subject, ..Default::default() });
        }
    }

    /// Adds what was found, to what is known of the same message already.
    fn add(&mut self, new: FoundMessage) {
        let is_same = |known: &&mut FoundMessage| {
            known.id.is_some() && known.id == new.id && known.state == new.state && known.key.is_none()
        };
        let Some(known) = self.found.iter_mut().find(is_same).filter(|_| new.id.is_some()) else {
            // One more than is told, so that it is known that there are more.
            if self.found.len() <= MOST {
                self.found.push(FoundMessage { queue: self.queue.name().to_owned(), ..new });
            }
            return;
        };
        known.reference = known.reference.take().or(new.reference);
        known.at = known.at.or(new.at);
        known.due = known.due.or(new.due);
        known.to = known.to.take().or(new.to);
        known.subject = known.subject.take().or(new.subject);
        known.key = known.key.take().or(new.key);
        known.near = known.near.or(new.near);
    }
}
