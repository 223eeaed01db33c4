//! Checks of a blueprint for parts that the server would refuse or ignore, before anything is sent.

use std::collections::BTreeMap;

use crate::json::RESERVED_KEYS;
use serde_json::{Map, Value};

use super::{Blueprint, BucketSpec, GroupSpec, Lists, Principal, suggest};
use crate::{
    error::{Error, Result},
    json::encode,
    wire::object::{id, kind, permissions::PermissionSet, principal::LOCAL_GROUP},
};

/// The groups of its bucket that permissions can name as `group:editors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedGroups {
    /// The groups that the blueprint declares.
    Declared,
    /// The groups that the server has.
    Existing,
}

impl Blueprint {
    pub(crate) fn check(&self, groups: NamedGroups) -> Result<()> {
        no_problem(&self.problems)?;
        for (id, bucket) in &self.buckets {
            id::check("bucket", id)
                .and_then(|()| bucket.check(id, groups))
                .map_err(|error| within("bucket", id, &error))?;
        }
        Ok(())
    }
}

impl BucketSpec {
    fn check(&self, bucket: &str, named: NamedGroups) -> Result<()> {
        let groups = (named == NamedGroups::Declared).then_some(&self.groups);
        no_problem(&self.problems)?;
        attributes(&self.attributes)?;
        permissions::<kind::Bucket>(&self.permissions, groups)?;
        for (id, group) in &self.groups {
            id::check("group", id)
                .and_then(|()| group.check(groups))
                .map_err(|error| within("group", &format!("{bucket}/{id}"), &error))?;
        }
        for (id, collection) in &self.collections {
            id::check("collection", id)
                .and_then(|()| no_problem(&collection.problems))
                .and_then(|()| attributes(&collection.attributes))
                .and_then(|()| permissions::<kind::Collection>(&collection.permissions, groups))
                .map_err(|error| within("collection", &format!("{bucket}/{id}"), &error))?;
        }
        Ok(())
    }
}

impl GroupSpec {
    fn check(&self, groups: Option<&Groups>) -> Result<()> {
        no_problem(&self.problems)?;
        if self.attributes.contains_key("members") {
            return Err(Error::invalid("`members` is not an attribute, but a key of the group itself"));
        }
        attributes(&self.attributes)?;
        for member in self.members.iter().flatten() {
            member.check_member()?;
        }
        permissions::<kind::Group>(&self.permissions, groups)
    }
}

type Groups = BTreeMap<String, GroupSpec>;

fn no_problem(problems: &[String]) -> Result<()> {
    problems.first().map_or(Ok(()), |problem| Err(Error::invalid(problem)))
}

fn attributes(attributes: &Map<String, Value>) -> Result<()> {
    if let Some(stamp) = RESERVED_KEYS.iter().find(|stamp| attributes.contains_key(**stamp)) {
        return Err(Error::invalid(format!("the attribute `{stamp}` is set by the server")));
    }
    encode::object(attributes)?;
    for (name, schema) in attributes.iter().filter(|(name, _)| *name == "schema" || name.ends_with(":schema")) {
        is_schema(schema).map_err(|error| Error::invalid(format!("the attribute `{name}`: {error}")))?;
    }
    Ok(())
}

#[cfg(feature = "schema")]
fn is_schema(schema: &Value) -> Result<()> {
    crate::schema::Schema::new(schema).map(drop)
}

#[cfg(not(feature = "schema"))]
fn is_schema(schema: &Value) -> Result<()> {
    if schema.is_object() {
        return Ok(());
    }
    Err(Error::invalid(format!("this is no JSON Schema: {} is not an object", encode::name_of(schema))))
}

/// Rejects principals that no user or group can be; a group of the bucket is `group:editors`.
fn principal(principal: &Principal) -> Result<()> {
    principal.check_meaning(|name| format!(", or `{LOCAL_GROUP}{name}`"))
}

/// Checks lists of permissions; `groups` are those that they can name, unless the server knows them.
fn permissions<K: kind::Kind>(lists: &Lists, groups: Option<&Groups>) -> Result<()> {
    for (name, list) in lists {
        if !K::Permissions::NAMES.contains(&name.as_str()) {
            let meant = suggest::meant(name, K::Permissions::NAMES.iter().copied());
            return Err(Error::invalid(format!("a {} has no permission `{name}`: {meant}", K::NAME)));
        }
        for granted in list {
            principal(granted)?;
            let Some(group) = granted.as_str().strip_prefix(LOCAL_GROUP) else { continue };
            id::check("group", group)?;
            if let Some(groups) = groups.filter(|groups| !groups.contains_key(group)) {
                let meant = suggest::meant(group, groups.keys().map(String::as_str));
                return Err(Error::invalid(format!("the blueprint has no group `{group}` in this bucket: {meant}")));
            }
        }
    }
    Ok(())
}

fn within(kind: &str, name: &str, error: &Error) -> Error {
    Error::invalid(format!("the blueprint's {kind} {name}: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::blueprint::CollectionSpec;

    fn checked(blueprint: &Blueprint) -> Result<()> {
        blueprint.check(NamedGroups::Declared)
    }

    fn mistake(bucket: BucketSpec) -> String {
        checked(&Blueprint::new().bucket("app", bucket)).unwrap_err().to_string()
    }

    fn with_group(group: impl Into<GroupSpec>) -> BucketSpec {
        BucketSpec::new().group("editors", group)
    }

    fn with_collection(collection: CollectionSpec) -> BucketSpec {
        BucketSpec::new().collection("todo", collection)
    }

    #[test]
    fn blueprint_check_reports_path_of_invalid_id() {
        let wrong = checked(&Blueprint::new().bucket("a b", BucketSpec::new())).unwrap_err().to_string();
        assert!(wrong.contains(r#""a b" cannot be the id of a bucket"#), "{wrong}");
        let wrong = mistake(BucketSpec::new().collection("_", CollectionSpec::new()));
        assert!(
            wrong.starts_with("the blueprint's bucket app: the blueprint's collection app/_: \"_\" cannot"),
            "{wrong}"
        );
    }

    #[test]
    fn blueprint_check_rejects_permissions_of_other_kinds() {
        let wrong = mistake(BucketSpec::new().nobody_may("collections:create"));
        assert!(wrong.ends_with("a bucket has no permission `collections:create`: did you mean `collection:create`?"));
        let wrong = mistake(with_collection(CollectionSpec::new().nobody_may("group:create")));
        assert!(wrong.contains("a collection has no permission `group:create`"), "{wrong}");
        let wrong = mistake(BucketSpec::new().permissions(|p| p.read("")));
        assert!(wrong.contains("cannot be a principal"), "{wrong}");
    }

    #[test]
    fn blueprint_check_rejects_undeclared_group() {
        let collection = CollectionSpec::new().permissions(|p| p.write("group:editor"));
        let wrong = mistake(with_group(["account:a"]).collection("todo", collection.clone()));
        assert!(wrong.ends_with("no group `editor` in this bucket: did you mean `editors`?"), "{wrong}");
        let wrong = mistake(with_collection(collection));
        assert!(wrong.ends_with("no group `editor` in this bucket: none is allowed here"), "{wrong}");
    }

    #[test]
    fn blueprint_check_rejects_invalid_members() {
        for member in ["system.Everyone", "/buckets/a/groups/b", "group:editors"] {
            let wrong = mistake(with_group([member]));
            assert!(wrong.contains(&format!("{member:?} cannot be a member")), "{wrong}");
        }
        let wrong = mistake(with_group(GroupSpec::new().attributes(json!({"members": []}))));
        assert!(wrong.ends_with("`members` is not an attribute, but a key of the group itself"), "{wrong}");
    }

    #[test]
    fn blueprint_check_rejects_attributes_that_cannot_be_stored() {
        let wrong = mistake(with_collection(CollectionSpec::new().attributes(json!([1]))));
        assert!(wrong.contains("must serialise to a JSON object"), "{wrong}");
        let wrong = mistake(with_collection(CollectionSpec::new().attributes(json!({"id": "x"}))));
        assert!(wrong.ends_with("the attribute `id` is set by the server"), "{wrong}");
        let wrong = mistake(BucketSpec::new().attributes(json!({"a": "\0"})));
        assert!(wrong.contains("NUL"), "{wrong}");
    }

    #[test]
    fn blueprint_check_rejects_duplicate_declarations() {
        let wrong = mistake(with_group(["account:a"]).group("editors", ["account:b"]));
        assert!(wrong.ends_with(r#"the group "editors" is declared twice"#), "{wrong}");
        let own = || BucketSpec::new().permissions(|p| p.read("account:a"));
        let wrong = checked(&Blueprint::new().bucket("app", own()).bucket("app", own())).unwrap_err().to_string();
        assert_eq!(wrong, r#"the bucket "app" is declared twice"#);
        let both = Blueprint::new().bucket("app", own()).bucket("app", with_group(["account:a"]));
        assert!(checked(&both).is_ok() && both.buckets["app"].groups.len() == 1 && both.buckets["app"].has_own());
    }
}
