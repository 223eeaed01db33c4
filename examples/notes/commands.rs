//! The commands.

use std::{
    fmt::Display,
    io::{self, Write as _},
    time::SystemTime,
};

use futures_util::TryStreamExt as _;

use kinto_client::{
    Client, Error, KintoRecord, Record,
    local::{LocalCollection, LocalConflict, PendingChange, Store},
};
use serde::{Deserialize, Serialize};

use crate::cli::{Choice, Cli, Command};

/// A note. Fields that other programs add survive, here and on the way.
#[derive(Clone, Debug, Serialize, Deserialize, KintoRecord)]
#[kinto(collection = "notes")]
struct Note {
    text: String,
    #[serde(default)]
    done: bool,
}

pub(crate) async fn run(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    // What was given is not shown: it may be a password.
    let auth = cli.auth.as_deref().and_then(|auth| auth.split_once(':'));
    let auth = auth.ok_or("say whose notes they are: --auth USER:PASSWORD, or KINTO_AUTH")?;
    let client = Client::builder(&cli.server).auth(auth).build()?;
    let store = Store::open(&cli.file).await?;
    let notes = store.bind::<Note>(&client.bucket("default").collection(&cli.collection)).await?;
    match cli.command {
        Command::Add { texts } => {
            for text in texts {
                show(&notes.create_record(Note { text, done: false }).await?);
            }
        }
        Command::List => notes.get_records().await?.iter().for_each(show),
        Command::Edit { id, text } => show(&notes.edit_record(id).set(Note::fields().text, text).await?),
        Command::Done { id } => show(&notes.edit_record(id).set(Note::fields().done, true).await?),
        Command::Rm { id } => say(format_args!("{}  removed", notes.delete_record(id).await?.id)),
        Command::Sync => synchronize(&notes).await?,
        Command::Status => status(&notes).await?,
        Command::Conflicts => notes.conflicts().await?.iter().for_each(show_conflict),
        Command::Resolve { id, choice } => resolve(&notes, &id, choice).await?,
    }
    Ok(())
}

async fn synchronize(notes: &LocalCollection<Note>) -> Result<(), Error> {
    let report = notes.sync().await?;
    say(format_args!("{} received, {} deleted, {} sent", report.received, report.deleted, report.sent));
    for conflict in notes.conflicts().await? {
        say(format_args!("{}  has a conflict: `conflicts` shows it, and `resolve` ends it", conflict.id));
    }
    for problem in notes.problems().await? {
        say(format_args!("{}  is refused by the server: {}", problem.id, problem.message));
    }
    Ok(())
}

async fn status(notes: &LocalCollection<Note>) -> Result<(), Error> {
    let status = notes.status().await?;
    say(format_args!(
        "{} to send, {} with a conflict, {} refused",
        status.pending(),
        status.conflicts,
        status.problems
    ));
    if status.is_syncing {
        say("a synchronization is running");
    }
    if let Some(left) = status.wait_until.and_then(|until| until.duration_since(SystemTime::now()).ok()) {
        say(format_args!("the server asked for {} s of rest", left.as_secs() + 1));
    }
    let mut pending = notes.pending().stream();
    while let Some(change) = pending.try_next().await? {
        let what = match change {
            PendingChange::Create(_) => "new",
            PendingChange::Delete(_) => "removed",
            _ => "changed",
        };
        say(format_args!("{}  {what}", change.id()));
    }
    Ok(())
}

async fn resolve(notes: &LocalCollection<Note>, id: &str, choice: Choice) -> Result<(), Box<dyn std::error::Error>> {
    let conflicts = notes.conflicts().await?;
    let conflict = conflicts.into_iter().find(|conflict| conflict.id == id);
    let conflict = conflict.ok_or_else(|| format!("the note {id} has no conflict"))?;
    let LocalConflict { local, remote, .. } = conflict.clone();
    let chosen = match choice.text {
        Some(text) => Some(Note { text, done: local.or(remote).is_some_and(|note| note.data.done) }),
        None if choice.theirs => remote.map(|note| note.data),
        None => local.map(|note| note.data),
    };
    notes.resolve_conflict(conflict, chosen).await?;
    say(format_args!("{id}  is resolved: `sync` sends it"));
    Ok(())
}

fn show(note: &Record<Note>) {
    let mark = if note.data.done { 'x' } else { ' ' };
    say(format_args!("{}  [{mark}] {}", note.id, note.data.text));
}

fn show_conflict(conflict: &LocalConflict<Note>) {
    let text =
        |note: &Option<Record<Note>>| note.as_ref().map_or("(removed)".to_owned(), |note| note.data.text.clone());
    say(format_args!("{}  mine: {}  theirs: {}", conflict.id, text(&conflict.local), text(&conflict.remote)));
}

/// `println!` would panic when nobody reads to the end.
fn say(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}
