//! Checks of the attribute `attachment` of fields.

use crate::ctxt::Ctxt;
use crate::model::{Field, Record};
use syn::{GenericArgument, PathArguments, Type};

/// The name that the server's plugin gives to the field.
const NAME: &str = "attachment";

/// Rejects fields that are not the one that the server writes.
pub(super) fn fields(cx: &mut Ctxt, record: &Record<'_>) {
    let mut first = true;
    for field in &record.fields {
        let Some(attachment) = &field.attrs.attachment else { continue };
        if let Some(message) = offence(record, field, first) {
            cx.error_at(attachment.span, message);
        }
        first = false;
    }
}

fn offence(record: &Record<'_>, field: &Field<'_>, first: bool) -> Option<String> {
    let message = if !first {
        "a record has one file: remove `attachment` from one of the fields".to_owned()
    } else if record.attrs.nested.is_some() {
        "the server describes the file in a field of the record itself, and this struct is a part of records; move the field to \
         the record"
            .to_owned()
    } else if field.attrs.nested.is_some() {
        "an `attachment` has handles for its own fields already; remove `nested`".to_owned()
    } else if let Some(reason) = hidden(record, field) {
        format!("the server writes the description of the file, and reads it back with each save, but {reason}")
    } else if field.serde.read_names(field.ident, &record.serde).iter().all(|name| name != NAME) {
        format!(
            "the server calls the field `{NAME}`, and this one is read as another\nhelp: add `#[serde(rename = \"{NAME}\")]`"
        )
    } else if field.wire != NAME {
        format!(
            "the server calls the field `{NAME}`, and this one is `{}` on the wire\nhelp: add `#[serde(rename = \"{NAME}\")]`",
            field.wire
        )
    } else {
        format!(
            "an `attachment` is of the type `Attachment` or `Option<Attachment>`, and this field is {}",
            other_than_file(&field.original.ty)?
        )
    };
    Some(message)
}

/// Returns the reason why a field is not both written and read as it is.
fn hidden(record: &Record<'_>, field: &Field<'_>) -> Option<&'static str> {
    if field.serde.flatten {
        Some("the fields of this one take its place (`flatten`)")
    } else if field.serde.skip.ser || field.serde.skip.de {
        Some("this field is skipped")
    } else if record.serde.into || record.serde.from {
        Some("another type takes the place of this struct (`into` or `from`)")
    } else if field.serde.encoded || field.serde.decoder.is_some() {
        Some("this field has a form of its own (`with`)")
    } else {
        None
    }
}

/// Returns the kind of a type that is known by its name to be none for files.
pub(crate) fn other_than_file(ty: &Type) -> Option<&'static str> {
    const NUMBERS: [&str; 8] = ["u8", "u16", "u32", "u64", "i32", "i64", "f32", "f64"];
    let path = match ty {
        Type::Path(path) => path,
        Type::Paren(inner) => return other_than_file(&inner.elem),
        Type::Group(inner) => return other_than_file(&inner.elem),
        Type::Array(_) | Type::Slice(_) => return Some("a list"),
        Type::Tuple(_) => return Some("a tuple"),
        _ => return None,
    };
    let last = path.path.segments.last()?;
    match last.ident.to_string().as_str() {
        "String" => Some("a text"),
        "bool" => Some("a boolean"),
        "Value" | "JsonObject" | "Map" | "HashMap" | "BTreeMap" => Some("JSON of any form"),
        "Vec" | "VecDeque" | "HashSet" | "BTreeSet" => Some("a list: a record has one file"),
        name if NUMBERS.contains(&name) => Some("a number"),
        "Option" => {
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => other_than_file(ty),
                _ => None,
            })
        }
        _ => None,
    }
}
