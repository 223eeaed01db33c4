//! The SQL of a list: its filters and its order, as the server has them on PostgreSQL.

use std::fmt::Write as _;

use rusqlite::{Row, Transaction, params_from_iter, types::Value as Sql};
use serde_json::Value;

use crate::{
    error::{Error, Result},
    json::sort_key::{MISSING, sort_key},
    local::store::{
        failure::Failure,
        indexes::{self, Index},
        rows::{CollectionNumber, millis},
    },
    wire::{
        filter::{Filter, Operand, Operator, Parameter},
        list_query::Listing,
        order::LAST_MODIFIED,
        timestamp::Timestamp,
    },
};

/// As many entries of an index are read before its order is preferred to that of the list.
const FEW: i64 = 1_000;

/// The conditions and the order of a list, checked as those of a request are.
#[derive(Clone, Debug)]
pub(in crate::local) struct Query {
    conditions: Vec<Parameter>,
    /// The fields to sort by, each with true for a descending order.
    orders: Vec<(String, bool)>,
    since: Option<Timestamp>,
    before: Option<Timestamp>,
    limit: Option<usize>,
}

/// A statement with its values.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Sql>,
}

impl Statement {
    fn push(&mut self, sql: &str, values: impl IntoIterator<Item = Sql>) {
        self.sql.push_str(sql);
        self.values.extend(values);
    }
}

impl Query {
    pub(in crate::local) fn new<T>(listing: &Listing<T>) -> Result<Self> {
        // For its errors: what the server would refuse is refused here.
        listing.conditions()?;
        if listing.limit == Some(0) {
            return Err(Error::invalid("a limit of 0 is not allowed: `limit` must be at least 1"));
        }
        let conditions = listing.filter.as_ref().map(Filter::parameters).transpose()?;
        let orders = listing.sort.iter().map(|sort| Ok((sort.field()?.to_owned(), sort.is_descending())));
        Ok(Self {
            conditions: conditions.unwrap_or_default(),
            orders: orders.collect::<Result<_>>()?,
            since: listing.since,
            before: listing.before,
            limit: listing.limit,
        })
    }

    /// Returns the statement that reads these columns of the records, `r`, in their order.
    pub(super) fn select(
        &self,
        transaction: &Transaction<'_>,
        of: CollectionNumber,
        columns: &str,
    ) -> Result<Statement, Failure> {
        let index = self.index(transaction, of)?;
        let mut statement = Statement::default();
        match &index {
            Some(index) if self.limit.is_some() && self.is_about(index) => {
                statement
                    .push(&format!("SELECT {columns} FROM (SELECT e.key, e.age, e.record FROM index_entry AS e"), []);
                statement.push(" WHERE e.field = ?", [Sql::Integer(index.number)]);
                self.conditions(Some(index), &mut statement);
                self.order(Some(index), &mut statement);
                self.limit(&mut statement);
                statement.push(") AS e CROSS JOIN record AS r ON r.number = e.record", []);
                self.order(Some(index), &mut statement);
            }
            index => {
                statement = self.from(of, columns, index.as_ref());
                self.order(index.as_ref(), &mut statement);
                self.limit(&mut statement);
            }
        }
        Ok(statement)
    }

    /// Returns true if the entries of an index are enough to find out which records come first.
    fn is_about(&self, index: &Index) -> bool {
        let is_key = |parameter: &Parameter| {
            let by_text = matches!(parameter.operator, Operator::Like | Operator::Contains | Operator::ContainsAny);
            parameter.field == index.path && !by_text
        };
        let is_known = |(field, _): &(String, bool)| field == LAST_MODIFIED || *field == index.path;
        self.conditions.iter().all(is_key) && self.orders.iter().all(is_known)
    }

    /// Writes the order: that of the list, then by version, and then by number, the highest first.
    fn order(&self, index: Option<&Index>, statement: &mut Statement) {
        statement.push(" ORDER BY ", []);
        let by_version = [(LAST_MODIFIED.to_owned(), true)];
        let has_version = self.orders.iter().any(|(field, _)| field == LAST_MODIFIED);
        for (field, is_descending) in self.orders.iter().chain(by_version.iter().filter(|_| !has_version)) {
            let mut is_descending = *is_descending;
            if field == LAST_MODIFIED && index.is_some() {
                statement.push("e.age", []);
                is_descending = !is_descending;
            } else {
                expression(field, index, statement);
            }
            statement.push(if is_descending { " DESC, " } else { ", " }, []);
        }
        statement.push(if index.is_some() { "e.record DESC" } else { "r.number DESC" }, []);
    }

    fn limit(&self, statement: &mut Statement) {
        if let Some(limit) = self.limit {
            statement.push(" LIMIT ?", [Sql::Integer(i64::try_from(limit).unwrap_or(i64::MAX))]);
        }
    }

    /// Reads these columns of the records, `r`, in their order.
    pub(in crate::local) fn read<V>(
        &self,
        transaction: &Transaction<'_>,
        of: CollectionNumber,
        columns: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<V>,
    ) -> Result<Vec<V>, Failure> {
        let Statement { sql, values } = self.select(transaction, of, columns)?;
        let mut statement = transaction.prepare_cached(&sql)?;
        let found = statement.query_map(params_from_iter(values), read)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns true if a record is there and matches.
    pub(in crate::local) fn holds(
        &self,
        transaction: &Transaction<'_>,
        of: CollectionNumber,
        id: &str,
    ) -> Result<bool, Failure> {
        let mut statement = self.from(of, "1", None);
        statement.push(" AND r.id = ?", [Sql::Text(id.to_owned())]);
        let Statement { sql, values } = statement;
        Ok(transaction.prepare_cached(&sql)?.exists(params_from_iter(values))?)
    }

    /// Returns the statement that counts the records.
    pub(super) fn count(&self, transaction: &Transaction<'_>, of: CollectionNumber) -> Result<Statement, Failure> {
        let index = self.index(transaction, of)?;
        Ok(self.from(of, "count(*)", index.as_ref()))
    }

    fn from(&self, of: CollectionNumber, columns: &str, index: Option<&Index>) -> Statement {
        let mut statement = Statement::default();
        statement.push(&format!("SELECT {columns} FROM "), []);
        match index {
            // A cross join is read in this order.
            Some(index) => statement.push(
                "index_entry AS e CROSS JOIN record AS r ON r.number = e.record WHERE e.field = ? AND r.data IS NOT NULL",
                [Sql::Integer(index.number)],
            ),
            None => {
                statement.push("record AS r WHERE r.collection = ? AND r.data IS NOT NULL", [Sql::Integer(of.0)]);
            }
        }
        self.conditions(index, &mut statement);
        statement
    }

    fn conditions(&self, index: Option<&Index>, statement: &mut Statement) {
        for parameter in &self.conditions {
            statement.push(" AND ", []);
            condition(parameter, index, statement);
        }
        let (since, before) = (self.since.map(millis), self.before.map(millis));
        let bounds = if index.is_some() {
            [("e.age < ?", since.map(|time| -time)), ("e.age > ?", before.map(|time| -time))]
        } else {
            [("r.version > ?", since), ("r.version < ?", before)]
        };
        for (bound, time) in bounds {
            if let Some(time) = time {
                statement.push(&format!(" AND {bound}"), [Sql::Integer(time)]);
            }
        }
    }

    /// Returns the index to read the records by: that of a condition, or that of the order if the list is short and the
    /// condition is met by many.
    fn index(&self, transaction: &Transaction<'_>, of: CollectionNumber) -> Result<Option<Index>, Failure> {
        let indexes = indexes::of(transaction, of)?;
        let by_name = |name: &str| indexes.iter().find(|index| index.path == name);
        let conditions = self.conditions.iter().filter_map(|parameter| Some((precision(parameter)?, parameter)));
        let narrowest = conditions
            .filter_map(|(precision, parameter)| Some((precision, by_name(&parameter.field)?)))
            .max_by_key(|(precision, index)| (*precision, std::cmp::Reverse(index.number)));
        let narrowest = narrowest.map(|(_, index)| index);
        let ordered = self.orders.first().and_then(|(field, _)| by_name(field));
        let (Some(narrowest), Some(ordered), Some(_)) = (narrowest, ordered, self.limit) else {
            return Ok(narrowest.or(ordered).cloned());
        };
        let is_narrow = narrowest == ordered || self.has_few(transaction, narrowest)?;
        Ok(Some(if is_narrow { narrowest } else { ordered }.clone()))
    }

    /// Returns true if few entries of an index meet the conditions of its field.
    fn has_few(&self, transaction: &Transaction<'_>, index: &Index) -> Result<bool, Failure> {
        let mut statement = Statement::default();
        statement.push(
            "SELECT count(*) FROM (SELECT 1 FROM index_entry AS e WHERE e.field = ?",
            [Sql::Integer(index.number)],
        );
        let of_field = |parameter: &&Parameter| parameter.field == index.path && precision(parameter).is_some();
        for parameter in self.conditions.iter().filter(of_field) {
            statement.push(" AND ", []);
            condition(parameter, Some(index), &mut statement);
        }
        statement.push(" LIMIT ?)", [Sql::Integer(FEW)]);
        let Statement { sql, values } = statement;
        let found: i64 = transaction.prepare_cached(&sql)?.query_row(params_from_iter(values), |row| row.get(0))?;
        Ok(found < FEW)
    }
}

/// Returns how much of an index a condition leaves out, if it can be read by one.
fn precision(parameter: &Parameter) -> Option<u8> {
    match (parameter.operator, &parameter.value) {
        (Operator::Eq | Operator::Plain, _) => Some(3),
        (Operator::In, _) => Some(2),
        (Operator::Has, Operand::One(Value::Bool(false))) => Some(1),
        (operator, _) if operator.is_bound() => Some(0),
        _ => None,
    }
}

/// Writes what a field is compared and sorted by.
fn expression(field: &str, index: Option<&Index>, statement: &mut Statement) {
    match field {
        "id" => statement.push("r.id", []),
        LAST_MODIFIED => statement.push("r.version", []),
        field if index.is_some_and(|index| index.path == field) => statement.push("e.key", []),
        field => statement.push("kinto_key(r.data, ?)", [Sql::Text(field.to_owned())]),
    }
}

fn condition(parameter: &Parameter, index: Option<&Index>, statement: &mut Statement) {
    let Parameter { field, operator, value } = parameter;
    let path = || Sql::Text(field.clone());
    match (field.as_str(), operator) {
        ("id" | LAST_MODIFIED, Operator::Has) => statement.push("?", [Sql::Integer(i64::from(is_true(value)))]),
        ("id", Operator::Like) => statement.push("kinto_like(r.id, ?)", [text(value)]),
        (_, Operator::Like) => statement.push("kinto_like(kinto_text(r.data, ?), ?)", [path(), text(value)]),
        (_, Operator::Contains) => statement.push("kinto_contains(r.data, ?, ?)", [path(), list(value)]),
        (_, Operator::ContainsAny) => statement.push("kinto_contains_any(r.data, ?, ?)", [path(), list(value)]),
        (_, Operator::Has) => {
            expression(field, index, statement);
            statement.push(if is_true(value) { " <> ?" } else { " = ?" }, [Sql::Blob(MISSING.to_vec())]);
        }
        (name, Operator::In | Operator::Exclude) => {
            expression(field, index, statement);
            let is_among = if *operator == Operator::In { "IN" } else { "NOT IN" };
            // One parameter, however many values there are.
            let (item, values) = match name {
                "id" => ("value", list(value)),
                _ => ("unhex(value)", keys(value)),
            };
            statement.push(&format!(" {is_among} (SELECT {item} FROM json_each(?))"), [values]);
        }
        (name, operator) => {
            expression(field, index, statement);
            let value = match (name, value) {
                ("id", value) => text(value),
                (LAST_MODIFIED, Operand::One(value)) => Sql::Integer(value.as_i64().unwrap_or(i64::MAX)),
                (_, Operand::One(value)) => Sql::Blob(sort_key(&value.to_string())),
                (_, Operand::Many(_)) => Sql::Null,
            };
            statement.push(comparison(*operator), [value]);
        }
    }
}

fn comparison(operator: Operator) -> &'static str {
    match operator {
        Operator::Not => " <> ?",
        Operator::Lt => " < ?",
        Operator::Gt => " > ?",
        Operator::Min => " >= ?",
        Operator::Max => " <= ?",
        _ => " = ?",
    }
}

fn is_true(value: &Operand) -> bool {
    *value == Operand::from(true)
}

fn text(value: &Operand) -> Sql {
    match value {
        Operand::One(Value::String(text)) => Sql::Text(text.clone()),
        Operand::One(value) => Sql::Text(value.to_string()),
        Operand::Many(_) => Sql::Null,
    }
}

fn values(value: &Operand) -> &[Value] {
    match value {
        Operand::One(Value::Array(values)) | Operand::Many(values) => values,
        Operand::One(value) => std::slice::from_ref(value),
    }
}

fn list(value: &Operand) -> Sql {
    Sql::Text(Value::from(values(value)).to_string())
}

/// Returns the sort keys of the values, as a JSON list of hexadecimal numbers.
fn keys(value: &Operand) -> Sql {
    let key = |value: &Value| {
        sort_key(&value.to_string()).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    Sql::Text(values(value).iter().map(key).collect::<Value>().to_string())
}
