//! Name cases: serde's `rename_all`, and the default name of a collection.

/// One of serde's rules for `rename_all`, as it applies to the fields of a struct.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Case {
    /// The unchanged name; `lowercase` and `snake_case` also leave fields unchanged, which are in snake case
    /// already.
    #[default]
    AsWritten,
    /// `UPPERCASE` and `SCREAMING_SNAKE_CASE`
    Screaming,
    /// `PascalCase`
    Pascal,
    /// `camelCase`
    Camel,
    /// `kebab-case`
    Kebab,
    /// `SCREAMING-KEBAB-CASE`
    ScreamingKebab,
}

impl Case {
    /// Returns serde's rule with this name; serde itself reports unknown ones.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "UPPERCASE" | "SCREAMING_SNAKE_CASE" => Self::Screaming,
            "PascalCase" => Self::Pascal,
            "camelCase" => Self::Camel,
            "kebab-case" => Self::Kebab,
            "SCREAMING-KEBAB-CASE" => Self::ScreamingKebab,
            _ => Self::AsWritten,
        }
    }

    /// Returns the serialized name of the field `name`.
    pub(crate) fn apply(self, name: &str) -> String {
        match self {
            Self::AsWritten => name.to_owned(),
            Self::Screaming => name.to_ascii_uppercase(),
            Self::Pascal => pascal(name),
            Self::Camel => {
                let pascal = pascal(name);
                let mut chars = pascal.chars();
                let first = chars.next().map(|first| first.to_ascii_lowercase());
                first.into_iter().chain(chars).collect()
            }
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn pascal(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let mut chars = word.chars();
            let first = chars.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(chars)
        })
        .collect()
}

/// Converts the name of a type to the name of a collection: `TodoItem` becomes `todo_item`, `HTTPLog` becomes
/// `http_log`.
pub(crate) fn snake(name: &str) -> String {
    let chars: Vec<char> = name.trim_matches('_').chars().collect();
    let mut snake = String::new();
    let mut previous = None;
    for (i, c) in chars.iter().enumerate() {
        let starts_word = c.is_uppercase()
            && previous.is_some_and(|p: char| {
                let ends_acronym = chars.get(i + 1).is_some_and(|next| next.is_lowercase());
                p != '_' && (!p.is_uppercase() || ends_acronym)
            });
        if starts_word {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
        previous = Some(*c);
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serde_rules_on_fields() {
        let all = |name: &str| {
            [
                "lowercase",
                "UPPERCASE",
                "PascalCase",
                "camelCase",
                "snake_case",
                "SCREAMING_SNAKE_CASE",
                "kebab-case",
                "SCREAMING-KEBAB-CASE",
            ]
            .map(|rule| Case::named(rule).apply(name))
        };
        assert_eq!(all("due_at"), ["due_at", "DUE_AT", "DueAt", "dueAt", "due_at", "DUE_AT", "due-at", "DUE-AT"]);
        assert_eq!(all("_x__y2_"), ["_x__y2_", "_X__Y2_", "XY2", "xY2", "_x__y2_", "_X__Y2_", "-x--y2-", "-X--Y2-"]);
        assert_eq!(Case::Camel.apply("__"), "");
        assert_eq!(Case::Camel.apply("élan_vital"), "élanVital");
    }

    #[test]
    fn unknown_rules_are_left_to_serde() {
        assert_eq!(Case::named("Train-Case"), Case::AsWritten);
    }

    #[test]
    fn collections_are_in_snake_case() {
        for (name, collection) in [
            ("Todo", "todo"),
            ("TodoItem", "todo_item"),
            ("HTTPLog", "http_log"),
            ("LogHTTP", "log_http"),
            ("Log2Line", "log2_line"),
            ("Already_Split", "already_split"),
            ("_Hidden", "hidden"),
            ("A", "a"),
            ("plain", "plain"),
            ("__", ""),
        ] {
            assert_eq!(snake(name), collection, "{name}");
        }
    }
}
