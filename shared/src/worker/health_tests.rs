use super::*;

/// A worker with nothing to do.
fn idle() -> Facts {
    Facts {
        stage: Stage::Running,
        silence: Duration::from_millis(250),
        send_timeout: Duration::from_secs(60),
        overdue: Duration::ZERO,
        sending: 0,
        in_hand: 0,
        connected: true,
        refusal: None,
        claiming: Claiming::Asleep(Duration::ZERO),
        settling: None,
        gate: Why::Empty,
        breaker: None,
        troubled: false,
    }
}

const LONG: Duration = Duration::from_secs(31);
const DAY: Duration = Duration::from_secs(86_400);

fn refused() -> Option<(&'static str, String)> {
    Some(("claim", "Unknown: WRONGTYPE".to_owned()))
}

/// Alive or not, ready or not, and a word of the reason.
#[track_caller]
fn expect(facts: Facts, alive: bool, ready: bool, word: &str) {
    let health = judge(&facts);
    assert_eq!((health.alive, health.ready), (alive, ready), "{word}: {health:?}");
    assert!(health.reason.contains(word), "{word}: {health:?}");
}

#[test]
fn reasons_are_no_faults() {
    let full = Claiming::Full(DAY);
    expect(idle(), true, true, "idle");
    expect(Facts { sending: 3, in_hand: 3, claiming: full, ..idle() }, true, true, "sending");
    expect(Facts { gate: Why::Paused, ..idle() }, true, true, "paused");
    expect(Facts { gate: Why::Throttled, ..idle() }, true, true, "asked");
    expect(Facts { gate: Why::Limited, ..idle() }, true, true, "rate limit");
    expect(Facts { in_hand: 1, settling: Some(Duration::ZERO), ..idle() }, true, true, "settling");
    expect(Facts { troubled: true, ..idle() }, true, true, "failed");
    expect(Facts { breaker: Some(String::new()), ..idle() }, true, false, "breaker");
    expect(Facts { breaker: Some("535 no".to_owned()), gate: Why::Open, ..idle() }, true, false, "535 no");
    expect(Facts { stage: Stage::Draining, claiming: full, ..idle() }, true, false, "draining");
}

#[test]
fn without_redis_nothing_is_stuck() {
    let stuck = Facts { claiming: Claiming::Asking(DAY), settling: Some(DAY), in_hand: 4, ..idle() };
    expect(
        Facts { connected: false, stage: Stage::Starting, ..stuck.clone() },
        true,
        false,
        "waiting for Redis",
    );
    expect(Facts { connected: false, ..stuck.clone() }, true, false, "away");
    expect(Facts { connected: false, refusal: refused(), ..stuck.clone() }, true, false, "away: Unknown");
    expect(Facts { refusal: refused(), ..stuck.clone() }, true, false, "`claim`: Unknown: WRONGTYPE");
    expect(Facts { refusal: refused(), stage: Stage::Draining, ..stuck }, true, false, "WRONGTYPE");
}

#[test]
fn what_stands_still_without_a_reason_is_dead() {
    for claiming in [Claiming::Asking, Claiming::Full, Claiming::Asleep] {
        expect(Facts { claiming: claiming(Duration::from_secs(29)), ..idle() }, true, true, "idle");
        let word = "for 31 s, for no known reason";
        expect(Facts { claiming: claiming(LONG), ..idle() }, false, false, word);
        expect(Facts { claiming: claiming(LONG), gate: Why::Paused, ..idle() }, false, false, word);
    }
    expect(Facts { settling: Some(LONG), in_hand: 1, ..idle() }, false, false, "settled");
    expect(Facts { settling: Some(LONG), stage: Stage::Draining, ..idle() }, false, false, "settled");
    // Messages in hand that nobody sends and nobody settles.
    expect(Facts { in_hand: 2, claiming: Claiming::Full(LONG), ..idle() }, false, false, "room");
}

#[test]
fn a_send_past_its_limit_is_dead_whatever_else_holds() {
    let seconds = Duration::from_secs;
    for (limit, grace) in [(60_000, 5_000), (10_000, 5_000), (1_000, 500), (100, 50)] {
        let limit = Duration::from_millis(limit);
        let late = |ms| Facts {
            sending: 1,
            in_hand: 1,
            send_timeout: limit,
            overdue: Duration::from_millis(ms),
            ..idle()
        };
        expect(late(grace), true, true, "sending");
        expect(late(grace + 1), false, false, "past SEND_TIMEOUT_MS");
        expect(Facts { connected: false, ..late(grace + 1) }, false, false, "past SEND_TIMEOUT_MS");
        expect(Facts { stage: Stage::Draining, ..late(grace + 1) }, false, false, "past SEND_TIMEOUT_MS");
        assert!(grace < limit.as_millis() as u64, "red within twice the limit");
    }
    for (limit, silence) in [(seconds(60), 65), (seconds(10), 15), (Duration::from_millis(100), 5)] {
        let silent = |silence| Facts { send_timeout: limit, silence, ..idle() };
        expect(silent(seconds(silence)), true, true, "idle");
        expect(silent(seconds(silence + 1)), false, false, "blocked");
        expect(Facts { connected: false, ..silent(seconds(silence + 1)) }, false, false, "blocked");
    }
}
