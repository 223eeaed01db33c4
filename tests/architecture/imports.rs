//! Reading `use` declarations.

/// The first modules of all paths that a file imports from its own crate, each with its line. Tests inside of the file
/// may import anything.
pub(crate) fn of(path: &str, text: &str) -> Vec<(usize, String)> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let depth = path.trim_start_matches("kinto-client/src/").matches('/').count();
    let is_folder = path.ends_with("/mod.rs");
    let modules = inline_modules(text);
    let mut found = Vec::new();
    for (line, tree) in declarations(text) {
        for names in flatten(&tree) {
            let ups = names.iter().take_while(|name| *name == "super").count();
            // `super` in `a/b.rs` is `a`, and in `a/mod.rs` it is the root.
            let inside = modules.iter().filter(|(start, end)| (*start..*end).contains(&line)).count();
            let from_root = match names.first().map(String::as_str) {
                Some("crate") => names.get(1),
                Some("super") if ups > depth - usize::from(is_folder) + inside => names.get(ups),
                _ => None,
            };
            found.extend(from_root.map(|name| (line, name.clone())));
        }
    }
    for (line, text) in text.lines().enumerate().map(|(index, text)| (index + 1, text)) {
        let text = text.split("//").next().unwrap_or_default();
        if text.contains("use ") || text.contains("$crate") {
            continue;
        }
        for rest in text.split("crate::").skip(1) {
            let before = text.split("crate::").next().unwrap_or_default();
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !name.is_empty() && !before.ends_with(['$', '_']) && !before.ends_with("pub(in ") {
                found.push((line, name));
            }
        }
    }
    found
}

/// The names that `pub use` gives to the root of a crate.
pub(crate) fn exports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("\npub use ") {
        rest = rest.get(at + "\npub use ".len()..).unwrap_or_default();
        let tree = rest.split(';').next().unwrap_or_default();
        found.extend(flatten(tree).into_iter().filter_map(|names| names.last().cloned()));
    }
    found
}

/// The lines of the modules that are written inside of the file.
fn inline_modules(text: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let is_module = |line: &str| line.ends_with('{') && line.split(' ').rev().nth(2) == Some("mod");
    let starts = lines.iter().enumerate().filter(|(_, line)| !line.starts_with(' ') && is_module(line));
    let end =
        |start: usize| lines.iter().skip(start).position(|line| *line == "}").map_or(lines.len(), |more| start + more);
    starts.map(|(start, _)| (start + 1, end(start) + 1)).collect()
}

/// All `use` declarations, each with its line.
fn declarations(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.trim_start();
        let Some(start) = line.strip_prefix("use ").or_else(|| {
            let (visibility, rest) = line.split_once(" use ")?;
            visibility.starts_with("pub").then_some(rest)
        }) else {
            continue;
        };
        let mut tree = start.to_owned();
        while !tree.contains(';') {
            let Some((_, more)) = lines.next() else { break };
            tree.push_str(more.trim());
        }
        found.push((index + 1, tree.split(';').next().unwrap_or_default().to_owned()));
    }
    found
}

/// The paths of a tree: `a::{b, c::d}` has `a::b` and `a::c::d`.
fn flatten(tree: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    branch(tree.trim(), &[], &mut found);
    found
}

fn branch(tree: &str, prefix: &[String], found: &mut Vec<Vec<String>>) {
    let Some((head, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or(tree);
        let names = path.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
        found.push(prefix.iter().cloned().chain(names).collect());
        return;
    };
    let names = head.split("::").map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    let prefix: Vec<String> = prefix.iter().cloned().chain(names).collect();
    let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let part = inner.get(start..at).unwrap_or_default().trim();
                if !part.is_empty() {
                    branch(part, &prefix, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

#[test]
fn trees_are_flattened() {
    let paths: Vec<String> =
        flatten("crate::{a::{self, B}, c::D as E, f}").iter().map(|path| path.join("::")).collect();
    assert_eq!(paths, ["crate::a::self", "crate::a::B", "crate::c::D", "crate::f"]);
}
