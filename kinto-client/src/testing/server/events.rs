//! Consequences of changes at the end of their transaction: history, memberships, and the deletion of what is below.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    Server,
    answer::{Outcome, server_error},
    database::{Kind, Permissions},
    entries::escaped,
    request::Place,
    time::iso_date,
};

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Update,
    Delete,
}

/// An object as it is now, and as it was before.
pub(super) type Impacted = (Map<String, Value>, Option<Map<String, Value>>);

/// The changes of one kind to objects of one list.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) place: Place,
    /// The object that the path of the first request names, if it is a bucket or a collection.
    pub(super) named: Option<String>,
    pub(super) action: Action,
    /// The objects as they are now, and as they were before.
    pub(super) impacted: Vec<Impacted>,
    pub(super) user: Option<String>,
}

/// Adds an event to those of its list and action, where there are any.
pub(super) fn add(events: &mut Vec<Event>, event: Event) {
    match events.iter_mut().find(|known| known.place == event.place && known.action == event.action) {
        Some(known) => known.impacted.extend(event.impacted),
        None => events.push(event),
    }
}

impl Server {
    /// Carries out what follows from the events of a transaction.
    pub(super) fn follow(&mut self, events: Vec<Event>) -> Outcome<()> {
        for event in events {
            if self.settings.history && !matches!(event.place.kind, Kind::Account | Kind::History) {
                self.record_history(&event)?;
            }
            match (event.place.kind, event.action) {
                (Kind::Bucket, Action::Delete) => {
                    for id in ids_before(&event) {
                        let uri = format!("/buckets/{id}");
                        self.database.purge_children(&uri, true);
                        self.database.remove_permissions(&uri);
                        self.database.remove_permissions(&format!("{uri}/%"));
                    }
                }
                (Kind::Collection, Action::Delete) => {
                    for id in ids_before(&event) {
                        let uri = event.place.uri_of(&id);
                        self.database.purge_children(&uri, false);
                        self.database.remove_permissions(&format!("{uri}/%"));
                    }
                }
                (Kind::Group, Action::Delete) => {
                    for id in ids_before(&event) {
                        self.database.disband(&event.place.uri_of(&id));
                    }
                }
                (Kind::Group, _) => self.change_members(&event)?,
                (Kind::Account, Action::Update | Action::Delete) => {
                    for id in ids_before(&event) {
                        self.verified.remove(&id);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn change_members(&mut self, event: &Event) -> Outcome<()> {
        for (new, old) in &event.impacted {
            let id = new.get("id").and_then(Value::as_str).ok_or_else(server_error)?;
            let group = event.place.uri_of(id);
            let (now, before) = (members(new), old.as_ref().map(members).unwrap_or_default());
            now.difference(&before).for_each(|member| self.database.join(member, &group));
            before.difference(&now).for_each(|member| self.database.leave(member, &group));
        }
        Ok(())
    }

    fn record_history(&mut self, event: &Event) -> Outcome<()> {
        let is_bucket = event.place.kind == Kind::Bucket;
        let named_bucket = event.named.as_deref().filter(|_| is_bucket);
        // Who may read the collection of the first request may read all entries.
        let collection = match (&event.place.collection, &event.named) {
            (Some(_), _) => Some(event.place.parent().to_owned()),
            (None, Some(id)) if !is_bucket => Some(event.place.uri_of(id)),
            (None, _) => None,
        };
        let last = event.impacted.last().and_then(|(target, _)| target.get("id")).and_then(Value::as_str);
        // The plugin puts all entries of an event into one history.
        let bucket = [event.place.bucket.as_deref(), named_bucket, last].into_iter().flatten().next();
        let bucket_uri = format!("/buckets/{}", bucket.ok_or_else(server_error)?);
        // A response with a part of the object only leaves the plugin without the id.
        let id_of = |(target, _): &Impacted| target.get("id").and_then(Value::as_str).map(str::to_owned);
        let ids: Vec<String> = event.impacted.iter().map(id_of).collect::<Option<_>>().ok_or_else(server_error)?;
        for ((target, _), id) in event.impacted.iter().zip(ids) {
            let uri = event.place.uri_of(&id);
            let permissions = self.database.permissions.get(&uri).cloned().unwrap_or_default();
            let name = event.place.kind.name();
            let mut entry = Map::from_iter([
                ("action".to_owned(), event.action.name().into()),
                ("date".to_owned(), self.date().into()),
                ("resource_name".to_owned(), name.into()),
                ("target".to_owned(), json!({"data": target, "permissions": permissions})),
                ("uri".to_owned(), escaped(&uri).into()),
                ("user_id".to_owned(), event.user.clone().map_or(Value::Null, Value::String)),
                (format!("{name}_id"), id.into()),
            ]);
            entry.extend(event.place.collection.clone().map(|id| ("collection_id".to_owned(), id.into())));
            let key = (bucket_uri.clone(), Kind::History);
            // The entry is written some time after the change.
            self.database.now += 1;
            let entry_id = self.new_uuid();
            let stored = self.database.store(&key, &entry_id, Arc::new(entry), None);
            stored.map_err(|_| server_error())?;
            if !self.settings.explicit_permissions {
                // The plugin returns here, also from a change of several objects.
                return Ok(());
            }
            let above = [Some(&bucket_uri), collection.as_ref()];
            let of = |uri: &String| self.database.permissions.get(uri).cloned().unwrap_or_default();
            let readers: BTreeSet<String> =
                above.into_iter().flatten().map(of).chain([permissions]).flat_map(readers).collect();
            let entry_uri = format!("{bucket_uri}/history/{entry_id}");
            self.database.set_permissions(&entry_uri, Some(Permissions::from([("read".to_owned(), readers)])));
        }
        Ok(())
    }

    fn date(&self) -> String {
        iso_date(self.database.now)
    }
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

fn ids_before(event: &Event) -> Vec<String> {
    let id =
        |(_, old): &Impacted| old.as_ref().and_then(|old| old.get("id")).and_then(Value::as_str).map(str::to_owned);
    event.impacted.iter().filter_map(id).collect()
}

fn members(group: &Map<String, Value>) -> BTreeSet<String> {
    let members = group.get("members").and_then(Value::as_array);
    members.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn readers(permissions: Permissions) -> impl Iterator<Item = String> {
    permissions.into_iter().filter(|(name, _)| matches!(name.as_str(), "read" | "write")).flat_map(|(_, who)| who)
}
