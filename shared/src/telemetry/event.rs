//! The names of all events, each listed once. A log line has exactly one, under the key `event`.

macro_rules! events {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        $($(#[doc = $doc])+ pub const $name: &str = $text;)+

        /// Every event with what it means, in the order of this file.
        pub const ALL: &[(&str, &str)] = &[$(($text, concat!($($doc),+))),+];
    };
}

events! {
    /// The process started and its settings are usable.
    WORKER_STARTED = "worker_started";
    /// Redis is reached and claiming begins.
    WORKER_READY = "worker_ready";
    /// A signal came: nothing more is claimed, sends in flight end.
    WORKER_DRAINING = "worker_draining";
    /// The worker ends although Redis could not be told what became of some messages.
    WORKER_UNSETTLED = "worker_unsettled";
    /// The worker ends although its last claim was not answered; what it may have taken is taken over.
    CLAIM_UNANSWERED = "claim_unanswered";
    /// The process ends.
    WORKER_STOPPED = "worker_stopped";
    /// The provider accepted the message.
    MESSAGE_SENT = "message_sent";
    /// The send failed; the message waits for its next attempt.
    MESSAGE_RETRY = "message_retry";
    /// The message was given up.
    MESSAGE_DEAD_LETTERED = "message_dead_lettered";
    /// A message whose worker died was taken over.
    MESSAGE_TAKEN_OVER = "message_taken_over";
    /// A message that is not due yet was put aside until then.
    MESSAGE_PARKED = "message_parked";
    /// A message whose id was sent before or is in hand was dropped.
    MESSAGE_DUPLICATE = "message_duplicate";
    /// A message that was cancelled was dropped before it was sent.
    MESSAGE_CANCELLED = "message_cancelled";
    /// A message surely not sent went back to the front of its lane, at no cost.
    MESSAGE_RELEASED = "message_released";
    /// A schedule put its message into the queue.
    SCHEDULE_FIRED = "schedule_fired";
    /// A schedule dropped firings that were missed.
    SCHEDULE_MISSED = "schedule_missed";
    /// A schedule cannot be used; it rests until it is mended.
    SCHEDULE_UNUSABLE = "schedule_unusable";
    /// Some recipients were refused; the field served says whether anybody got the message.
    MESSAGE_SPLIT = "message_split";
    /// A message in hand belongs to another worker by now; its outcome changes nothing.
    LEASE_LOST = "lease_lost";
    /// The connection to Redis is gone.
    REDIS_DISCONNECTED = "redis_disconnected";
    /// Redis is reached, at first or again.
    REDIS_CONNECTED = "redis_connected";
    /// Redis answered with an error.
    REDIS_ERROR = "redis_error";
    /// The queue is paused; nothing is claimed.
    QUEUE_PAUSED = "queue_paused";
    /// The queue is claimed from again.
    QUEUE_RESUMED = "queue_resumed";
    /// The provider asks everybody to wait.
    QUEUE_THROTTLED = "queue_throttled";
    /// The provider fails for everybody: nothing is claimed for a pause, then one message tries again.
    BREAKER_OPENED = "breaker_opened";
    /// A message was sent after a time in which the provider failed for everybody.
    BREAKER_CLOSED = "breaker_closed";
    /// A provider failed; messages go through the next one until it works again.
    PROVIDER_LEFT = "provider_left";
    /// A provider that was left works again.
    PROVIDER_BACK = "provider_back";
    /// Messages go nowhere real: the file or the null transport is in use.
    TRANSPORT_WARNING = "transport_warning";
    /// Health and metrics are answered at HTTP_ADDR.
    HTTP_LISTENING = "http_listening";
    /// Another process answers at HTTP_ADDR; this one takes over when it is gone.
    HTTP_ADDR_TAKEN = "http_addr_taken";
    /// The service manager that started the process (systemd) cannot be told how it is.
    SERVICE_UNTOLD = "service_untold";
    /// Members without bytes were removed, or bytes without a member came back.
    ORPHANS_FOUND = "orphans_found";
    /// A send panicked; its message alone failed.
    SEND_PANICKED = "send_panicked";
    /// A bug: where the program panicked and why.
    PANICKED = "panicked";
    /// The HTTP API listens.
    API_STARTED = "api_started";
    /// The HTTP API ends.
    API_STOPPED = "api_stopped";
    /// The HTTP API could not answer a request; the same reason is told once a minute.
    REQUEST_FAILED = "request_failed";
    /// Somebody asked the HTTP API for a change: what, who, and the status of the answer.
    API_CHANGED = "api_changed";
    /// Somebody asked the HTTP API to show recipients.
    API_REVEALED = "api_revealed";
    /// Somebody logged in to the dashboard, or tried to.
    API_LOGIN = "api_login";
    /// The HTTP API has ended a change of many dead letters, or given it up: how many it moved.
    OPERATION_ENDED = "operation_ended";
    /// Settings cannot be used; the process ends with 78.
    SETTINGS_REFUSED = "settings_refused";
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_unique_snake_case() {
        let mut names: Vec<_> = super::ALL.iter().map(|(name, _)| *name).collect();
        assert!(names.iter().all(|n| n.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), super::ALL.len());
    }
}
