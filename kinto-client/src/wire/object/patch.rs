use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value, json};

use super::patch_path::PatchPath;
use crate::error::{Error, Result};
use crate::json::encode;

/// A list of changes to the data of an object (RFC 6902). The server applies all of them or none.
///
/// A path is given as its keys, from the outside to the inside, so that nothing in them has to be escaped; the place in
/// a list is its number, or `-` for its end. Keys and numbers together are a tuple.
///
/// ```
/// use kinto_client::object::JsonPatch;
///
/// let patch = JsonPatch::new()
///     .test(["status"], "open")
///     .replace(["status"], "done")
///     .add(["tags", "-"], "home/garden")
///     .replace(("lines", 2, "price"), 5)
///     .remove(["home/garden", "due"]);
/// ```
///
/// It is read from the JSON of the RFC, and written as that, with serde:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use kinto_client::{json, object::JsonPatch};
///
/// let patch: JsonPatch = serde_json::from_str(r#"[{"op": "add", "path": "/tags/0", "value": "new"}]"#)?;
/// assert_eq!(serde_json::to_value(&patch)?, json!([{"op": "add", "path": "/tags/0", "value": "new"}]));
/// assert!(serde_json::from_str::<JsonPatch>(r#"[{"op": "fly", "path": "/tags"}]"#).is_err());
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
#[must_use = "a patch does nothing until it is given to a call"]
pub struct JsonPatch {
    operations: Vec<Value>,
    wrong: Option<Error>,
}

impl JsonPatch {
    /// Creates an empty patch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key to an object or replaces it, or inserts an item into a list before the one at this index.
    pub fn add(self, path: impl PatchPath, value: impl Serialize) -> Self {
        self.with_value("add", path, value)
    }

    /// Replaces the value at a path.
    pub fn replace(self, path: impl PatchPath, value: impl Serialize) -> Self {
        self.with_value("replace", path, value)
    }

    /// Continues only if the value at this path equals `value`.
    pub fn test(self, path: impl PatchPath, value: impl Serialize) -> Self {
        self.with_value("test", path, value)
    }

    /// Removes the value at a path.
    pub fn remove(mut self, path: impl PatchPath) -> Self {
        self.operations.push(json!({"op": "remove", "path": path.pointer()}));
        self
    }

    /// Copies the value at `from` to `to`.
    pub fn copy(self, from: impl PatchPath, to: impl PatchPath) -> Self {
        self.between("copy", from, to)
    }

    /// Moves the value at `from` to `to`.
    pub fn relocate(self, from: impl PatchPath, to: impl PatchPath) -> Self {
        self.between("move", from, to)
    }

    fn between(mut self, operation: &str, from: impl PatchPath, to: impl PatchPath) -> Self {
        self.operations.push(json!({"op": operation, "from": from.pointer(), "path": to.pointer()}));
        self
    }

    fn with_value(mut self, operation: &str, path: impl PatchPath, value: impl Serialize) -> Self {
        match encode::value(&value) {
            Ok(value) => self.operations.push(json!({"op": operation, "path": path.pointer(), "value": value})),
            Err(error) => {
                self.wrong.get_or_insert(error);
            }
        }
        self
    }

    /// Returns the first error of encoding a value, if there was one.
    pub(crate) fn check(&self) -> Result<()> {
        self.wrong.clone().map_or(Ok(()), Err)
    }

    fn parsed(operations: &[Value]) -> Result<json_patch::Patch> {
        serde_json::from_value(Value::Array(operations.to_vec()))
            .map_err(|error| Error::invalid(format!("this is no JSON patch: {error}")))
    }

    pub(crate) fn apply(&self, data: &mut Map<String, Value>) -> Result<()> {
        self.check()?;
        let operations = Self::parsed(&self.operations)?;
        let mut patched = Value::Object(std::mem::take(data));
        // `json_patch::patch` would undo its changes on failure, and panics if it cannot; here, the result of a
        // failure is discarded anyway.
        json_patch::patch_unsafe(&mut patched, &operations)
            .map_err(|error| Error::invalid(format!("the patch does not fit the object: {error}")))?;
        match patched {
            Value::Object(patched) => {
                *data = patched;
                Ok(())
            }
            other => Err(Error::invalid(format!(
                "the patch would make the data {} instead of an object",
                encode::name_of(&other)
            ))),
        }
    }
}

impl<'de> Deserialize<'de> for JsonPatch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let operations = Vec::<Value>::deserialize(deserializer)?;
        Self::parsed(&operations).map_err(de::Error::custom)?;
        Ok(Self { operations, wrong: None })
    }
}

impl Serialize for JsonPatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.check().map_err(serde::ser::Error::custom)?;
        self.operations.serialize(serializer)
    }
}

impl fmt::Debug for JsonPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.operations).finish()
    }
}

/// Applies a merge patch as defined by RFC 7396: null removes, objects are merged, any other value replaces.
pub(crate) fn merge(data: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                data.remove(key);
            }
            Value::Object(patch) => {
                let slot = data.entry(key).or_insert(Value::Null);
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Value::Object(inner) = slot {
                    merge(inner, patch);
                }
            }
            other => {
                data.insert(key.clone(), other.clone());
            }
        }
    }
}

/// Sets what is at a path, making the objects on the way, or removes it. Each step is the names that the key may have: the
/// one that is there is meant, or else the first.
pub(crate) fn set(data: &mut Map<String, Value>, path: &[Vec<&str>], value: Option<&Value>) -> Result<()> {
    let (mut steps, mut object) = (path.iter().peekable(), data);
    while let Some(names) = steps.next() {
        let there = names.iter().find(|name| object.contains_key(**name));
        let Some(key) = there.or(names.first()).copied() else { return Ok(()) };
        if steps.peek().is_none() {
            match value {
                Some(value) => {
                    object.insert(key.to_owned(), value.clone());
                }
                None => object.retain(|key, _| !names.contains(&key.as_str())),
            }
            return Ok(());
        }
        if value.is_none() && there.is_none() {
            return Ok(());
        }
        let slot = object.entry(key).or_insert(Value::Null);
        if slot.is_null() {
            *slot = Value::Object(Map::new());
        }
        object = match slot {
            Value::Object(inner) => inner,
            other => {
                let (path, found) = (shown(path), encode::name_of(other));
                return Err(Error::invalid(format!("`{path}` cannot be set: at `{key}` there is {found}")));
            }
        };
    }
    Ok(())
}

/// A path by the first of the names of each step.
fn shown(path: &[Vec<&str>]) -> String {
    path.iter().filter_map(|names| names.first().copied()).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn merge_patch_follows_rfc_7396() {
        for (data, patch, merged) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!({"a": "foo"}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut data = object(&data);
            merge(&mut data, &object(&patch));
            assert_eq!(Value::Object(data), merged, "{patch}");
        }
    }

    #[test]
    fn json_patch_escapes_paths_and_is_atomic() {
        let mut data = object(&json!({"a/b": {"~": 1}, "l": [1, 2]}));
        JsonPatch::new().replace(["a/b", "~"], 2).add(["l", "0"], 0).add(["l", "-"], 3).apply(&mut data).unwrap();
        assert_eq!(Value::Object(data.clone()), json!({"a/b": {"~": 2}, "l": [0, 1, 2, 3]}));
        let refused = JsonPatch::new().remove(["l"]).test(["x"], 1).apply(&mut data.clone()).unwrap_err();
        assert!(refused.is_invalid(), "{refused}");
        let half_done = JsonPatch::new().add(["x"], 1).relocate(["x"], ["missing", "y"]);
        assert!(half_done.apply(&mut data.clone()).unwrap_err().is_invalid());
        assert!(JsonPatch::new().add(["x"], f64::NAN).apply(&mut data).unwrap_err().to_string().contains("NaN"));
        assert!(JsonPatch::new().replace([] as [&str; 0], 1).apply(&mut data).unwrap_err().is_invalid());
    }

    #[test]
    fn places_in_lists_are_numbers() {
        let mut data = object(&json!({"lines": [{"n": 1}, {"n": 2}], "0": "key"}));
        let patch = JsonPatch::new().replace(("lines", 1, "n"), 5).remove(("lines", 0)).replace(["0"], "same");
        patch.apply(&mut data).unwrap();
        assert_eq!(Value::Object(data), json!({"lines": [{"n": 5}], "0": "same"}));
    }

    #[test]
    fn json_is_read_and_written_as_the_rfc_has_it() {
        let text = r#"[{"op":"test","path":"/a~1b","value":1},{"from":"/a~1b","op":"move","path":"/l/-"}]"#;
        let patch: JsonPatch = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&patch).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        let mut data = object(&json!({"a/b": 1, "l": []}));
        patch.apply(&mut data).unwrap();
        assert_eq!(Value::Object(data), json!({"l": [1]}));
        for wrong in [
            "{}",
            r#"[{"op": "fly", "path": ""}]"#,
            r#"[{"op": "add", "path": "/a"}]"#,
            r#"[{"op": "remove", "path": "a"}]"#,
        ] {
            assert!(serde_json::from_str::<JsonPatch>(wrong).is_err(), "{wrong}");
        }
        assert!(serde_json::to_string(&JsonPatch::new().add(["x"], f64::NAN)).is_err());
    }

    #[test]
    fn patch_set_sets_and_removes_nested_fields() {
        let mut data = object(&json!({"a": {"x": 1}, "n": null, "t": "text", "t2": 1, "v": 2}));
        let mut set = |path: &str, value: Option<Value>| {
            let names: Vec<Vec<&str>> = path.split('.').map(|names| names.split('|').collect()).collect();
            super::set(&mut data, &names, value.as_ref())
        };
        set("a.b.c", Some(json!(1))).unwrap();
        set("n.m", Some(json!(2))).unwrap();
        set("a.x", None).unwrap();
        set("gone.deep", None).unwrap();
        set("b|a.c|b.c", Some(json!(3))).unwrap();
        set("z|y.x|w", Some(json!(4))).unwrap();
        set("u|t2|v", None).unwrap();
        assert_eq!(
            Value::Object(data.clone()),
            json!({"a": {"b": {"c": 3}}, "n": {"m": 2}, "t": "text", "z": {"x": 4}})
        );
        let refused = super::set(&mut data, &[vec!["t"], vec!["x"]], Some(&json!(1))).unwrap_err();
        assert_eq!(refused.to_string(), "`t.x` cannot be set: at `t` there is a string");
    }
}
