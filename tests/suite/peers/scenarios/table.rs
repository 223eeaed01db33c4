//! The table of the scenarios names tests that exist.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use kinto_tests::Outcome;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

/// The rows of a section of the page: a scenario and its test.
fn rows(page: &str, section: &str) -> Vec<(String, String)> {
    let start = page.find(&format!("\n# {section}\n")).expect("a section") + 2;
    let text = page[start..].split("\n# ").next().expect("its text");
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit_once(" | "));
    let named = cells.filter(|(scenario, _)| *scenario != "scenario");
    named.map(|(scenario, test)| (scenario.to_owned(), test.trim_matches('`').to_owned())).collect()
}

/// The names of the tests, each with its module.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (folder, prefix) in [("suite", ""), ("attachments", "attachments::")] {
        let root = root().join(folder);
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let inside = path.strip_prefix(&root).expect("it is in there").with_extension("");
                    let parts = inside.iter().map(|part| part.to_string_lossy()).filter(|part| part != "mod");
                    let module = parts.collect::<Vec<_>>().join("::");
                    let text = fs::read_to_string(&path).expect("text");
                    found.extend(tests_in(&text).map(|name| format!("{prefix}{module}::{name}")));
                }
            }
        }
    }
    found
}

/// The names of the tests in a file; those that a macro makes have a parameter.
fn tests_in(text: &str) -> impl Iterator<Item = &str> {
    let is_test = |line: &str, before: &str| {
        let made = line.contains("(backend: Backend)") || line.contains("(scene: Scene)");
        before.starts_with("#[tokio::test") || before == "#[test]" || made
    };
    text.lines().zip(text.lines().skip(1)).filter(move |(before, line)| is_test(line, before)).filter_map(
        |(_, line)| line.trim_start_matches("async ").strip_prefix("fn ").and_then(|rest| rest.split('(').next()),
    )
}

#[test]
fn table_names_a_test_for_each_scenario() -> Outcome {
    let page = fs::read_to_string(root().join("../kinto-client/src/scenarios.md"))?;
    let tests = tests();
    assert!(tests.len() > 500, "the tests were not found: {}", tests.len());
    let (python, javascript) = (rows(&page, "kinto-http.py"), rows(&page, "kinto.js"));
    assert_eq!((python.len(), javascript.len()), (56, 153));
    let missing: Vec<_> = python.iter().chain(&javascript).filter(|(_, test)| !tests.contains(test)).collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    let mut names: Vec<_> = python.iter().map(|(scenario, _)| scenario).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 56, "a scenario is there twice");
    Ok(())
}
