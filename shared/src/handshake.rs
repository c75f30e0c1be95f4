//! Why no TLS connection to Redis came about, in words that say what to do.

/// What the client's words about a failed handshake mean; `None` where they are about something else.
pub(crate) fn explained(said: &str) -> Option<String> {
    let server = |what: &str, todo: &str| Some(format!("the server's certificate {what}: {todo}"));
    let client = |what: &str| Some(format!("Redis {what}: set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE"));
    let has = |word: &str| said.contains(word);
    match () {
        () if has("AlertReceived(CertificateRequired") => client("wants a client certificate"),
        // Whatever the alert is, the server's log knows more.
        () if has("AlertReceived(") => {
            let alert = said.split("AlertReceived(").nth(1)?.split(')').next()?;
            client(&format!("refuses the client certificate ({alert})"))
        }
        () if has("UnknownIssuer") => {
            server("is of a CA that is not trusted", "set REDIS_TLS_CA_FILE to the file of that CA")
        }
        () if has("NotValidForName") => {
            // presented: ["DnsName(\"a.example\")", "IpAddress(10.0.0.1)"]
            let presented = said.split("presented: [").nth(1).unwrap_or_default();
            let names = presented.split('(').skip(1).filter_map(|name| name.split(')').next());
            let names: Vec<_> = names.map(|name| name.trim_matches(['\\', '"'])).collect();
            let names = if names.is_empty() { "other names".to_owned() } else { names.join(", ") };
            server(
                &format!("is for {names}"),
                "write one of its names into REDIS_URL, or let a cluster or its sentinels announce it",
            )
        }
        () if has("InvalidCertificate(Expired") => server("has expired", "renew it"),
        () if has("InvalidCertificate(NotValidYet") => {
            server("is not valid yet", "look at the clocks of both hosts")
        }
        () if has("InvalidCertificate(") => {
            let why = said.split("InvalidCertificate(").nth(1)?.split([')', '(']).next()?;
            server(&format!("cannot be used ({why})"), "give the server another one")
        }
        () if has("InvalidContentType") || has("InvalidMessage(") => Some(
            "no TLS is spoken there: write redis:// instead of rediss://, or name the TLS port".to_owned(),
        ),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_certificates_says_what_to_do() {
        let custom = |error: &str| format!("Custom {{ kind: InvalidData, error: {error} }}");
        let other_name = r#"InvalidCertificate(NotValidForNameContext { expected: DnsName("localhost"), presented: ["DnsName(\"redis.example.com\")", "IpAddress(10.0.0.1)"] })"#;
        for (error, start) in [
            (
                "InvalidCertificate(UnknownIssuer)",
                "the server's certificate is of a CA that is not trusted: set REDIS",
            ),
            (
                other_name,
                "the server's certificate is for redis.example.com, 10.0.0.1: write one of its names",
            ),
            ("InvalidCertificate(NotValidForName)", "the server's certificate is for other names: write"),
            ("InvalidCertificate(Expired)", "the server's certificate has expired: renew it"),
            ("InvalidCertificate(ExpiredContext { time: 1 })", "the server's certificate has expired"),
            ("InvalidCertificate(NotValidYet)", "the server's certificate is not valid yet"),
            ("InvalidCertificate(BadSignature)", "the server's certificate cannot be used (BadSignature)"),
            (
                "AlertReceived(CertificateRequired)",
                "Redis wants a client certificate: set REDIS_TLS_CERT_FILE",
            ),
            ("AlertReceived(UnknownCA)", "Redis refuses the client certificate (UnknownCA): set"),
            ("InvalidMessage(InvalidContentType)", "no TLS is spoken there"),
        ] {
            let said = explained(&custom(error)).unwrap();
            assert!(said.starts_with(start), "{said}");
        }
        for other in ["Connection refused (os error 111)", "WRONGPASS invalid username-password pair", ""] {
            assert_eq!(explained(other), None, "{other}");
        }
    }
}
