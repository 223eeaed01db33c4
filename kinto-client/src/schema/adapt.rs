//! Rewrites a schema so that its patterns mean here what they mean to the server.

use serde_json::{Map, Value, json};

use super::{
    pattern::{Untranslated, translated},
    python,
};
use crate::error::{Error, Result};

/// The patterns of a schema: what was made of them.
#[derive(Default)]
pub(super) struct Patterns {
    /// The translated patterns, each with its original.
    pub(super) translated: Vec<(String, String)>,
    /// The patterns that only the server can check.
    pub(super) left: Vec<String>,
    /// One of them is where a `$ref` can point to.
    is_anywhere: bool,
    has_refs: bool,
}

impl Patterns {
    /// Rewrites the schema. What depends on a pattern that cannot be translated is taken out of it, so that it never
    /// refuses a record that the server accepts.
    pub(super) fn of(schema: &mut Value) -> Result<Self> {
        let mut patterns = Self::default();
        let is_weaker = patterns.adapt(schema)?;
        if patterns.is_anywhere || (is_weaker && patterns.has_refs) {
            *schema = Value::Bool(true);
        }
        Ok(patterns)
    }

    /// The text with patterns as they were written.
    pub(super) fn restored(&self, mut text: String) -> String {
        for (translated, written) in &self.translated {
            if translated.len() > 1 && text.contains(translated.as_str()) {
                text = text.replace(translated.as_str(), written);
            }
        }
        text
    }

    /// Gives the pattern as it is to be used, or `None` if it is left to the server.
    fn pattern(&mut self, pattern: &str) -> Result<Option<String>> {
        match translated(pattern) {
            Ok(translation) if is_understood(&translation) => {
                self.translated.push((translation.clone(), pattern.to_owned()));
                Ok(Some(translation))
            }
            Ok(_) | Err(Untranslated::LeftToServer) => {
                self.left.push(pattern.to_owned());
                Ok(None)
            }
            Err(Untranslated::Invalid(reason)) => {
                Err(Error::invalid(format!("{pattern:?} is no regular expression to the server: {reason}")))
            }
        }
    }

    /// Rewrites a schema, and gives whether it asks for less than before.
    fn adapt(&mut self, schema: &mut Value) -> Result<bool> {
        let Value::Object(schema) = schema else { return Ok(false) };
        let mut is_weaker = false;
        self.has_refs |= schema.contains_key("$ref");
        if let Some(Value::String(pattern)) = schema.get("pattern") {
            if let Some(translation) = self.pattern(&pattern.clone())? {
                schema.insert("pattern".to_owned(), translation.into());
            } else {
                schema.remove("pattern");
                is_weaker = true;
            }
        }
        is_weaker |= self.adapt_named(schema)?;
        for keyword in ["definitions", "$defs"] {
            if let Some(Value::Object(named)) = schema.get_mut(keyword) {
                for schema in named.values_mut() {
                    self.is_anywhere |= self.adapt(schema)?;
                }
            }
        }
        for keyword in ["properties", "dependencies", "dependentSchemas"] {
            if let Some(Value::Object(named)) = schema.get_mut(keyword) {
                for schema in named.values_mut() {
                    is_weaker |= self.adapt(schema)?;
                }
            }
        }
        // What asks for less inside asks for less as a whole.
        for keyword in [
            "additionalItems",
            "additionalProperties",
            "allOf",
            "anyOf",
            "else",
            "items",
            "prefixItems",
            "propertyNames",
            "then",
        ] {
            if let Some(inner) = schema.get_mut(keyword) {
                is_weaker |= self.adapt_each(inner)?;
            }
        }
        // And what does not: with less inside it would ask for more.
        for (keyword, with) in [
            ("contains", ["maxContains", "minContains"].as_slice()),
            ("if", ["then", "else"].as_slice()),
            ("not", [].as_slice()),
            ("oneOf", [].as_slice()),
            ("unevaluatedItems", [].as_slice()),
            ("unevaluatedProperties", [].as_slice()),
        ] {
            let Some(inner) = schema.get_mut(keyword) else { continue };
            if self.adapt_each(inner)? {
                schema.remove(keyword);
                for keyword in with {
                    schema.remove(*keyword);
                }
                is_weaker = true;
            }
        }
        if is_weaker {
            // What was evaluated is no longer known.
            schema.remove("unevaluatedItems");
            schema.remove("unevaluatedProperties");
        }
        Ok(is_weaker)
    }

    fn adapt_each(&mut self, inner: &mut Value) -> Result<bool> {
        let Value::Array(schemas) = inner else { return self.adapt(inner) };
        let mut is_weaker = false;
        for schema in schemas {
            is_weaker |= self.adapt(schema)?;
        }
        Ok(is_weaker)
    }

    /// `patternProperties`, which says along with it what `additionalProperties` is of.
    fn adapt_named(&mut self, schema: &mut Map<String, Value>) -> Result<bool> {
        let Some(Value::Object(properties)) = schema.get_mut("patternProperties") else { return Ok(false) };
        let (mut is_weaker, mut adapted) = (false, Map::new());
        let mut has_left = false;
        for (pattern, mut inner) in std::mem::take(properties) {
            is_weaker |= self.adapt(&mut inner)?;
            match self.pattern(&pattern)? {
                // Two ways to write the same.
                Some(translation) if adapted.contains_key(&translation) => has_left = true,
                Some(translation) => drop(adapted.insert(translation, inner)),
                None => has_left = true,
            }
        }
        *properties = adapted;
        if has_left {
            schema.remove("additionalProperties");
            schema.remove("unevaluatedProperties");
        }
        Ok(is_weaker || has_left)
    }
}

/// Returns true if the engine takes the pattern, which it does not if it is too large, or repeats a position.
fn is_understood(pattern: &str) -> bool {
    let schema = json!({"pattern": pattern});
    python::options(&schema).build(&schema).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_adapts(mut schema: Value, expected: &Value, left: &[&str]) {
        let patterns = Patterns::of(&mut schema).unwrap();
        assert_eq!((&schema, patterns.left.as_slice()), (expected, left.map_to_owned().as_slice()));
    }

    trait MapToOwned {
        fn map_to_owned(&self) -> Vec<String>;
    }

    impl MapToOwned for &[&str] {
        fn map_to_owned(&self) -> Vec<String> {
            self.iter().map(|&text| text.to_owned()).collect()
        }
    }

    #[test]
    fn adapt_rewrites_only_patterns() {
        let a = "[a]";
        assert_adapts(
            json!({
                "default": {"pattern": "a"},
                "properties": {"pattern": {"pattern": "a"}, "default": {"items": [{"pattern": "a"}]}},
                "patternProperties": {"a": {"enum": [{"pattern": "a"}]}},
            }),
            &json!({
                "default": {"pattern": "a"},
                "properties": {"pattern": {"pattern": a}, "default": {"items": [{"pattern": a}]}},
                "patternProperties": {a: {"enum": [{"pattern": "a"}]}},
            }),
            &[],
        );
    }

    #[test]
    fn pattern_left_to_server_is_removed_with_its_dependents() {
        let left = r"(.)\1";
        let rule = json!({"pattern": left, "minLength": 1});
        assert_adapts(json!({"allOf": [rule]}), &json!({"allOf": [{"minLength": 1}]}), &[left]);
        assert_adapts(json!({"not": rule, "minLength": 2}), &json!({"minLength": 2}), &[left]);
        assert_adapts(json!({"if": rule, "then": false}), &json!({}), &[left]);
        let named = json!({"patternProperties": {left: true}, "additionalProperties": false});
        assert_adapts(named, &json!({"patternProperties": {}}), &[left]);
        let referred = json!({"properties": {"a": {"$ref": "#/definitions/x"}}, "definitions": {"x": rule}});
        assert_adapts(referred, &json!(true), &[left]);
    }
}
