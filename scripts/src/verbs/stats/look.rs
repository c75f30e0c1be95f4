//! One look at all queues.

use futures::{StreamExt as _, stream};
use redispatch::clock;

use crate::context::Context;
use crate::error::Error;
use crate::glance::{Flow, Glance};

/// Queues asked at a time.
const AT_A_TIME: usize = 16;

/// One look at all queues.
pub(super) struct Look {
    /// By name, each with the age of its oldest waiting message, ms, where that is known.
    pub(super) queues: Vec<(Glance, Option<u64>)>,
    /// Queues that cannot be counted, as when one of their keys is of a wrong type.
    pub(super) broken: Vec<Error>,
    /// Boot clock, ms.
    pub(super) at: u64,
}

/// Messages a second.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rate {
    pub(super) arrived: f64,
    pub(super) left: f64,
}

impl Look {
    /// Looks at the queues named, at all where none is.
    pub(super) async fn take(context: &Context, names: &[String]) -> Result<Self, Error> {
        let queues = context.existing(names).await?;
        let looks = stream::iter(&queues).map(async |queue| {
            let look = tokio::try_join!(Glance::take(queue), queue.oldest_waiting_ms());
            look.map_err(|error| Error::redis(format!("cannot count queue `{}`", queue.name()), error))
        });
        let looks: Vec<_> = looks.buffered(AT_A_TIME).collect().await;
        let (mut queues, mut broken) = (Vec::new(), Vec::new());
        for look in looks {
            match look {
                Ok(look) => queues.push(look),
                Err(error) => broken.push(error),
            }
        }
        match broken.pop() {
            Some(error) if queues.is_empty() => return Err(error),
            error => broken.extend(error),
        }
        Ok(Self { queues, broken, at: clock::boot_ms() })
    }

    /// What each queue has moved since `before`. Nothing of a queue that was not there.
    pub(super) fn rates(&self, before: &Self) -> Vec<Rate> {
        let seconds = (self.at - before.at).max(1) as f64 / 1000.0;
        let rate = |(glance, _): &(Glance, Option<u64>)| {
            let earlier = before.queues.iter().find(|(earlier, _)| earlier.queue == glance.queue);
            let flow =
                earlier.map_or(Flow::default(), |(earlier, _)| Flow::between(&earlier.stats, &glance.stats));
            Rate { arrived: flow.arrived as f64 / seconds, left: flow.left as f64 / seconds }
        };
        self.queues.iter().map(rate).collect()
    }
}
