//! The settings of all programs.

use redispatch::config::{API, ROLE, TABLES, Table};

use crate::Channel as _;
use crate::email::Email;
use crate::sms::SmsChannel;
use crate::whatsapp::WhatsAppChannel;

/// The tables of the settings of all programs, those of your own too, each once, as `.env.example` has them.
pub fn settings_tables() -> Vec<Table> {
    let mut tables = TABLES.to_vec();
    for table in [Email::TABLES, SmsChannel::TABLES, WhatsAppChannel::TABLES].concat() {
        if tables.iter().all(|known| known.heading != table.heading) {
            tables.push(table);
        }
    }
    tables.extend([API, ROLE]);
    tables
}
