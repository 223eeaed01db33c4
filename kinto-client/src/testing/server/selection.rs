//! The objects of a list that a query selects, page by page.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    Server,
    access::Seen,
    answer::{Outcome, invalid, unavailable},
    database::{Kind, List, Row},
    filter::{Condition, Operator, Order, in_order},
    object::Context,
    parameters::parameters,
    query::{has_null, is_timestamp},
    written,
};

/// The selection of the objects of a list.
pub(super) struct Selection {
    pub(super) conditions: Vec<Condition>,
    pub(super) orders: Vec<Order>,
    pub(super) limit: usize,
    /// One of these has to hold, each of which is what comes after the last page in one respect.
    pub(super) after: Vec<Vec<Condition>>,
    pub(super) offset: usize,
    pub(super) with_tombstones: bool,
    /// A condition on the presence of a field takes the place of those before it, as in the list of permissions.
    forgets: bool,
    pub(super) is_deprecated: bool,
}

impl Server {
    pub(super) fn selection(&mut self, context: &Context<'_>) -> Outcome<(Selection, Option<Vec<String>>)> {
        let (kind, query) = (context.place.kind, &context.query);
        let (mut conditions, is_deprecated) = query.conditions(kind, self.database.now)?;
        if let Seen::Shared(ids) = &context.seen {
            let ids = ids.iter().map(|id| Value::String(id.clone())).collect();
            conditions.insert(0, Condition::new("id", Operator::In, Some(ids)));
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
        // The database cannot compare a time with a pattern.
        let is_wrong = |one: &Condition| one.field == "last_modified" && one.operator == Operator::Like;
        if selection.conditions.iter().any(is_wrong) {
            return Err(unavailable(self.settings.retry_after));
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
    pub(super) fn takes(&self, id: &str, row: &Row) -> bool {
        let id = (!self.forgets).then_some(id);
        let after = || self.after.iter().any(|rule| rule.iter().all(|condition| condition.holds(id, row)));
        (self.with_tombstones || !row.deleted) && self.conditions(id, row) && (self.after.is_empty() || after())
    }

    /// Returns true if the database would fail at an object, which other conditions have not left out.
    ///
    /// PostgreSQL looks at the cheap ones first, whatever their order in the query: those on columns, equality, and whether
    /// there is a field. Others can come after the pattern there, and never do here.
    pub(super) fn fails(&self, list: &List) -> bool {
        let (patterns, others): (Vec<_>, Vec<_>) = self.conditions.iter().partition(|one| one.may_fail());
        let fails = |id: &str, row: &Row| {
            let is_reached =
                (self.with_tombstones || !row.deleted) && others.iter().all(|one| one.holds(Some(id), row));
            let reached = || patterns.iter().find(|one| one.fails(id, row) || !one.holds(Some(id), row));
            is_reached && reached().is_some_and(|one| one.fails(id, row))
        };
        !self.forgets && !patterns.is_empty() && list.rows.iter().any(|(id, row)| fails(id, row))
    }

    fn conditions(&self, id: Option<&str>, row: &Row) -> bool {
        if !self.forgets {
            return self.conditions.iter().all(|condition| condition.holds(id, row));
        }
        self.conditions.iter().fold(true, |holds, condition| {
            let is_presence = condition.operator == Operator::Has;
            (holds || is_presence) && (condition.excludes_nothing() || condition.holds(id, row))
        })
    }

    /// Returns the objects of one page, and one more if there is another page.
    pub(super) fn of<'a>(&self, list: &'a List) -> Vec<(&'a String, &'a Row)> {
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
pub(super) fn next_page(
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
    let token = written(&json!({"last_object": values, "offset": offset, "nonce": nonce}));
    let own = [("_limit", selection.limit.to_string()), ("_token", BASE64_STANDARD.encode(token))];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    // Each name once, at its first place, with its last value.
    let mut parameters: Vec<(String, String)> = Vec::new();
    for (name, value) in self::parameters(&context.request.query).into_iter().chain(own) {
        match parameters.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => parameters.push((name, value)),
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
