//! What a running job says of itself.

use fred::types::{Key, Value};

use super::delivery::Delivery;
use super::status::status_id;
use crate::clock;
use crate::queue::QueueError;
use crate::script::{self, NOTE};

/// A longer line is cut: its JSON is no longer than what `note.lua` keeps of all.
const LONGEST: usize = 2_000;

impl Delivery {
    /// Keeps progress or a line in the status of this message. False where nothing was kept.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; it may have been kept.
    pub(crate) async fn note(&self, progress: Option<f64>, line: Option<&str>) -> Result<bool, QueueError> {
        let Some(id) = status_id(&self.held) else { return Ok(false) };
        let keys: Vec<Key> = vec![self.shared.keys.messages.clone(), self.shared.keys.status(&id)];
        let progress = progress.map(|number| number.to_string()).unwrap_or_default();
        let line = line.map(entry).unwrap_or_default();
        let args: Vec<Value> = vec![self.held.token.as_str().into(), progress.into(), line.into()];
        self.held.note();
        let answer = script::run(&self.shared.link, &NOTE, keys, args).await?;
        Ok(answer.as_i64() == Some(0))
    }
}

fn entry(line: &str) -> String {
    let cut = line.floor_char_boundary(LONGEST);
    let line = if cut < line.len() { format!("{}…", &line[..cut]) } else { line.to_owned() };
    serde_json::json!({ "at": clock::rfc3339(clock::unix_ms()), "line": line }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_not_too_long() {
        let long = entry(&"ä\n\u{1}".repeat(2_000));
        assert!(long.len() < 16_384 && !long.contains('\n'), "{}", long.len());
        let read: serde_json::Value = serde_json::from_str(&long).unwrap();
        assert!(read["line"].as_str().unwrap().ends_with('…') && read["at"].as_str().unwrap().ends_with('Z'));
        assert!(entry("fetched \"12\"\r\n").ends_with(r#""line":"fetched \"12\"\r\n"}"#));
    }
}
