//! HTML as an operator may see it by chance.

use redispatch::telemetry::mask;

/// The same with every address and number masked, in texts and in attributes: what makes up a tag, and what one text
/// has to do with the next, stays as it is.
pub(crate) fn in_html(html: &str) -> String {
    // What cannot be seen parts no address.
    let plain =
        plain(html).replace(['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'], "");
    plain.split_inclusive(['<', '>', '"', '\'', '=', '&', ';']).map(mask::text).collect()
}

/// References to characters of addresses and numbers, as these characters: `&#64;` and `&commat;` hide an address from
/// whoever reads the text, and from nobody who looks at the page.
fn plain(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        out.push_str(before);
        let (c, length) = meant(reference).unwrap_or(('&', 1));
        out.push(c);
        rest = &reference[length..];
    }
    out.push_str(rest);
    out
}

/// The character that a reference at the start of `text` means, and how long it is.
fn meant(text: &str) -> Option<(char, usize)> {
    let body = text.strip_prefix('&')?;
    for (name, c) in
        [("commat;", '@'), ("period;", '.'), ("plus;", '+'), ("lowbar;", '_'), ("nbsp;", '\u{a0}')]
    {
        if body.starts_with(name) {
            return Some((c, name.len() + 1));
        }
    }
    let number = body.strip_prefix('#')?;
    let (digits, radix) = match number.strip_prefix(['x', 'X']) {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    let count = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let c = char::from_u32(u32::from_str_radix(&digits[..count], radix).ok()?)?;
    let is_harmless = c.is_alphanumeric() || "@.+-_ ()/\u{a0}".contains(c);
    let end = text.len() - digits.len() + count;
    let end = end + usize::from(text[end..].starts_with(';'));
    is_harmless.then_some((c, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_be_read() {
        for html in [
            "<p>jo@example.com</p>",
            "<a href='mailto:jo@example.com'>x</a>",
            r#"<a title="jo@example.com" href=mailto:jo@example.com>"#,
            "jo&#64;example.com",
            "j&#x6F;&#X40;example&period;com",
            "jo&commat;example.com",
            "<b>+49 170 1234567</b>",
            "&#43;49&nbsp;170&#32;1234&#53;67",
            "jo\u{ad}@\u{200b}example.com",
        ] {
            let masked = in_html(html);
            for secret in ["jo@", "jo&", "example", "1234567", "12345"] {
                assert!(!masked.contains(secret), "{html}: {masked}");
            }
        }
        assert_eq!(in_html("<a href='mailto:jo@example.com'>x</a>"), "<a href='mailto:j…@e….com'>x</a>");
    }

    #[test]
    fn the_rest_is_as_it_was() {
        for html in [
            "<p style='width:10000000px'>1 &lt; 2 &amp; 3 &#60;b&#62; &bogus; &#; &#x; &#999999;</p>",
            "&",
            "",
            "<img src=\"data:image/png;base64,iVBORw0KGgo=\">",
        ] {
            assert_eq!(in_html(html), html);
        }
    }
}
