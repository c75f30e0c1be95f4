//! A function over a payload as what a worker runs.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::PROVIDER;
use super::{Job, JobError};
use crate::outcome::{Outcome, Receipt};
use crate::worker::Delivery;

/// Makes what [`Worker::run`](crate::Worker::run) takes of a function over a typed payload.
///
/// - A message that is no `P` is dead-lettered as malformed; fields that `P` does not name are ignored.
/// - `Ok(result)` ends the job. The result is kept as JSON in the status of its id, 64 KiB at most; `()` is not.
/// - [`JobError`] says what becomes of one that did not come to its end. So does a panic: as a failure.
pub fn handler<P, R, F, H>(
    run: H,
) -> impl Fn(Delivery) -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync + 'static
where
    P: DeserializeOwned + Send + 'static,
    R: Serialize,
    F: Future<Output = Result<R, JobError>> + Send + 'static,
    H: Fn(Job<P>) -> F + Send + Sync + 'static,
{
    let run = Arc::new(run);
    move |delivery| {
        let run = run.clone();
        Box::pin(async move {
            let payload = match delivery.payload() {
                Ok(payload) => payload,
                Err(malformed) => return malformed,
            };
            let ended = run(Job::new(payload, delivery)).await;
            ended.and_then(|result| done(&result)).unwrap_or_else(Outcome::from)
        })
    }
}

fn done<R: Serialize>(result: &R) -> Result<Outcome, JobError> {
    let result = serde_json::to_string(result).map_err(|error| {
        JobError::unrecoverable(format!("done, but its result cannot be written as JSON: {error}"))
    })?;
    let result = Some(result.into_boxed_str()).filter(|result| **result != *"null");
    Ok(Outcome::Sent(Receipt { provider: Some(PROVIDER), result, ..Receipt::default() }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn result<R: Serialize>(result: R) -> Option<String> {
        match done(&result) {
            Ok(Outcome::Sent(receipt)) => receipt.result.map(Into::into),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_result_is_json_and_nothing_is_none() {
        assert_eq!(result(BTreeMap::from([("fetched", 12)])).as_deref(), Some(r#"{"fetched":12}"#));
        assert_eq!(result(0).as_deref(), Some("0"));
        assert_eq!(result(()), None);
        let refused = done(&BTreeMap::from([(vec![1], 1)]));
        assert!(matches!(refused, Err(JobError::Unrecoverable(text)) if text.contains("JSON")));
    }
}
