//! Texts that are kept beside the tests: a change of one is seen in review.

use std::fs;
use std::path::{Path, PathBuf};

/// Where snapshot `name` is kept: `help/stats` is `snapshots/help/stats.txt`.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots").join(format!("{name}.txt"))
}

/// Fails where `text` is not what is kept under `name`. With `UPDATE_SNAPSHOTS=1` it is kept from now on.
pub(crate) fn matches(name: &str, text: &str) {
    let path = path(name);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_SNAPSHOTS=1 keeps it", path.display()));
    assert_eq!(text, kept, "{} differs; UPDATE_SNAPSHOTS=1 keeps what is new", path.display());
}

/// Fails where a line is wider than 80 columns, or the text is coloured.
pub(crate) fn fits(text: &str) {
    let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "wider than 80 columns: {wide:#?}");
    assert!(!text.contains('\x1b'), "coloured: {text:?}");
}
