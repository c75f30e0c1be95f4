use std::path::PathBuf;

use crate::child::find_program;

/// A program that `scripts/test` fetches: the one `variable` names, else `fetched` below `tools` in the target folder,
/// else the one of that name in `PATH`.
///
/// # Panics
///
/// When there is none, with how to get it.
pub fn tool(variable: &str, fetched: &str) -> PathBuf {
    let name = fetched.rsplit('/').next().unwrap_or(fetched);
    // Test programs lie in target/PROFILE/deps.
    let program = std::env::current_exe().expect("a program knows where it lies");
    let in_target = || {
        let below = program.ancestors().map(|folder| folder.join("tools").join(fetched));
        below.into_iter().find(|tool| tool.is_file())
    };
    let set = std::env::var_os(variable).map(PathBuf::from);
    set.or_else(in_target)
        .or_else(|| find_program(name))
        .unwrap_or_else(|| panic!("no {name}: run `scripts/test tests`, which fetches it, or set {variable}"))
}
