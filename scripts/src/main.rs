//! `queuectl`: see [`queuectl`].

use std::process::ExitCode;

fn main() -> ExitCode {
    queuectl::run(std::env::args_os())
}
