use proptest::prelude::*;

use super::*;

fn masked(text: &str) -> String {
    text_as(Recipients::Masked, text).into_owned()
}

#[test]
fn recipients() {
    for (plain, shown) in [
        ("john@example.com", "jo…@e….com"),
        ("Jane Doe <jane@mail.example.co.uk>", "ja…@m….uk"),
        ("a@b.de", "a…@b….de"),
        ("ab@localhost", "a…@l…"),
        ("bob@[127.0.0.1]", "bo…@[…"),
        ("jörg@münchen.de", "jö…@m….de"),
        ("+4915112345689", "+4915•••••••89"),
        ("whatsapp:+4915112345689", "whatsapp:+4915•••••••89"),
        ("12345", "12••5"),
        ("garbage", "g…"),
        ("", "…"),
    ] {
        assert_eq!(recipient_as(Recipients::Masked, plain), shown);
        assert_eq!(recipient_as(Recipients::Plain, plain), plain);
    }
    let hashed = recipient_as(Recipients::Hashed, "J <John@Example.com>");
    assert_eq!(hashed, "855f96e983f1");
    assert_eq!(text_as(Recipients::Hashed, "<john@example.com>: no"), format!("<{hashed}>: no"));
    assert_eq!(recipient_as(Recipients::Hashed, "+49 151"), recipient_as(Recipients::Hashed, "49151"));
}

#[test]
fn texts() {
    for (plain, shown) in [
        ("550 5.1.1 <john@example.com>: user unknown", "550 5.1.1 <jo…@e….com>: user unknown"),
        ("rcpt=\"j d\"@example.com, x@y", "rcpt=\"j…@e….com, x…@y…"),
        ("The number +49 151 1234-5689 is off", "The number +4915•••••••89 is off"),
        ("To=%2B4915112345689&Body", "To=+4915•••••••89&Body"),
        ("call (555) 123-4567 now", "call (5551••••67 now"),
        ("call 555.123.4567", "call 5551••••67"),
        ("to+4915112345689x", "to+4915•••••••89x"),
    ] {
        assert_eq!(masked(plain), shown);
        assert_eq!(text_as(Recipients::Plain, plain), plain);
    }
    for untouched in [
        "421 4.7.28 rate limited, try later",
        "550-5.7.26 see 10.0.0.1",
        "250 2.0.0 Ok: queued as 4Z1aB21234567x",
        "code 21211, status 400",
        "@ alone, a @ b, @x",
        "",
    ] {
        assert_eq!(masked(untouched), untouched);
    }
}

proptest! {
    #[test]
    fn no_address_survives(
        before in "\\PC{0,20}",
        local in "[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{3,30}",
        domain in "[a-z0-9-]{2,20}(\\.[a-z0-9-]{2,10}){0,3}",
        after in "([ >,;:)\"'].{0,20})?",
    ) {
        let shown = masked(&format!("{before}{local}@{domain}{after}"));
        prop_assert!(!shown.contains(&format!("{local}@")), "{}", shown);
        prop_assert!(!shown.contains(&format!("@{domain}")), "{}", shown);
    }

    #[test]
    fn no_number_survives(
        before in "([^0-9]{0,20}[ :<\"'=(,])?",
        plus in "(\\+|%2B)?",
        digits in "[0-9]{7,15}",
        every in 3_usize..15,
        separator in "[ /-]?",
        after in "([ >,;:)\"'][^0-9]{0,20})?",
    ) {
        let groups: Vec<_> = digits.as_bytes().chunks(every).map(|c| std::str::from_utf8(c).unwrap()).collect();
        let number = groups.join(&separator);
        let shown = masked(&format!("{before}{plus}{number}{after}"));
        let run = shown.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
        prop_assert!(run < Some(7) && shown.contains('•'), "{}", shown);
    }

    #[test]
    fn no_text_panics(text in "(\\PC|@|[0-9+. -]){0,60}") {
        for mode in [Recipients::Masked, Recipients::Hashed, Recipients::Plain] {
            text_as(mode, &text);
            recipient_as(mode, &text);
        }
    }
}
