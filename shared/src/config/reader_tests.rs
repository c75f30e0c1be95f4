use std::ffi::OsString;

use proptest::prelude::*;
use secrecy::ExposeSecret as _;

use super::*;
use crate::config::{Table, dotenv};

const TABLE: Table = Table {
    heading: "Test",
    settings: &[
        Setting::new("COUNT", Kind::Number(1, 100), Otherwise::Value("3"), "").alias("OLD_COUNT"),
        Setting::new("WAIT_MS", Kind::Millis(10, 60_000), Otherwise::Value("1000"), ""),
        Setting::new("JITTER", Kind::Fraction(0.0, 1.0), Otherwise::Value("0.1"), ""),
        Setting::new("MODE", Kind::Choice(&["slow", "fast"]), Otherwise::Value("slow"), ""),
        Setting::new("TLS", Kind::YesNo, Otherwise::Value("yes"), ""),
        Setting::new("PASS", Kind::Secret, Otherwise::Nothing, ""),
        Setting::new("HOST", Kind::Text, Otherwise::Nothing, ""),
        Setting::new("DIR", Kind::Path, Otherwise::Value("./out"), ""),
    ],
};
const MODES: [(&str, u8); 2] = [("slow", 1), ("fast", 2)];

fn sources(env: &[(&str, &str)], dotenv: &str) -> Sources {
    let env = env.iter().map(|(n, v)| (OsString::from(n), OsString::from(v)));
    Sources::new(&[TABLE], env, dotenv::parse(dotenv.as_bytes()))
}

/// Reads everything; gives what was read, and the faults.
fn read(sources: &Sources) -> (String, String) {
    let mut r = Reader::new(sources);
    let wait = r.millis("WAIT_MS").as_millis();
    let (count, jitter, mode) =
        (r.number::<u32>("COUNT"), r.fraction("JITTER"), r.choice("MODE", &MODES).unwrap_or(0));
    let (tls, host, dir) = (r.yes_no("TLS"), r.text("HOST"), r.path("DIR"));
    let pass = r.secret("PASS").map(|p| p.expose_secret().to_owned());
    let values = format!("{count} {wait} {jitter} {mode} {tls} {pass:?} {host:?} {dir:?}");
    (values, r.finish().err().map(|f| f.to_string()).unwrap_or_default())
}

fn pass(env: &[(&str, &str)], dotenv: &str) -> (Option<String>, String) {
    let sources = sources(env, dotenv);
    let mut reader = Reader::new(&sources);
    let pass = reader.secret("PASS").map(|p| p.expose_secret().to_owned());
    (pass, reader.finish().err().map(|f| f.to_string()).unwrap_or_default())
}

const DEFAULTS: &str = r#"3 1000 0.1 1 true None None Some("./out")"#;

#[test]
fn comments_as_systemd_and_docker_hand_them_over() {
    let set = [
        ("COUNT", "5  # jobs"),
        ("WAIT_MS", " 20 # ms"),
        ("JITTER", "0.5\t# half"),
        ("MODE", "fast  # or 'slow'"),
        ("TLS", "false  # Set to 'true' for production with TLS"),
        ("PASS", "p$w # x"),
        ("HOST", "a#b"),
        ("DIR", "/a # b"),
    ];
    let values = r#"5 20 0.5 2 false Some("p$w # x") Some("a#b") Some("/a # b")"#;
    assert_eq!(read(&sources(&set, "")), (values.to_owned(), String::new()));

    for comment in ["  # Optional", "# Optional", "#", " #x", "", "  "] {
        let env: Vec<_> = TABLE.settings.iter().map(|s| (s.name, comment)).collect();
        assert_eq!(read(&sources(&env, "")), (DEFAULTS.to_owned(), String::new()), "`{comment}`");
    }
    assert_eq!(pass(&[("PASS", "#secret")], "").0.as_deref(), Some("#secret"));
}

#[test]
fn comments_in_dotenv() {
    let file = "COUNT=5  # jobs\nMODE=fast  # or 'slow'\nPASS=  # Optional\nTLS=no # don't\nHOST='# odd'\n";
    assert_eq!(
        read(&sources(&[], file)),
        (r##"5 1000 0.1 2 false None Some("# odd") Some("./out")"##.to_owned(), String::new())
    );
}

#[test]
fn flags_before_environment_before_dotenv_before_defaults() {
    let count = |sources: &Sources| Reader::new(sources).number::<u32>("COUNT");
    assert_eq!(count(&sources(&[], "")), 3);
    assert_eq!(count(&sources(&[], "COUNT=4")), 4);
    assert_eq!(count(&sources(&[("OLD_COUNT", "5")], "COUNT=4")), 5);
    assert_eq!(count(&sources(&[("COUNT", "")], "COUNT=4")), 3, "set but empty hides .env");
    let flags = [("COUNT".to_owned(), OsString::from("6"))];
    assert_eq!(count(&sources(&[("COUNT", "5")], "COUNT=4").with_flags(flags)), 6);
}

#[test]
fn all_faults_at_once_each_with_its_place_and_its_cure() {
    let env = [("COUNT", "101"), ("WAIT_MS", "5s"), ("JITTER", "NaN"), ("MODE", "quick")];
    let (_, faults) = read(&sources(&env, "TLS=perhaps\nPASS=a$b\n"));
    assert_eq!(
        faults,
        "error: 6 settings cannot be used\n  \
        .env line 2: has a $, which would be substituted; write the value in single quotes\n  \
        WAIT_MS: `5s` cannot be used; give whole milliseconds from 10 to 60000\n  \
        COUNT: `101` cannot be used; give a whole number from 1 to 100\n  \
        JITTER: `NaN` cannot be used; give a number from 0 to 1\n  \
        MODE: `quick` cannot be used; choose slow or fast\n  \
        TLS (.env line 1): `perhaps` cannot be used; write yes or no"
    );
}

#[test]
fn one_setting_said_twice_is_a_fault_unless_it_says_the_same() {
    let (_, faults) = read(&sources(&[("COUNT", "4"), ("OLD_COUNT", "5")], ""));
    assert!(faults.contains("COUNT: is set beside OLD_COUNT; keep one of the two"), "{faults}");
    assert_eq!(read(&sources(&[("COUNT", "4"), ("OLD_COUNT", "4")], "")).1, "");
    let (_, faults) = read(&sources(&[], "COUNT=4\nHOST=a\nCOUNT=5\n"));
    assert!(faults.contains(".env line 3: sets COUNT again (first in line 1)"), "{faults}");
}

#[test]
fn a_secret_out_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pass");
    let path = file.to_str().unwrap();
    for (content, secret) in
        [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), (" a # b \n\n", " a # b \n"), ("x", "x")]
    {
        std::fs::write(&file, content).unwrap();
        assert_eq!(pass(&[("PASS_FILE", path)], ""), (Some(secret.to_owned()), String::new()));
    }
    let (none, faults) = pass(&[("PASS_FILE", path), ("PASS", "hunter2")], "");
    assert_eq!(none, None);
    assert!(faults.contains("PASS: is set beside PASS_FILE") && !faults.contains("hunter2"), "{faults}");
    assert_eq!(
        pass(&[("PASS_FILE", path), ("PASS", "  # Optional")], ""),
        (Some("x".to_owned()), String::new())
    );

    std::fs::write(&file, "\n").unwrap();
    assert!(pass(&[("PASS_FILE", path)], "").1.contains("is empty"));
    std::fs::remove_file(&file).unwrap();
    let faults = pass(&[("PASS_FILE", path)], "").1;
    assert!(faults.contains(&format!("PASS_FILE: cannot read `{path}`: No such file")), "{faults}");
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_utf8_is_a_fault() {
    use std::os::unix::ffi::OsStringExt as _;
    let env = [("HOST".into(), OsString::from_vec(vec![b'a', 0xff]))];
    let sources = Sources::new(&[TABLE], env, (vec![], vec![]));
    let mut reader = Reader::new(&sources);
    assert_eq!(reader.text("HOST"), None);
    assert!(reader.finish().unwrap_err().to_string().contains("HOST: is not UTF-8"));
}

proptest! {
    #[test]
    fn a_secret_never_shows_and_is_kept_to_the_byte(secret in "[!-~]{4}[ -~]{0,20}[!-~]") {
        prop_assume!(!secret.starts_with('#'));
        let env = [("PASS", &*secret), ("PASS_FILE", "/none"), ("COUNT", "x")];
        prop_assert!(!pass(&env, "").1.contains(&secret));
        let (kept, _) = pass(&[("PASS", &secret)], "");
        prop_assert_eq!(kept.as_deref(), Some(&*secret));
    }

    #[test]
    fn no_value_panics(value in "\\PC{0,12}") {
        let env: Vec<_> = TABLE.settings.iter().map(|s| (s.name, &*value)).collect();
        read(&sources(&env, ""));
    }
}
