//! The table of the scenarios names tests that exist.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use kinto_tests::Outcome;

/// Scenarios whose tests are not named yet, by what they are about.
const NOT_NAMED_YET: [&str; 3] = ["TODO-attachments", "TODO-history", "TODO-snapshots"];

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

/// The names of the tests of the suite, each with its module, and how often it is defined there.
fn tests() -> BTreeMap<String, usize> {
    let suite = root().join("suite");
    let (mut folders, mut found) = (vec![suite.clone()], BTreeMap::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inside = path.strip_prefix(&suite).expect("it is in there").with_extension("");
            let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).filter(|part| part != "mod").collect();
            let text = fs::read_to_string(&path).expect("text");
            let is_test = |line: &str, before: &str| {
                before.starts_with("#[tokio::test") || before == "#[test]" || line.contains("(backend: Backend)")
            };
            let lines: Vec<&str> = text.lines().collect();
            for pair in lines.windows(2).filter(|pair| is_test(pair[1], pair[0])) {
                let declared = pair[1].trim_start_matches("async ").strip_prefix("fn ");
                if let Some(name) = declared.and_then(|rest| rest.split('(').next()) {
                    *found.entry(format!("{}::{name}", parts.join("::"))).or_default() += 1;
                }
            }
        }
    }
    found
}

#[test]
fn table_names_a_test_for_each_scenario() -> Outcome {
    let page = fs::read_to_string(root().join("../kinto-client/src/scenarios.md"))?;
    let tests = tests();
    assert!(tests.len() > 500, "the tests were not found: {}", tests.len());
    let (python, javascript) = (rows(&page, "kinto-http.py"), rows(&page, "kinto.js"));
    assert_eq!((python.len(), javascript.len()), (56, 153));
    let missing: Vec<_> = python
        .iter()
        .chain(&javascript)
        .filter(|(_, test)| !tests.contains_key(test) && !NOT_NAMED_YET.contains(&test.as_str()))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
    let unused: Vec<_> = NOT_NAMED_YET.iter().filter(|topic| !page.contains(**topic)).collect();
    assert!(unused.is_empty(), "every scenario of {unused:?} has its test: take it out of NOT_NAMED_YET");
    let mut names: Vec<_> = python.iter().map(|(scenario, _)| scenario).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 56, "a scenario is there twice");
    Ok(())
}
