use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
};

use super::{
    cursor::Cursor,
    permissions::{PermissionSet, Permissions, Shown},
};

/// What the answers to the parts of one batch say alike, so that it is read and kept once: all that one writer makes has
/// the same permissions as a rule.
#[derive(Clone, Default)]
pub(crate) struct Siblings(Option<Arc<OnceLock<Known>>>);

struct Known {
    json: String,
    permissions: Arc<dyn Any + Send + Sync>,
}

impl Siblings {
    /// Those of one batch.
    pub(crate) fn of_batch() -> Self {
        Self(Some(Arc::default()))
    }

    /// Reads the permissions that come next.
    pub(crate) fn permissions<P: PermissionSet>(&self, answer: &mut Cursor) -> Option<Permissions<P>> {
        let shown = |shown: Option<Shown<P>>| shown.map_or(Permissions::NotVisible, |Shown(permissions)| permissions);
        let Some(first) = &self.0 else { return answer.value().map(shown) };
        let Some(known) = first.get() else {
            let before = answer.clone();
            let permissions = shown(answer.value()?);
            if let Permissions::Visible(permissions) = &permissions {
                let json = before.rest().strip_suffix(answer.rest())?.to_owned();
                // Another part may have been first meanwhile.
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

impl fmt::Debug for Siblings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Siblings")
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::wire::permissions::{GroupPermissions, RecordPermissions};

    fn read<P: PermissionSet>(siblings: &Siblings, json: &str) -> Option<(Permissions<P>, String)> {
        let mut cursor = Cursor::new(&Bytes::copy_from_slice(json.as_bytes())).unwrap();
        let permissions = siblings.permissions(&mut cursor)?;
        Some((permissions, cursor.rest().to_owned()))
    }

    #[test]
    fn what_is_said_alike_is_kept_once() {
        let siblings = Siblings::of_batch();
        let records = |json: &str| read::<RecordPermissions>(&siblings, json).unwrap();
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
        let group = read::<GroupPermissions>(&siblings, r#"{"write":["me"]}"#).unwrap().0;
        assert_eq!(group, Permissions::Visible(GroupPermissions::default().write("me").into()));
        assert!(read::<RecordPermissions>(&siblings, r#"{"write":"me"}"#).is_none());
    }

    #[test]
    fn an_answer_alone_has_none() {
        let alone = Siblings::default();
        let read = || read::<RecordPermissions>(&alone, r#"{"write":["me"]}"#).unwrap().0;
        let [Permissions::Visible(first), Permissions::Visible(second)] = [read(), read()] else { unreachable!() };
        assert!(first == second && !Arc::ptr_eq(&first, &second));
    }
}
