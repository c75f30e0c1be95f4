//! The last hour, kept since the server started.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::rates::Rates;
use crate::api::Api;
use crate::api::error::{ApiError, ErrorBody};
use crate::api::queues::InQuery;

/// Between two points, ms.
pub(super) const STEP: u64 = 10_000;

/// Points that are kept: an hour.
const POINTS: usize = 360;

/// All queues over the last hour.
#[derive(Default)]
pub(super) struct History(VecDeque<Point>);

/// A look at all queues.
struct Point {
    /// Ms since 1970.
    at: i64,
    /// None while Redis was away.
    queues: Option<BTreeMap<String, Values>>,
}

/// What is kept of a queue.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Values {
    pub(super) waiting: u64,
    pub(super) processing: u64,
    pub(super) delayed: u64,
    pub(super) dead_letter: u64,
    pub(super) rates: Rates,
}

/// Which queue.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Which {
    /// Its name; all queues together without it
    queue: Option<String>,
}

/// The last hour, a column a value, the oldest point first. Nothing is known of a time in which Redis was away.
#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub(in crate::api) struct Columns {
    queue: Option<String>,
    /// Between two points
    step_ms: u64,
    /// Ms since 1970
    at: Vec<i64>,
    waiting: Vec<Option<u64>>,
    processing: Vec<Option<u64>>,
    delayed: Vec<Option<u64>>,
    dead_letter: Vec<Option<u64>>,
    in_per_second: Vec<Option<f64>>,
    out_per_second: Vec<Option<f64>>,
    failed_per_second: Vec<Option<f64>>,
}

impl History {
    /// Keeps a look. Times only grow: where the clock was set back, what it has not come to again is forgotten.
    pub(super) fn add(&mut self, at: i64, queues: Option<BTreeMap<String, Values>>) {
        while self.0.back().is_some_and(|last| last.at >= at) {
            self.0.pop_back();
        }
        if self.0.len() == POINTS {
            self.0.pop_front();
        }
        self.0.push_back(Point { at, queues });
    }

    /// Of one queue, or of all together.
    pub(super) fn columns(&self, queue: Option<String>) -> Columns {
        let mut columns = Columns { step_ms: STEP, ..Columns::default() };
        for Point { at, queues } in &self.0 {
            let values = queues.as_ref().and_then(|queues| match &queue {
                Some(name) => queues.get(name).copied(),
                None => Some(queues.values().fold(Values::default(), Values::plus)),
            });
            columns.at.push(*at);
            columns.waiting.push(values.map(|values| values.waiting));
            columns.processing.push(values.map(|values| values.processing));
            columns.delayed.push(values.map(|values| values.delayed));
            columns.dead_letter.push(values.map(|values| values.dead_letter));
            columns.in_per_second.push(values.and_then(|values| values.rates.in_per_second));
            columns.out_per_second.push(values.and_then(|values| values.rates.out_per_second));
            columns.failed_per_second.push(values.and_then(|values| values.rates.failed_per_second));
        }
        Columns { queue, ..columns }
    }
}

impl Values {
    fn plus(self, other: &Self) -> Self {
        let sum = |one: Option<f64>, two: Option<f64>| match (one, two) {
            (None, None) => None,
            (one, two) => Some(one.unwrap_or(0.0) + two.unwrap_or(0.0)),
        };
        let (one, two) = (self.rates, other.rates);
        Self {
            waiting: self.waiting + other.waiting,
            processing: self.processing + other.processing,
            delayed: self.delayed + other.delayed,
            dead_letter: self.dead_letter + other.dead_letter,
            rates: Rates {
                in_per_second: sum(one.in_per_second, two.in_per_second),
                out_per_second: sum(one.out_per_second, two.out_per_second),
                failed_per_second: sum(one.failed_per_second, two.failed_per_second),
                failure_rate: None,
            },
        }
    }
}

/// The last hour
///
/// Kept by this server since it started, a point every ten seconds.
#[utoipa::path(
    get,
    path = "/api/v1/history",
    operation_id = "show_history",
    tag = "live",
    params(Which),
    responses(
        (status = OK, description = "The last hour", body = Columns),
        (status = BAD_REQUEST, description = "No such parameter", body = ErrorBody),
    ),
)]
pub(in crate::api) async fn history(
    State(api): State<Arc<Api>>,
    which: InQuery<Which>,
) -> Result<Json<Columns>, ApiError> {
    let Query(Which { queue }) = which?;
    Ok(Json(api.live.history().columns(queue)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(waiting: u64, incoming: Option<f64>) -> Values {
        let rates = Rates { in_per_second: incoming, ..Rates::default() };
        Values { waiting, rates, ..Values::default() }
    }

    fn point(queues: &[(&str, Values)]) -> Option<BTreeMap<String, Values>> {
        Some(queues.iter().map(|(name, values)| ((*name).to_owned(), *values)).collect())
    }

    #[test]
    fn of_one_queue_and_of_all() {
        let mut history = History::default();
        history.add(10, point(&[("email", values(1, None))]));
        history.add(20, None);
        history.add(30, point(&[("email", values(3, Some(1.5))), ("sms", values(4, Some(1.0)))]));
        let email = history.columns(Some("email".into()));
        assert_eq!((email.at, email.waiting), (vec![10, 20, 30], vec![Some(1), None, Some(3)]));
        assert_eq!(email.in_per_second, [None, None, Some(1.5)]);
        assert_eq!(
            history.columns(Some("sms".into())).waiting,
            [None, None, Some(4)],
            "it was not there before"
        );
        let all = history.columns(None);
        assert_eq!(
            (all.waiting, all.in_per_second),
            (vec![Some(1), None, Some(7)], vec![None, None, Some(2.5)])
        );
    }

    /// A chart whose times do not grow cannot be drawn.
    #[test]
    fn a_clock_that_is_set_back_leaves_the_times_in_order() {
        let mut history = History::default();
        for at in [10, 20, 30, 40, 25, 35] {
            history.add(at, point(&[("email", values(at.unsigned_abs(), None))]));
        }
        let columns = history.columns(None);
        assert_eq!((columns.at, columns.waiting[2]), (vec![10, 20, 25, 35], Some(25)));
    }

    #[test]
    fn an_hour_is_kept() {
        let mut history = History::default();
        (0..POINTS as i64 + 5).for_each(|at| history.add(at, None));
        let at = history.columns(None).at;
        assert_eq!((at.len(), at[0]), (POINTS, 5));
    }
}
