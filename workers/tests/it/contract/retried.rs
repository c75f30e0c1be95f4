use crate::queue::{Left, NOTHING};
use crate::site::{Channel, Fault, Site, stop};

pub(super) async fn it_goes_out_in_the_end<C: Channel>() {
    let site = Site::<C>::start().await;
    site.channel.script(Fault::Later, 2);
    let worker = site.worker(&[]).await;
    site.push([0]).await;
    let retries = worker.wait_for_events("message_retry", 2).await;
    site.all_sent_once(1).await;
    let noted: Vec<_> = retries.iter().map(|line| (&line.json["retries"], &line.json["delay_ms"])).collect();
    assert_eq!(noted, [(&1.into(), &50.into()), (&2.into(), &100.into())]);
    assert!(retries.iter().all(|line| line.json["code"] == C::CODES[0]), "{retries:?}");
    stop(&worker).await;
    assert_eq!((site.queue().counter("retried").await, site.channel.attempts()), (2, 3));
}

pub(super) async fn it_is_given_up_after_max_retries_sends<C: Channel>() {
    let site = Site::<C>::start().await;
    site.channel.script(Fault::Later, usize::MAX);
    let worker = site.worker(&[("MAX_RETRIES", "3")]).await;
    site.push([0]).await;
    worker.wait_for_event("message_dead_lettered").await;
    assert_eq!(site.queue().settled().await, 1);
    let letters = site.queue().dead_letters().await;
    let record = &letters[0]["_delivery"];
    assert_eq!((&record["reason"], &record["provider"]), (&"retries_exhausted".into(), &C::PROVIDER.into()));
    let codes: Vec<_> = record["attempts"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, [C::CODES[0]; 3]);
    stop(&worker).await;
    assert_eq!(site.channel.attempts(), 3);
    assert_eq!(site.queue().left().await, Left { dead: 1, ..NOTHING });
}
