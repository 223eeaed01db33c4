//! The verbs of lists.

use http::Method;
use serde_json::{Map, Value, json};

use super::{
    Bound, Server,
    answer::{Answer, Outcome, data_body, object_body, server_error, unavailable},
    database::{Collision, Kind, Row},
    entries::ALL,
    events::{self, Action, Event},
    fields::subset,
    object::{Context, check_id, tombstone, whole},
    precondition::{check_list_preconditions, check_preconditions, unless_unmodified},
    selection::next_page,
};

impl Server {
    pub(super) fn get_list(&mut self, context: &Context<'_>, bound: &Bound) -> Outcome {
        let kind = context.place.kind;
        let timestamp = self.list_timestamp(context);
        // The list of permissions is compared with zero, and shows another timestamp.
        let compared = if kind == Kind::Permissions { 0 } else { timestamp };
        unless_unmodified(context.pre, compared)?;
        let checked = check_list_preconditions(context.pre, compared);
        // The server fails to refuse a request for permissions.
        if checked.is_err() && kind == Kind::Permissions {
            return Err(server_error());
        }
        checked?;
        let (mut selection, fields) = self.selection(context)?;
        let mut answer = self.cached(context, bound, Answer::ok(Value::Null).stamped(timestamp));
        if selection.is_deprecated {
            answer = answer.with("Alert", deprecation());
        }
        // Only a list of several pages needs one.
        let is_long = self.database.list(&context.key).is_some_and(|list| list.rows.len() > selection.limit);
        let nonce =
            if is_long || kind == Kind::Permissions || context.key.0 == ALL { self.new_uuid() } else { String::new() };
        let entries = self.put_together(context);
        let list = entries.as_ref().or_else(|| self.database.list(&context.key));
        if list.is_some_and(|list| selection.fails(list)) {
            return Err(unavailable(self.settings.retry_after));
        }
        if context.request.method == Method::HEAD && kind != Kind::History {
            selection.with_tombstones = false;
            selection.after = Vec::new();
            let count = list.map_or(0, |list| list.rows.iter().filter(|(id, row)| selection.takes(id, row)).count());
            return Ok(answer.with("Total-Objects", count.to_string()).with("Total-Records", count.to_string()));
        }
        let found = list.map(|list| selection.of(list)).unwrap_or_default();
        let has_more = found.len() > selection.limit;
        let page = found.get(..selection.limit).unwrap_or(&found);
        let rows = page.iter().map(|(id, row)| match &fields {
            Some(fields) => subset(&entry(kind, id, row), fields),
            None => entry(kind, id, row),
        });
        let data: Vec<Value> = rows.map(Value::Object).collect();
        if let (true, Some((id, row))) = (has_more, page.last()) {
            let before = entry(kind, id, row);
            let (url, _) = next_page(context, &selection, &before, selection.offset + found.len(), &nonce);
            answer = answer.with("Next-Page", url);
        }
        answer.body = super::answer::Body::Json(data_body(data));
        Ok(answer)
    }

    pub(super) fn post_list(&mut self, context: &Context<'_>, bound: &mut Bound) -> Outcome {
        let mut data = context.payload.data.clone().unwrap_or_default();
        let sent = super::resource::posted_id(context.request)?;
        let existing = sent.as_deref().and_then(|id| self.existing(context, id));
        if let Some(id) = &sent {
            check_id(context.place.kind, id)?;
            data.insert("id".to_owned(), id.as_str().into());
        }
        check_preconditions(context.pre, existing.as_ref(), self.database.timestamp(&context.key))?;
        if let Some(existing) = existing {
            let body = object_body(existing.data, existing.permissions);
            return Ok(Answer::ok(body).stamped(existing.last_modified));
        }
        let new = self.process(context, data, None, None, bound)?;
        let id = match sent {
            Some(id) => id,
            None => self.new_id(context.place.kind),
        };
        let stored = self.save(context, &id, new)?;
        self.notify(context, bound, Action::Create, &stored.data, None);
        let body = object_body(stored.data, stored.permissions);
        Ok(Answer { status: 201, ..Answer::ok(body).stamped(stored.last_modified) })
    }

    pub(super) fn delete_list(&mut self, context: &Context<'_>, bound: &mut Bound) -> Outcome {
        let timestamp = self.list_timestamp(context);
        check_list_preconditions(context.pre, timestamp)?;
        let (mut selection, _) = self.selection(context)?;
        selection.with_tombstones = false;
        let entries = self.put_together(context);
        let list = entries.as_ref().or_else(|| self.database.list(&context.key));
        if list.is_some_and(|list| selection.fails(list)) {
            return Err(unavailable(self.settings.retry_after));
        }
        let found = list.map(|list| selection.of(list)).unwrap_or_default();
        let has_more = found.len() > selection.limit;
        let old: Vec<(String, Map<String, Value>)> =
            found.iter().take(selection.limit).map(|(id, row)| ((*id).clone(), whole(id, row))).collect();
        let retry_after = self.settings.retry_after;
        let mut impacted = Vec::with_capacity(old.len());
        for (id, old) in old {
            // Among the accounts of all users each is in a list of its own name.
            let own = (context.key.0 == ALL).then(|| (id.clone(), Kind::Account));
            let time = self.database.delete(own.as_ref().unwrap_or(&context.key), &id, None);
            let time = time.map_err(|Collision| super::answer::collision(retry_after))?;
            impacted.push((tombstone(&id, time), Some(old)));
        }
        let uri = context.place.uri();
        if selection.conditions.is_empty() {
            self.database.remove_permissions(&format!("{uri}/%"));
        } else {
            for (tombstone, _) in &impacted {
                let id = tombstone.get("id").and_then(Value::as_str).unwrap_or_default();
                self.database.remove_permissions(&format!("{uri}/{id}"));
            }
        }
        let deleted: Vec<Value> = impacted.iter().map(|(tombstone, _)| Value::Object(tombstone.clone())).collect();
        let times = impacted.iter().filter_map(|(tombstone, _)| tombstone.get("last_modified").and_then(Value::as_i64));
        let mut answer = Answer::ok(data_body(deleted)).stamped(times.max().unwrap_or(timestamp));
        if selection.is_deprecated {
            answer = answer.with("Alert", deprecation());
        }
        if let (true, Some((last, _))) = (has_more, impacted.last()) {
            let page = self.new_uuid();
            let (url, nonce) = next_page(context, &selection, last, selection.offset, &page);
            self.nonces.insert(nonce);
            answer = answer.with("Next-Page", url);
        }
        if !impacted.is_empty() {
            let event = Event {
                place: context.place.clone(),
                named: None,
                action: Action::Delete,
                impacted,
                user: context.user.clone(),
            };
            events::add(&mut bound.events, event);
        }
        Ok(answer)
    }

    fn list_timestamp(&mut self, context: &Context<'_>) -> i64 {
        self.database.timestamp(&context.key)
    }
}

/// Returns the fields of an entry of a list.
fn entry(kind: Kind, id: &str, row: &Row) -> Map<String, Value> {
    if kind == Kind::Permissions { (*row.data).clone() } else { whole(id, row) }
}

fn deprecation() -> String {
    let url = "https://kinto.readthedocs.io/en/2.4.0/api/resource.html#list-of-available-url-parameters";
    let message = "_to is now deprecated, you should use _before instead";
    json!({"code": "soft-eol", "message": message, "url": url}).to_string()
}
