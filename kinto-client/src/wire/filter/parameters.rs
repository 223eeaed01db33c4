//! Query parameters of filters, which mean the same on each storage backend.

use std::collections::BTreeMap;

use serde_json::Value;

use super::term::{Operand, Operator, Term};
use crate::{
    error::{Error, Result},
    json::rank::rank,
};

/// The parameters of one field, by their operators.
type OfField = BTreeMap<Operator, Operand>;

/// A query parameter of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) field: String,
    pub(crate) operator: Operator,
    pub(crate) value: Operand,
}

impl Parameter {
    pub(super) fn name(&self) -> String {
        format!("{}{}", self.operator.prefix(), self.field)
    }
}

/// The parameters that say these terms, in the order in which they are to be sent.
pub(super) fn of(terms: &[&Term]) -> Result<Vec<Parameter>> {
    let mut fields: BTreeMap<&str, OfField> = BTreeMap::new();
    for term in terms {
        let known = fields.entry(&term.field).or_default().insert(term.operator, term.value.clone());
        if known.is_some() {
            return Err(Error::invalid(format!("the filter sets `{}` twice: use it once", term.parameter())));
        }
    }
    let mut parameters = Vec::new();
    for (field, mut operands) in fields {
        fence(&mut operands, terms.iter().filter(|term| term.field == field));
        if field != "id" {
            tell_booleans_from_numbers(field, &mut operands)?;
        }
        // What says more says this, too, and the memory backend knows one `has_` only.
        if operands.keys().any(|operator| operator.wants_field()) && operands.get(&Operator::Has) == Some(&true.into())
        {
            operands.remove(&Operator::Has);
        }
        let of_field = |(operator, value)| Parameter { field: field.to_owned(), operator, value };
        parameters.extend(operands.into_iter().map(of_field));
    }
    parameters.sort_by_key(|parameter| (place(parameter.operator, &parameter.value), parameter.name()));
    Ok(parameters)
}

/// The memory backend forgets all that stands before a `has_`, fails where a `like_` comes to what is no text, and where
/// two objects are to be compared.
fn place(operator: Operator, value: &Operand) -> u8 {
    match (operator, value) {
        (Operator::Has, _) => 0,
        (Operator::Like | Operator::Contains | Operator::ContainsAny, _) => 2,
        (Operator::Lt, Operand::One(Value::Object(_))) => 3,
        _ => 1,
    }
}

/// Holds each term to its own type. Bounds of several types leave nothing.
fn fence<'a>(operands: &mut OfField, terms: impl Iterator<Item = &'a &'a Term>) {
    let terms: Vec<&Term> = terms.copied().collect();
    for (operator, fence) in terms.iter().flat_map(|term| term.fences()) {
        let is_said = |term: &&Term| {
            let same_end = term.operator.is_bound() && term.operator.is_upper_bound() == operator.is_upper_bound();
            // The fence above a type is the least value of the next.
            let of = rank(&fence) - u8::from(operator.is_upper_bound());
            same_end && matches!(&term.value, Operand::One(value) if rank(value) == of)
        };
        if terms.iter().any(is_said) {
            continue;
        }
        bound(operands, operator, fence);
    }
}

/// To the memory backend, 0 is `false` and 1 is `true` among the values of a list.
fn tell_booleans_from_numbers(field: &str, operands: &mut OfField) -> Result<()> {
    if let Some(Operand::Many(values)) = operands.get(&Operator::Exclude) {
        let values = values.clone();
        let unlisted = values.iter().position(|value| twin(value).is_some_and(|twin| !holds(&values, &twin)));
        if let (Some(place), false) = (unlisted, operands.contains_key(&Operator::Not)) {
            let mut others = values;
            let excluded = others.remove(place);
            operands.insert(Operator::Not, Operand::One(excluded));
            if others.is_empty() {
                operands.remove(&Operator::Exclude);
            } else {
                operands.insert(Operator::Exclude, Operand::Many(others));
            }
        }
    }
    let Some(Operand::Many(values)) = operands.get(&Operator::In) else { return Ok(()) };
    let values = values.clone();
    let mut strays: Vec<Value> = Vec::new();
    for stray in values.iter().filter_map(twin).filter(|twin| !holds(&values, twin)) {
        if !holds(&strays, &stray) {
            strays.push(stray);
        }
    }
    if strays.iter().any(Value::is_boolean) && !values.iter().any(Value::is_boolean) {
        bound(operands, Operator::Lt, Value::Bool(false));
        strays.retain(|stray| !stray.is_boolean());
    } else if strays.iter().any(Value::is_number) && values.iter().all(Value::is_boolean) {
        bound(operands, Operator::Min, Value::Bool(false));
        strays.retain(|stray| !stray.is_number());
    }
    if let Some(stray) = strays.pop()
        && (!strays.is_empty() || operands.insert(Operator::Not, Operand::One(stray)).is_some())
    {
        return Err(Error::invalid(format!(
            "the field {field:?} cannot be looked for among booleans, 0 and 1 at once: not every storage backend of the \
             server tells them apart; ask for the booleans and for the numbers in two calls"
        )));
    }
    Ok(())
}

/// Sets a bound between types, unless a tighter one is known.
fn bound(operands: &mut OfField, operator: Operator, value: Value) {
    let is_tighter = match operands.get(&operator) {
        Some(Operand::One(known)) if operator.is_upper_bound() => rank(&value) <= rank(known),
        Some(Operand::One(known)) => rank(&value) > rank(known),
        _ => true,
    };
    if is_tighter {
        operands.insert(operator, Operand::One(value));
    }
}

/// The boolean that the memory backend takes for that number, or the number for that boolean.
fn twin(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(value) => Some(u8::from(*value).into()),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false.into()),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true.into()),
        _ => None,
    }
}

/// Returns true if it is among them; 1 and 1.0 are one number.
fn holds(values: &[Value], wanted: &Value) -> bool {
    values
        .iter()
        .any(|value| value == wanted || (wanted.is_number() && value.is_number() && twin(value) == twin(wanted)))
}

/// Returns true if the memory backend takes it for another value: where a boolean, a 0 or a 1 is inside.
pub(super) fn is_ambiguous_inside(value: &Value) -> bool {
    let is_ambiguous = |value: &Value| twin(value).is_some() || is_ambiguous_inside(value);
    match value {
        Value::Array(values) => values.iter().any(is_ambiguous),
        Value::Object(fields) => fields.values().any(is_ambiguous),
        _ => false,
    }
}
