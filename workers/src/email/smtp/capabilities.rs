use super::reply::Reply;

/// What a server offers in its answer to EHLO.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) starttls: bool,
    /// Commands may be sent ahead of the answers to earlier ones (RFC 2920).
    pub(super) pipelining: bool,
    pub(super) eight_bit_mime: bool,
    pub(super) smtputf8: bool,
    /// SIZE is offered (RFC 1870): MAIL may carry it.
    pub(super) size: bool,
    /// The largest mail it takes, bytes; `None` when it names no limit.
    pub(super) max_size: Option<u64>,
    pub(super) auth_plain: bool,
    pub(super) auth_login: bool,
}

impl Capabilities {
    pub(super) fn read(ehlo: &Reply) -> Self {
        let mut found = Self::default();
        for line in ehlo.text.lines().skip(1) {
            let line = line.to_ascii_uppercase().replace("AUTH=", "AUTH ");
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("STARTTLS") => found.starttls = true,
                Some("PIPELINING") => found.pipelining = true,
                Some("8BITMIME") => found.eight_bit_mime = true,
                Some("SMTPUTF8") => found.smtputf8 = true,
                Some("SIZE") => {
                    found.size = true;
                    found.max_size = words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0);
                }
                Some("AUTH") => {
                    for mechanism in words {
                        found.auth_plain |= mechanism == "PLAIN";
                        found.auth_login |= mechanism == "LOGIN";
                    }
                }
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str) -> Capabilities {
        Capabilities::read(&Reply { code: 250, text: format!("host\n{lines}") })
    }

    #[test]
    fn reads_what_matters_in_any_case() {
        let found = read("PIPELINING\nsize 1000\n8BitMime\nSMTPUTF8\nSTARTTLS\nAUTH CRAM-MD5 plain LOGIN");
        assert_eq!(
            found,
            Capabilities {
                starttls: true,
                pipelining: true,
                eight_bit_mime: true,
                smtputf8: true,
                size: true,
                max_size: Some(1000),
                auth_plain: true,
                auth_login: true,
            }
        );
    }

    #[test]
    fn the_old_way_to_offer_auth() {
        assert!(read("AUTH=LOGIN").auth_login);
    }

    #[test]
    fn size_without_a_limit() {
        for line in ["SIZE", "SIZE 0", "SIZE much"] {
            let found = read(line);
            assert!(found.size && found.max_size.is_none(), "{line}");
        }
    }

    #[test]
    fn the_first_line_is_only_the_server_s_name() {
        let reply = Reply { code: 250, text: "STARTTLS is my name".into() };
        assert_eq!(Capabilities::read(&reply), Capabilities::default());
    }
}
