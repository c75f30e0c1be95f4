//! Addresses and numbers made unreadable before they reach a log.

use std::{borrow::Cow, sync::OnceLock};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// How addresses and numbers are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Recipients {
    /// `jo…@e….com`, `+4915•••••89`.
    #[default]
    Masked,
    /// The first 12 hex digits of the SHA-256 of the lower-case address, or of the number's digits. Tells the
    /// same recipient again; whoever can guess a number can check the guess.
    Hashed,
    /// As they are.
    Plain,
}

static MODE: OnceLock<Recipients> = OnceLock::new();

/// Sets the mode of this process, once.
pub(super) fn set(mode: Recipients) {
    let _ = MODE.set(mode);
}

fn mode() -> Recipients {
    MODE.get().copied().unwrap_or_default()
}

/// One recipient as it may be logged: an address (with or without a name, which goes) or a number.
pub fn recipient(recipient: &str) -> String {
    recipient_as(mode(), recipient)
}

/// A free text, such as a provider's error, with every address and every number of 7 digits or more masked.
pub fn text(text: &str) -> Cow<'_, str> {
    text_as(mode(), text)
}

fn recipient_as(mode: Recipients, recipient: &str) -> String {
    if mode == Recipients::Plain {
        return recipient.to_owned();
    }
    let bare = recipient
        .rsplit_once('<')
        .map_or(recipient, |(_, rest)| rest.trim_end().trim_end_matches('>'))
        .trim();
    match bare.rsplit_once('@') {
        Some((local, domain)) => address(mode, local, domain),
        None if bare.bytes().filter(u8::is_ascii_digit).count() >= 4 => number(mode, bare),
        None if mode == Recipients::Hashed => hash(bare),
        None => format!("{}…", bare.chars().next().map_or(String::new(), String::from)),
    }
}

fn text_as(mode: Recipients, text: &str) -> Cow<'_, str> {
    // Most texts have neither: no copy, and no more than one look at each byte.
    let suspicious = text.contains('@') || text.bytes().filter(u8::is_ascii_digit).count() >= 7;
    if mode == Recipients::Plain || !suspicious {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((start, at, end)) = find_address(rest) {
        numbers(mode, &rest[..start], &mut out);
        out.push_str(&address(mode, &rest[start..at], &rest[at + 1..end]));
        rest = &rest[end..];
    }
    numbers(mode, rest, &mut out);
    Cow::Owned(out)
}

/// Start, place of the `@`, and end of the first address in `text`.
fn find_address(text: &str) -> Option<(usize, usize, usize)> {
    text.match_indices('@').find_map(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + 1..]);
        let start = match before.strip_suffix('"') {
            Some(quoted) => quoted.rfind('"')?,
            None => before.rfind(|c: char| !in_local(c)).map_or(0, |i| i + width(before, i)),
        };
        let end = match after.strip_prefix('[') {
            Some(literal) => literal.find(']').map(|i| i + 2)?,
            // `a@b@c` is no address, yet goes as one.
            None => after.find(|c: char| !in_domain(c) && c != '@').unwrap_or(after.len()),
        };
        (start < at && end > 0).then_some((start, at, at + 1 + end))
    })
}

fn width(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

fn in_local(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c) || (!c.is_ascii() && !c.is_whitespace())
}

fn in_domain(c: char) -> bool {
    c.is_ascii_alphanumeric() || ".-_…".contains(c) || (!c.is_ascii() && !c.is_whitespace())
}

fn address(mode: Recipients, local: &str, domain: &str) -> String {
    if mode == Recipients::Hashed {
        return hash(&format!("{local}@{domain}").to_lowercase());
    }
    let kept = if local.chars().count() > 2 { 2 } else { 1 };
    let local: String = local.chars().take(kept).filter(|c| *c != '…').collect();
    let first: String = domain.chars().take(1).filter(|c| !"…@".contains(*c)).collect();
    match domain.trim_end_matches('.').rsplit_once('.') {
        Some((_, tld)) if !domain.starts_with('[') && !tld.contains('@') => {
            format!("{local}…@{first}….{tld}")
        }
        _ => format!("{local}…@{first}…"),
    }
}

/// Copies `text` to `out`, its numbers masked.
fn numbers(mode: Recipients, text: &str, out: &mut String) {
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = text[at..].find(|c: char| c.is_ascii_digit()) {
        let first = at + found;
        let end = number_end(&text[first..]) + first;
        at = end;
        let (plus, start) =
            plus_before(&text[copied..first]).map_or((false, first), |len| (true, first - len));
        let inside_word = text[copied..first].ends_with(|c: char| c.is_alphanumeric() || c == '_')
            || text[end..].starts_with(|c: char| c.is_alphabetic() || c == '_');
        let digits = text[first..end].bytes().filter(u8::is_ascii_digit).count();
        if digits >= 7 && (plus || !inside_word) {
            out.push_str(&text[copied..start]);
            let plus = if plus { "+" } else { "" };
            out.push_str(&number(mode, &format!("{plus}{}", &text[first..end])));
            copied = end;
        }
    }
    out.push_str(&text[copied..]);
}

/// Length of a `+` at the end of `text`: as it is, or as URLs (`%2B`) and JSON (`\u002b`) write it; a bracket
/// may stand between.
fn plus_before(text: &str) -> Option<usize> {
    let bare = text.trim_end_matches(['(', ' ']);
    let spellings = ["+", "%2B", "%2b", "\\u002B", "\\u002b"];
    spellings.iter().find(|s| bare.ends_with(**s)).map(|s| text.len() - bare.len() + s.len())
}

/// Where the number that `text` begins with ends: digits, with a few separators between.
fn number_end(text: &str) -> usize {
    let (mut end, mut group, mut gap) = (0, 0, "");
    for (at, c) in text.char_indices() {
        if c.is_ascii_digit() {
            let dotted = gap == ".";
            // 555.123.4567 is a number, 5.7.26 and 10.0.0.1 are not.
            if dotted && (group < 3 || text[at..].bytes().take_while(u8::is_ascii_digit).count() < 3) {
                break;
            }
            group = if gap.is_empty() { group + 1 } else { 1 };
            (end, gap) = (at + 1, "");
        } else {
            let next = at + c.len_utf8();
            let run = &text[end..next];
            if run.chars().count() > 3
                || !matches!(c, ' ' | '-' | '(' | ')' | '/' | '.' | '\u{a0}' | '\u{2011}')
            {
                break;
            }
            gap = run;
        }
    }
    end
}

fn number(mode: Recipients, number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    if mode == Recipients::Hashed {
        return hash(&digits.iter().collect::<String>());
    }
    let (head, tail) = if digits.len() >= 10 { (4, 2) } else { (2, 1) };
    let prefix = number.find(|c: char| c == '+' || c.is_ascii_digit()).map_or("", |at| &number[..at]);
    let plus = if number.contains('+') { "+" } else { "" };
    let shown = digits.iter().enumerate().map(|(i, c)| match i < head || i + tail >= digits.len() {
        true => *c,
        false => '•',
    });
    format!("{prefix}{plus}{}", shown.collect::<String>())
}

fn hash(text: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(text)[..6])
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
