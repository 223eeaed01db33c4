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
        if let Some(known) = self.0.as_ref().and_then(|known| known.get())
            && answer.rest().starts_with(&known.json)
            && let Ok(permissions) = Arc::clone(&known.permissions).downcast()
        {
            answer.go_on(known.json.len());
            return Some(Permissions::Visible(permissions));
        }
        let before = answer.clone();
        let Shown(permissions) = answer.value::<Option<Shown<P>>>()?.unwrap_or(Shown(Permissions::NotVisible));
        if let (Some(known), Permissions::Visible(permissions)) = (&self.0, &permissions) {
            let length = before.rest().len() - answer.rest().len();
            let json = before.rest().get(..length)?.to_owned();
            let _ = known.set(Known { json, permissions: Arc::clone(permissions) as _ });
        }
        Some(permissions)
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
