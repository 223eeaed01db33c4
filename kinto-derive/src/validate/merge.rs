//! Checks of the attributes `key` and `merge`.

use crate::attr::merge::Strategy;
use crate::ctxt::Ctxt;
use crate::model::{Field, Record};
use syn::{GenericArgument, PathArguments, Type};

/// Rejects `key` and `merge` where they have no effect.
pub(super) fn attributes(cx: &mut Ctxt, record: &Record<'_>, field: &Field<'_>) {
    if let Some(key) = &field.attrs.key {
        if field.attrs.nested.is_some() {
            cx.error_at(key.span, "`key` is for a list, and `nested` for a struct; remove one of them");
        } else if let Some(reason) = without_effect(record, field) {
            cx.error_at(key.span, format!("`key` has no effect on this field: {reason}; remove `key`"));
        }
    }
    let Some(merge) = &field.attrs.merge else {
        return;
    };
    if let Some(reason) = without_effect(record, field) {
        cx.error_at(merge.span, format!("`merge` has no effect on this field: {reason}; remove `merge`"));
    } else if field.attrs.key.is_some() {
        let message = "a list with a `key` is merged item by item, so that `merge` has nothing to decide\n\
                       help: remove one of them; `merge` can stand on the fields of the items, whose struct is `nested`";
        cx.error_at(merge.span, message);
    } else if merge.value == Strategy::Set {
        let what = if field.attrs.nested.is_some() {
            Some("a struct")
        } else if field.serde.encoded {
            None
        } else {
            other_than_list(&field.original.ty)
        };
        if let Some(what) = what {
            let message = format!(
                "a `set` is a list of any length, such as `Vec<String>`, and this field is {what}\n\
                 help: `merge = \"local\"` and `merge = \"remote\"` are for any field"
            );
            cx.error_at(merge.span, message);
        }
    }
}

fn without_effect(record: &Record<'_>, field: &Field<'_>) -> Option<&'static str> {
    if field.serde.skip.ser {
        Some("it is not serialized (`skip`)")
    } else if field.serde.flatten {
        Some("its own fields take its place (`flatten`)")
    } else if record.serde.into {
        Some("another type is written (`into`)")
    } else {
        None
    }
}

/// Returns the kind of JSON of a type that is known by its name, if it is no list of any length.
fn other_than_list(ty: &Type) -> Option<&'static str> {
    const NUMBERS: [&str; 14] =
        ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64"];
    let path = match ty {
        Type::Path(path) => path,
        Type::Paren(inner) => return other_than_list(&inner.elem),
        Type::Group(inner) => return other_than_list(&inner.elem),
        Type::Array(_) => return Some("a list of fixed length"),
        Type::Tuple(_) => return Some("a tuple"),
        _ => return None,
    };
    let last = path.path.segments.last()?;
    match last.ident.to_string().as_str() {
        "String" | "char" => Some("a text"),
        "bool" => Some("a boolean"),
        "HashMap" | "BTreeMap" | "IndexMap" => Some("a map"),
        name if NUMBERS.contains(&name) => Some("a number"),
        "Option" | "Box" | "Rc" | "Arc" => {
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => other_than_list(ty),
                _ => None,
            })
        }
        _ => None,
    }
}
