//! In how many parts a text travels: the unit in which SMS are paid for and limited.

/// How a text is encoded, which decides how much a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// 7 bits a character, 14 for those of the extension table: 3GPP TS 23.038, 6.2.1.
    Gsm7,
    /// UTF-16: 3GPP TS 23.038, 6.2.3.
    Ucs2,
}

/// What a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) encoding: Encoding,
    /// At least 1.
    pub(crate) count: u32,
}

/// The default alphabet, without ESC, which announces the extension table.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

impl Parts {
    /// Those of `text`.
    pub(crate) fn of(text: &str) -> Self {
        let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
        match septets {
            Some(widths) => Self { encoding: Encoding::Gsm7, count: count(widths.into_iter(), 160, 153) },
            None => {
                Self { encoding: Encoding::Ucs2, count: count(text.chars().map(char::len_utf16), 70, 67) }
            }
        }
    }
}

/// Septets that a character takes; `None` where GSM-7 has no such character.
fn septets(c: char) -> Option<usize> {
    if BASIC.contains(c) {
        Some(1)
    } else if EXTENSION.contains(c) {
        Some(2)
    } else {
        None
    }
}

/// Parts for characters of these widths: one of `alone`, or several of `each`, whose headers take the rest. No
/// character is cut in two.
fn count(widths: impl Iterator<Item = usize> + Clone, alone: usize, each: usize) -> u32 {
    if widths.clone().sum::<usize>() <= alone {
        return 1;
    }
    let (mut parts, mut filled) = (1, 0);
    for width in widths {
        if filled + width > each {
            parts += 1;
            filled = 0;
        }
        filled += width;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::Encoding::{Gsm7, Ucs2};
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn parts() {
        for (text, encoding, count) in [
            (String::new(),                        Gsm7, 1),
            ("a".repeat(160),                      Gsm7, 1),
            ("a".repeat(161),                      Gsm7, 2),
            ("a".repeat(306),                      Gsm7, 2),
            ("a".repeat(307),                      Gsm7, 3),
            ("a".repeat(1600),                     Gsm7, 11),
            ("€".repeat(80),                       Gsm7, 1),
            ("€".repeat(81),                       Gsm7, 2),
            // 76 pairs are 152 septets: the 153rd cannot hold half of one
            ("€".repeat(152),                      Gsm7, 2),
            ("€".repeat(153),                      Gsm7, 3),
            ("a".repeat(152) + "€" + &"a".repeat(151), Gsm7, 2),
            ("a".repeat(152) + "€" + &"a".repeat(152), Gsm7, 3),
            ("ÄÖÜäöüß ñ à @£$¥ {[~]}|\\^ ΔΦΓΛ\n\r".to_owned(), Gsm7, 1),
            ("ç".to_owned(),                       Ucs2, 1),
            ("`".to_owned(),                       Ucs2, 1),
            ("\t".to_owned(),                      Ucs2, 1),
            ("я".repeat(70),                       Ucs2, 1),
            ("я".repeat(71),                       Ucs2, 2),
            ("я".repeat(134),                      Ucs2, 2),
            ("я".repeat(135),                      Ucs2, 3),
            ("я".repeat(1600),                     Ucs2, 24),
            ("😀".to_owned(),                      Ucs2, 1),
            ("😀".repeat(35),                      Ucs2, 1),
            ("😀".repeat(36),                      Ucs2, 2),
            // 33 surrogate pairs are 66 units: the 67th cannot hold half of one
            ("😀".repeat(66),                      Ucs2, 2),
            ("😀".repeat(67),                      Ucs2, 3),
            ("я".repeat(66) + "😀" + &"я".repeat(65), Ucs2, 2),
            ("я".repeat(66) + "😀" + &"я".repeat(66), Ucs2, 3),
            ("a".repeat(69) + "’",                 Ucs2, 1),
            ("a".repeat(70) + "’",                 Ucs2, 2),
        ] {
            assert_eq!(Parts::of(&text), Parts { encoding, count }, "{} x {:?}", text.chars().count(), text.chars().last());
        }
    }

    #[test]
    fn the_alphabet_is_whole() {
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
        let mut all: Vec<char> = BASIC.chars().chain(EXTENSION.chars()).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 137);
    }
}
