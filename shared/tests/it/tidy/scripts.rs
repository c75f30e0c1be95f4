//! Header and body of each script say the same.

use std::collections::BTreeSet;

use super::{files, none, root};
use crate::scripts::{SCRIPTS, script_parts, script_text};

/// A script: its name, header (comment lines up to the first blank line) and body.
struct Script {
    name: &'static str,
    header: String,
    body: String,
}

fn scripts() -> Vec<Script> {
    let part = |name| {
        let text = script_text(name);
        let (header, body) = text.split_once("\n\n").unwrap_or_else(|| {
            panic!("shared/lua/{name}.lua: put a blank line between the header and the body")
        });
        Script { name, header: header.to_owned(), body: body.to_owned() }
    };
    SCRIPTS.map(part).into()
}

/// The numbers of `KEYS[n]` or `ARGV[n]` that a header names, and from which number on it is open-ended.
fn named(header: &str, what: &str) -> (BTreeSet<usize>, Option<usize>) {
    let (mut numbers, mut open) = (BTreeSet::new(), None);
    for line in header.lines() {
        let Some(rest) = line.strip_prefix(&format!("-- {what}[")) else { continue };
        let (number, _) = rest.split_once(']').expect("a closing bracket");
        match number.strip_suffix('…') {
            Some(from) => open = Some(from.parse().expect("a number")),
            None => {
                assert!(numbers.insert(number.parse().expect("a number")), "{what}[{number}] is named twice")
            }
        }
    }
    (numbers, open)
}

/// The numbers that a body uses, and from which number on it goes through the rest.
fn used(body: &str, what: &str) -> (BTreeSet<usize>, Option<usize>) {
    let (mut numbers, mut open) = (BTreeSet::new(), BTreeSet::new());
    for (at, _) in body.match_indices(&format!("{what}[")) {
        let inside = &body[at + what.len() + 1..];
        let inside = inside.split_once(']').expect("a closing bracket").0;
        if let Ok(number) = inside.parse() {
            numbers.insert(number);
        } else if let Some(Ok(offset)) = inside.strip_suffix(" + i").map(str::parse::<usize>) {
            open.insert(offset + loop_of(&body[..at]).0);
        } else if inside == "i" {
            match loop_of(&body[..at]) {
                (from, Some(to)) => numbers.extend(from..=to),
                (from, None) => _ = open.insert(from),
            }
        }
    }
    open.extend(body.split(&format!("unpack({what}, ")).skip(1).map(leading));
    if body.contains(&format!("ipairs({what})")) {
        open.insert(1);
    }
    (numbers, open.into_iter().min())
}

/// Where the last loop over `i` in `text` starts and, where that is a number, ends.
fn loop_of(text: &str) -> (usize, Option<usize>) {
    let head = text.rsplit("for i").next().unwrap_or_default().split(" do").next().unwrap_or_default();
    let Some((from, to)) = head.strip_prefix(" = ").and_then(|range| range.split_once(", ")) else {
        return (1, None);
    };
    (leading(from), to.parse().ok())
}

/// The number that an expression such as `5 + plain` starts with.
fn leading(expression: &str) -> usize {
    let digits = expression.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or_else(|_| panic!("start `{expression}` with the number that the header names"))
}

/// `local ids = 4` beside `KEYS[ids]`: counted up before use, it starts at the next number.
fn counted(body: &str) -> Option<usize> {
    body.contains("KEYS[ids]").then(|| {
        let line =
            body.lines().find(|line| line.contains("local") && line.contains("ids")).expect("local ids");
        line.rsplit([' ', ',']).next().and_then(|n| n.parse::<usize>().ok()).expect("its start") + 1
    })
}

#[test]
fn every_key_and_argument_is_named_in_the_header_and_used_in_the_body() {
    let mut faults = Vec::new();
    for script in scripts() {
        for what in ["KEYS", "ARGV"] {
            let (named, open_named) = named(&script.header, what);
            let (used, open_used) = used(&script.body, what);
            let counted = if what == "KEYS" { counted(&script.body) } else { None };
            let file = format!("shared/lua/{}.lua", script.name);
            let within = |open: Option<usize>, n: usize| open.is_some_and(|from| n >= from);
            for n in used.iter().filter(|n| !named.contains(n) && !within(open_named, **n)) {
                faults.push(format!("{file}: the body uses {what}[{n}]; name it in the header"));
            }
            for n in named.iter().filter(|n| !used.contains(n)) {
                faults.push(format!("{file}: the header names {what}[{n}]; use it or take it out"));
            }
            let last = named.iter().copied().max().unwrap_or(0);
            if !named.iter().copied().eq(1..=last) || open_named.is_some_and(|from| from != last + 1) {
                faults.push(format!("{file}: name {what} in order and without gaps"));
            }
            let goes_on = [open_used, counted].into_iter().flatten().min();
            if open_named != goes_on {
                faults.push(format!(
                    "{file}: {what} that go on: the header says from {open_named:?}, the body {goes_on:?}; make them agree"
                ));
            }
        }
    }
    none(faults);
}

#[test]
fn a_header_names_its_file_and_a_caller_that_runs_it() {
    let mut faults = Vec::new();
    for script in scripts() {
        let name = script.name;
        let mut lines = script.header.lines();
        let flags = match name {
            "enqueue" | "fire" | "import" | "schedule_add" => "#!lua",
            "seek" | "stats" => "#!lua flags=no-writes",
            _ => "#!lua flags=allow-oom",
        };
        if lines.next() != Some(flags) {
            faults.push(format!(
                "shared/lua/{name}.lua: start with `{flags}`, so that a full Redis refuses intake only"
            ));
        }
        if !lines.next().is_some_and(|line| line.starts_with(&format!("-- {name}.lua: "))) {
            faults
                .push(format!("shared/lua/{name}.lua: say `-- {name}.lua: what it does` in the second line"));
        }
        let caller =
            script.header.lines().find_map(|line| line.strip_prefix("-- Caller   ")).unwrap_or_default();
        let caller = caller.split([',', ' ']).next().unwrap_or_default();
        let constant = name.to_uppercase();
        match std::fs::read_to_string(root().join(caller)) {
            Ok(text) if text.contains(&format!("&{constant}")) => {}
            Ok(_) => {
                faults.push(format!("shared/lua/{name}.lua: {caller} does not run {constant}; name who does"))
            }
            Err(_) => faults
                .push(format!("shared/lua/{name}.lua: there is no {caller:?}; name the file that runs it")),
        }
    }
    none(faults);
}

/// Words in single quotes: they begin after a space, as no apostrophe does.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split(" '").skip(1)).filter_map(|rest| Some(rest.split_once('\'')?.0))
}

#[test]
fn every_reply_word_of_a_header_is_in_the_body() {
    let mut faults = Vec::new();
    for script in scripts() {
        let returns = script.header.find("\n-- Returns ").unwrap_or_else(|| {
            panic!(
                "shared/lua/{}.lua: say what comes back, in lines that start with `-- Returns`",
                script.name
            )
        });
        for word in
            quoted(&script.header[returns..]).filter(|word| !script.body.contains(&format!("'{word}'")))
        {
            faults.push(format!(
                "shared/lua/{}.lua: 'Returns' promises '{word}', which the body never says",
                script.name
            ));
        }
    }
    none(faults);
}

#[test]
fn no_script_decodes_a_message() {
    let faults =
        scripts().into_iter().filter(|script| script.name != "heartbeat" && script.body.contains("cjson"));
    let word = |script: Script| {
        format!(
            "shared/lua/{}.lua: take cjson out; it would change digits, empty arrays and key order",
            script.name
        )
    };
    none(faults.map(word).collect());
}

#[test]
fn every_script_is_known_here() {
    let mut there: BTreeSet<_> = std::fs::read_dir(root().join("shared/lua"))
        .expect("shared/lua")
        .map(|entry| {
            entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned()
        })
        .collect();
    for name in SCRIPTS {
        assert!(there.remove(name), "{name} is gone: take it out of SCRIPTS in scripts/queue.rs");
    }
    assert!(
        there.is_empty(),
        "add {there:?} to SCRIPTS in scripts/queue.rs and a call of it to scripts/every.rs"
    );
    let runner = std::fs::read_to_string(root().join("shared/src/script.rs")).expect("script.rs");
    for name in SCRIPTS.iter().filter(|name| !script_parts(name).is_empty()) {
        let start = format!("\"../lua/{name}/");
        let named = runner.match_indices(start.as_str()).map(|(at, start)| &runner[at + start.len()..]);
        let parts: Vec<_> = named.map(|rest| rest.split('.').next().unwrap_or_default()).collect();
        assert_eq!(
            parts,
            script_parts(name),
            "join the parts of {name} in scripts/queue.rs as shared/src/script.rs does"
        );
    }
}

#[test]
fn lua_files_are_short() {
    let long = files("shared/lua", "lua").into_iter().filter(|(_, text)| text.lines().count() > 80);
    none(
        long.map(|(name, text)| format!("{name}: {} lines; split it below 80", text.lines().count()))
            .collect(),
    );
    let wide = files("shared/lua", "lua").into_iter().flat_map(|(name, text)| {
        let lines = text.lines().enumerate().filter(|(_, line)| line.chars().count() > 120);
        lines.map(|(n, _)| format!("{name}:{}: break this line before column 120", n + 1)).collect::<Vec<_>>()
    });
    none(wide.collect());
}
