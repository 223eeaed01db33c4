use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
};

use super::object::permissions::{PermissionSet, Permissions, Shown};
use crate::json::reader::Cursor;

/// Permissions shared by the responses of one batch, parsed and stored once.
///
/// Objects created by one writer usually have the same permissions.
#[derive(Clone, Default)]
pub(crate) struct PermissionCache(Option<Arc<OnceLock<Known>>>);

struct Known {
    json: String,
    permissions: Arc<dyn Any + Send + Sync>,
}

impl PermissionCache {
    /// Creates the cache for one batch.
    pub(crate) fn of_batch() -> Self {
        Self(Some(Arc::default()))
    }

    /// Decodes the permissions that come next, or reuses the cached ones if their JSON is the same.
    pub(crate) fn permissions<P: PermissionSet>(&self, answer: &mut Cursor) -> Option<Permissions<P>> {
        let shown = |shown: Option<Shown<P>>| shown.map_or(Permissions::NotVisible, |Shown(permissions)| permissions);
        let Some(first) = &self.0 else { return answer.value().map(shown) };
        let Some(known) = first.get() else {
            let before = answer.clone();
            let permissions = shown(answer.value()?);
            if let Permissions::Visible(permissions) = &permissions {
                let json = before.rest().strip_suffix(answer.rest())?.to_owned();
                // Another part of the batch may have set it in between.
                let _ = first.set(Known { json, permissions: Arc::clone(permissions) as _ });
            }
            return Some(permissions);
        };
        match Arc::clone(&known.permissions).downcast() {
            Ok(permissions) if answer.rest().starts_with(&known.json) => {
                answer.go_on(known.json.len());
                Some(Permissions::Visible(permissions))
            }
            _ => answer.value().map(shown),
        }
    }
}

impl fmt::Debug for PermissionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PermissionCache")
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::wire::object::permissions::{GroupPermissions, RecordPermissions};

    fn read<P: PermissionSet>(permission_cache: &PermissionCache, json: &str) -> Option<(Permissions<P>, String)> {
        let mut cursor = Cursor::new(&Bytes::copy_from_slice(json.as_bytes())).unwrap();
        let permissions = permission_cache.permissions(&mut cursor)?;
        Some((permissions, cursor.rest().to_owned()))
    }

    #[test]
    fn equal_permissions_of_batch_are_shared() {
        let permission_cache = PermissionCache::of_batch();
        let records = |json: &str| read::<RecordPermissions>(&permission_cache, json).unwrap();
        let visible = |set: RecordPermissions| Permissions::Visible(Arc::new(set));
        let (me, all) = (RecordPermissions::default().write("me"), RecordPermissions::default().write(["me", "you"]));

        assert_eq!(records(r"{}}"), (Permissions::NotVisible, "}".to_owned()));
        assert_eq!(records(r"null}"), (Permissions::NotVisible, "}".to_owned()));
        let (first, rest) = records(r#"{"write":["me"]}}"#);
        assert_eq!((&first, rest.as_str()), (&visible(me.clone()), "}"));
        let (second, rest) = records(r#"{"write":["me"]},"data":{}}"#);
        assert_eq!(rest, r#","data":{}}"#);
        let [Permissions::Visible(first), Permissions::Visible(second)] = [&first, &second] else { unreachable!() };
        assert!(Arc::ptr_eq(first, second));

        assert_eq!(records(r#"{"write":["me","you"]}"#).0, visible(all));
        assert_eq!(records(r#"{"write":["me"] }"#).0, visible(me));
        assert_eq!(records(r"{}").0, Permissions::NotVisible);
        let group = read::<GroupPermissions>(&permission_cache, r#"{"write":["me"]}"#).unwrap().0;
        assert_eq!(group, Permissions::Visible(GroupPermissions::default().write("me").into()));
        assert!(read::<RecordPermissions>(&permission_cache, r#"{"write":"me"}"#).is_none());
    }

    #[test]
    fn single_response_has_no_permission_cache() {
        let alone = PermissionCache::default();
        let read = || read::<RecordPermissions>(&alone, r#"{"write":["me"]}"#).unwrap().0;
        let [Permissions::Visible(first), Permissions::Visible(second)] = [read(), read()] else { unreachable!() };
        assert!(first == second && !Arc::ptr_eq(&first, &second));
    }
}
