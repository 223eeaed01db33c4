//! The rules that keep the code readable, checked against the sources: imports go down, no room is too large, the root
//! of the crate stays short, and summaries say something.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs,
    path::{Path, PathBuf},
};

mod imports;
mod summaries;

type Outcome = Result<(), Box<dyn Error>>;

/// The rooms of `kinto-client/src`, from the features down. A room imports from itself and from the rooms after it.
const ROOMS: [&str; 22] = [
    "public",
    "testing",
    "local",
    "review",
    "changeset",
    "blueprint",
    "schema",
    "tools",
    "openid",
    "permission",
    "account",
    "attachment",
    "history",
    "handle",
    "operation",
    "client",
    "record",
    "field",
    "transport",
    "wire",
    "json",
    "error",
];

/// The number of names at the root of the crate, its modules not included.
const MOST_NAMES: usize = 30;

/// A source file: its path from the root of the repository, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The room that the file belongs to: the first folder, or the file itself.
    fn room(&self) -> &str {
        let inside = self.path.strip_prefix("kinto-client/src/").unwrap_or(&self.path);
        inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Reads all Rust files below a folder of the repository, in the order of their paths.
fn sources(folder: &str) -> Result<Vec<Source>, Box<dyn Error>> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root())?.to_string_lossy().into_owned();
                found.push(Source { path: name, text: fs::read_to_string(&path)? });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

#[test]
fn imports_go_down() -> Outcome {
    let sources = sources("kinto-client/src")?;
    let rank = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut wrong = Vec::new();
    let is_test = |source: &Source| source.path.ends_with("/tests.rs");
    for source in sources.iter().filter(|source| !matches!(source.room(), "lib" | "private") && !is_test(source)) {
        let Some(from) = rank(source.room()) else {
            wrong.push(format!("{}: the room `{}` has no place in ROOMS", source.path, source.room()));
            continue;
        };
        for (line, target) in imports::of(&source.path, &source.text) {
            match rank(&target) {
                Some(to) if to >= from => {}
                Some(_) => {
                    wrong.push(format!("{}:{line}: `{}` imports from `{target}` above it", source.path, source.room()));
                }
                None if target == "__private" => {}
                None => {
                    wrong.push(format!("{}:{line}: import `{target}` from the module that defines it", source.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports have to go down:\n{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn no_two_rooms_import_from_each_other() -> Outcome {
    let mut edges: BTreeSet<(String, String)> = BTreeSet::new();
    for source in sources("kinto-client/src")?.iter().filter(|source| !source.path.ends_with("/tests.rs")) {
        for (_, target) in imports::of(&source.path, &source.text) {
            edges.insert((source.room().to_owned(), target));
        }
    }
    let both: Vec<_> =
        edges.iter().filter(|(from, to)| from < to && edges.contains(&(to.clone(), from.clone()))).collect();
    assert!(both.is_empty(), "{both:?}");
    Ok(())
}

#[test]
fn no_room_holds_more_than_a_quarter() -> Outcome {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources("kinto-client/src")? {
        *lines.entry(source.room().to_owned()).or_default() += source.text.lines().count();
    }
    let all: usize = lines.values().sum();
    let large: Vec<_> = lines.into_iter().filter(|(_, lines)| lines * 4 > all).collect();
    assert!(large.is_empty(), "of {all} lines: {large:?}");
    Ok(())
}

#[test]
fn the_root_of_the_crate_is_short() -> Outcome {
    let root = fs::read_to_string(root().join("kinto-client/src/lib.rs"))?;
    let modules = ["auth", "batch", "list", "object", "permissions", "retry", "server"];
    let names: BTreeSet<String> = imports::exports(&root).into_iter().collect();
    let names: Vec<_> = names.iter().filter(|name| !modules.contains(&name.as_str())).collect();
    assert!(names.iter().any(|name| *name == "Client"), "the names were not read: {names:?}");
    assert!(names.len() <= MOST_NAMES, "{} names: {names:?}", names.len());
    Ok(())
}

#[test]
fn summaries_begin_with_what_they_are_about() -> Outcome {
    let mut wrong = Vec::new();
    let mut all = 0;
    for folder in ["kinto-client/src", "kinto-derive/src"] {
        for source in sources(folder)? {
            for (line, summary) in summaries::of(&source.text) {
                all += 1;
                if summaries::is_riddle(&summary) {
                    wrong.push(format!("{}:{line}: {summary}", source.path));
                }
            }
        }
    }
    assert!(all > 500, "only {all} summaries were found");
    assert!(
        wrong.len() * 50 <= all,
        "{} of {all} summaries begin with a question word; begin with a verb or a noun:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    Ok(())
}

#[test]
fn the_guides_name_files_that_exist() -> Outcome {
    let mut wrong = Vec::new();
    for (guide, folders) in [("ARCHITECTURE.md", ["kinto-client/src", "."]), ("CONTRIBUTING.md", [".", "kinto-client"])]
    {
        let text = fs::read_to_string(root().join(guide))?;
        let names = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.contains('/') || Path::new(name).extension().is_some_and(|kind| kind == "rs"));
        let names: Vec<&str> = names.filter(|name| !name.contains([' ', '{', '(', '=', ':', '<'])).collect();
        assert!(names.len() > 5, "{guide}: the names of files were not read");
        let exists = |name: &str| folders.iter().any(|folder| root().join(folder).join(name).exists());
        wrong.extend(names.iter().filter(|name| !exists(name)).map(|name| format!("{guide}: {name}")));
    }
    assert!(wrong.is_empty(), "no such files:\n{}", wrong.join("\n"));
    Ok(())
}
