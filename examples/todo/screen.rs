//! The output of the program, without the panic of `println!` when its reader stops early, as in
//! `todo list | head -1`.

use std::{
    env,
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
};

pub(crate) fn line(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// A line that belongs to the heading above it.
pub(crate) fn item(text: impl Display) {
    line(format_args!("   {text}"));
}

pub(crate) fn heading(text: impl Display) {
    let plain = !io::stdout().is_terminal() || env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let (bold, normal) = if plain { ("", "") } else { ("\x1b[1m", "\x1b[0m") };
    line(format_args!("\n{bold}{text}{normal}"));
}

/// Something to know that is not what was asked for.
pub(crate) fn note(text: impl Display) {
    let _ = writeln!(io::stderr(), "todo: {text}");
}
