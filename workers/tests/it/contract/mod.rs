//! What every channel does alike: the same tests for email-worker, sms-worker and whatsapp-worker, each with a server
//! that plays its provider. Every test ends with a count of what went in, what came out and what is left.

mod crashed;
mod doubted;
mod refused;
mod retried;
mod sent;
mod throttled;

use crate::site::{Email, Sms, Sns, Twilio, WhatsApp};

/// A module of tests for a channel: one for each behaviour.
macro_rules! contract {
    ($($channel:ident: $type:ty;)+) => {$(
        mod $channel {
            use super::*;

            contract! { @tests $type;
                sent::every_field_arrives_as_written,
                retried::it_goes_out_in_the_end,
                retried::it_is_given_up_after_max_retries_sends,
                throttled::nobody_sends_meanwhile_and_nobody_pays,
                refused::a_message_refused_for_good_is_kept_with_the_reason,
                refused::a_refused_login_costs_nothing_and_all_are_sent_when_put_right,
                doubted::it_is_sent_again,
                doubted::it_is_kept_for_the_operator,
                doubted::killed_while_in_doubt_it_is_never_sent_again,
                crashed::another_worker_takes_over,
            }
        }
    )+};
    (@tests $type:ty; $($module:ident::$test:ident,)+) => {$(
        #[tokio::test]
        async fn $test() {
            $module::$test::<$type>().await;
        }
    )+};
}

contract! {
    email: Email;
    sms: Twilio<Sms>;
    sms_by_sns: Sns;
    whatsapp: Twilio<WhatsApp>;
}
