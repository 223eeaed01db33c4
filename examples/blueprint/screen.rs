//! The output of the program, without the panic of `println!` when its reader stops early.

use std::{
    env,
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
};

use kinto_client::blueprint::Plan;

pub(crate) fn line(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

pub(crate) fn heading(text: impl Display) {
    if coloured() { line(format_args!("\n\x1b[1m{text}\x1b[0m")) } else { line(format_args!("\n{text}")) }
}

pub(crate) fn plan(plan: &Plan) {
    if coloured() { line(format_args!("{plan:#}")) } else { line(plan) }
}

pub(crate) fn error(text: impl Display) {
    let _ = writeln!(io::stderr(), "blueprint: {text}");
}

fn coloured() -> bool {
    io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
