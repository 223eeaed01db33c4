//! Reading the first lines of documentation.

/// Words that no summary begins with: a reader has to solve such a sentence before it says anything.
const RIDDLES: [&str; 12] =
    ["What", "Whether", "How", "Who", "Whom", "Whose", "Those", "That", "Where", "When", "Nobody", "Nothing"];

/// The first line of each block of documentation, with its number.
pub(crate) fn of(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_start();
        let summary = line.strip_prefix("/// ").or_else(|| line.strip_prefix("//! "));
        let is_documentation = line.starts_with("///") || line.starts_with("//!");
        if let Some(summary) = summary.filter(|_| !inside) {
            found.push((index + 1, summary.to_owned()));
        }
        inside = is_documentation;
    }
    found
}

/// Returns true for a summary that begins with a question word.
pub(crate) fn is_riddle(summary: &str) -> bool {
    let first = summary.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    RIDDLES.contains(&first)
}
