//! The verbs of lists.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    Bound, Server,
    access::Seen,
    answer::{Answer, Outcome, invalid, unavailable},
    database::{Collision, Kind, List, Row},
    events::{self, Action, Event},
    fields::subset,
    filter::{Condition, Operator, Order, in_order},
    object::{Context, check_id, tombstone, whole},
    parameters::parameters,
    precondition::{check_list_preconditions, check_preconditions, unless_unmodified},
    query::{has_null, is_timestamp},
};

/// The selection of the objects of a list.
struct Selection {
    conditions: Vec<Condition>,
    orders: Vec<Order>,
    limit: usize,
    /// One of these has to hold, each of which is what comes after the last page in one respect.
    after: Vec<Vec<Condition>>,
    offset: usize,
    with_tombstones: bool,
    /// A condition on the presence of a field takes the place of those before it, as in the list of permissions.
    forgets: bool,
    is_deprecated: bool,
}

impl Server {
    pub(super) fn get_list(&mut self, context: &Context<'_>, bound: &Bound) -> Outcome {
        let kind = context.place.kind;
        let timestamp = self.list_timestamp(context);
        // The list of permissions is compared with zero, and shows another timestamp.
        let compared = if kind == Kind::Permissions { 0 } else { timestamp };
        unless_unmodified(context.pre, compared)?;
        check_list_preconditions(context.pre, compared)?;
        let (mut selection, fields) = self.selection(context)?;
        let mut answer = self.cached(context, bound, Answer::ok(json!({"data": []})).stamped(timestamp));
        if selection.is_deprecated {
            answer = answer.with("Alert", deprecation());
        }
        let entries;
        let nonce = self.new_uuid();
        let list = if kind == Kind::Permissions {
            entries = self.permission_entries(context);
            Some(&entries)
        } else if context.key.0 == "*" {
            entries = self.all_accounts();
            Some(&entries)
        } else {
            self.database.list(&context.key)
        };
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
        answer.body = super::answer::Body::Json(json!({"data": data}));
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
            let body = json!({"data": existing.data, "permissions": existing.permissions});
            return Ok(Answer::ok(body).stamped(existing.last_modified));
        }
        let new = self.process(context, data, None, None, bound)?;
        let id = match sent {
            Some(id) => id,
            None => self.new_id(context.place.kind),
        };
        let stored = self.save(context, &id, new)?;
        Self::notify(context, bound, Action::Create, stored.data.clone(), None);
        let body = json!({"data": stored.data, "permissions": stored.permissions});
        Ok(Answer { status: 201, ..Answer::ok(body).stamped(stored.last_modified) })
    }

    pub(super) fn delete_list(&mut self, context: &Context<'_>, bound: &mut Bound) -> Outcome {
        let timestamp = self.list_timestamp(context);
        check_list_preconditions(context.pre, timestamp)?;
        let (mut selection, _) = self.selection(context)?;
        selection.with_tombstones = false;
        let list = self.database.list(&context.key);
        let found = list.map(|list| selection.of(list)).unwrap_or_default();
        let has_more = found.len() > selection.limit;
        let old: Vec<(String, Map<String, Value>)> =
            found.iter().take(selection.limit).map(|(id, row)| ((*id).clone(), whole(id, row))).collect();
        let retry_after = self.settings.retry_after;
        let mut impacted = Vec::with_capacity(old.len());
        for (id, old) in old {
            let time = self.database.delete(&context.key, &id, None);
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
        let mut answer = Answer::ok(json!({"data": deleted})).stamped(times.max().unwrap_or(timestamp));
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

    fn selection(&mut self, context: &Context<'_>) -> Outcome<(Selection, Option<Vec<String>>)> {
        let (kind, query) = (context.place.kind, &context.query);
        let (mut conditions, is_deprecated) = query.conditions(kind, self.database.now)?;
        if let Seen::Shared(ids) = &context.seen {
            let ids = ids.iter().map(|id| Value::String(id.clone())).collect();
            conditions.insert(0, Condition::new("id", Operator::In, Some(ids)));
        }
        if conditions.iter().any(|one| one.field == "last_modified" && one.operator == Operator::Like) {
            // The database cannot compare a time with a pattern.
            return Err(unavailable(self.settings.retry_after));
        }
        let limit = query.limit(self.settings.paginate_by, self.settings.max_fetch_size);
        let orders = query.orders(kind)?;
        let fields = if context.request.method == Method::DELETE { None } else { query.fields(kind)? };
        let with_tombstones = conditions.iter().any(|condition| condition.field == "last_modified");
        let mut selection = Selection {
            conditions,
            orders,
            limit,
            after: Vec::new(),
            offset: 0,
            with_tombstones,
            forgets: kind == Kind::Permissions,
            is_deprecated,
        };
        if let Some(token) = query.token() {
            let is_deletion = context.request.method == Method::DELETE;
            let (last, offset) = self.last_object(token, &selection.orders, is_deletion)?;
            selection.after = after(&selection.orders, &last);
            selection.offset = offset;
        }
        Ok((selection, fields))
    }

    /// Reads a token: the values of the last object of the page before.
    fn last_object(
        &mut self,
        token: &str,
        orders: &[Order],
        is_deletion: bool,
    ) -> Outcome<(Map<String, Value>, usize)> {
        let refuse = |reason: &str| invalid("querystring", None, reason);
        let read = || {
            let bytes = BASE64_STANDARD.decode(token).ok()?;
            let token: Value = serde_json::from_slice(&bytes).ok()?;
            let last = token.get("last_object")?.as_object()?.clone();
            let offset = usize::try_from(token.get("offset")?.as_u64()?).ok()?;
            let nonce = token.get("nonce")?.clone();
            let fits = orders.iter().all(|order| match (order.field.as_str(), last.get(&order.field)) {
                ("last_modified", value) => value.is_some_and(|value| is_timestamp(value, self.database.now)),
                (_, Some(value)) => !value.is_object() && !value.is_array() && !has_null(value),
                (_, None) => true,
            });
            fits.then_some((last, offset, nonce))
        };
        let Some((last, offset, nonce)) = read() else { return Err(refuse("_token has invalid content")) };
        if is_deletion && !self.nonces.remove(nonce.as_str().unwrap_or_default()) {
            return Err(refuse("_token was already used or has expired."));
        }
        Ok((last, offset))
    }
}

impl Selection {
    fn takes(&self, id: &str, row: &Row) -> bool {
        let id = (!self.forgets).then_some(id);
        let after = || self.after.iter().any(|rule| rule.iter().all(|condition| condition.holds(id, row)));
        (self.with_tombstones || !row.deleted) && self.conditions(id, row) && (self.after.is_empty() || after())
    }

    fn conditions(&self, id: Option<&str>, row: &Row) -> bool {
        if !self.forgets {
            return self.conditions.iter().all(|condition| condition.holds(id, row));
        }
        self.conditions.iter().fold(true, |holds, condition| {
            let is_presence = condition.operator == Operator::Has;
            (holds || is_presence) && condition.holds(id, row)
        })
    }

    /// Returns the objects of one page, and one more if there is another page.
    fn of<'a>(&self, list: &'a List) -> Vec<(&'a String, &'a Row)> {
        let most = self.limit.saturating_add(1);
        let by_time = |(_, id): (&i64, &'a String)| list.rows.get_key_value(id);
        let takes = |(id, row): &(&'a String, &'a Row)| self.takes(id, row);
        match self.orders.as_slice() {
            [Order { field, descending: true }, ..] if field == "last_modified" => {
                list.by_time.iter().rev().filter_map(by_time).filter(takes).take(most).collect()
            }
            [Order { field, descending: false }, ..] if field == "last_modified" => {
                list.by_time.iter().filter_map(by_time).filter(takes).take(most).collect()
            }
            orders => {
                let mut found: Vec<_> = list.rows.iter().filter(takes).collect();
                found.sort_by(|one, other| in_order(orders, (one.0, one.1), (other.0, other.1)));
                found.truncate(most);
                found
            }
        }
    }
}

/// Returns the fields of an entry of a list.
fn entry(kind: Kind, id: &str, row: &Row) -> Map<String, Value> {
    if kind == Kind::Permissions { (*row.data).clone() } else { whole(id, row) }
}

/// Returns what comes after an object: what is like it in the first orders, and after it in the next one.
fn after(orders: &[Order], last: &Map<String, Value>) -> Vec<Vec<Condition>> {
    let rule = |length: usize| {
        let (same, next) = (orders.get(..length).unwrap_or_default(), orders.get(length));
        let value = |order: &Order| last.get(&order.field).cloned();
        let same = same.iter().map(|order| Condition::new(&order.field, Operator::Eq, value(order)));
        let next = next.map(|order| {
            let operator = if order.descending { Operator::Lt } else { Operator::Gt };
            Condition::new(&order.field, operator, value(order))
        });
        same.chain(next).collect()
    };
    (0..orders.len()).map(rule).collect()
}

/// Returns the URL of the next page, and the nonce in its token.
fn next_page(
    context: &Context<'_>,
    selection: &Selection,
    last: &Map<String, Value>,
    offset: usize,
    nonce: &str,
) -> (String, String) {
    let values: Map<String, Value> = selection
        .orders
        .iter()
        .filter_map(|order| Some((order.field.clone(), nested(last, &order.field)?.clone())))
        .collect();
    let nonce = format!("pagination-token-{nonce}");
    let token = json!({"last_object": values, "offset": offset, "nonce": nonce}).to_string();
    let mut parameters: Vec<(String, String)> = parameters(&context.request.query);
    for (name, value) in [("_limit", selection.limit.to_string()), ("_token", BASE64_STANDARD.encode(token))] {
        match parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => parameters.push((name.to_owned(), value)),
        }
    }
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    (format!("{}/v1{}?{query}", context.request.origin, context.place.uri()), nonce)
}

fn nested<'a>(object: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(field) {
        return Some(value);
    }
    // Names of fields may contain dots; the longest name that fits leads on.
    let ends = field.rmatch_indices('.').map(|(end, _)| end);
    let (name, rest) = ends.map(|end| field.split_at(end)).find(|(name, _)| object.contains_key(*name))?;
    nested(object.get(name)?.as_object()?, rest.strip_prefix('.')?)
}

fn deprecation() -> String {
    let url = "https://kinto.readthedocs.io/en/2.4.0/api/resource.html#list-of-available-url-parameters";
    let message = "_to is now deprecated, you should use _before instead";
    json!({"code": "soft-eol", "message": message, "url": url}).to_string()
}
