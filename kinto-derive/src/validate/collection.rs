//! Checks the settings of the collection.

use super::id_offence;
use crate::attr::collection::Attachment;
use crate::ctxt::Ctxt;
use crate::items::unraw;
use crate::model::Record;
use crate::suggest;
use syn::LitStr;

/// The keys that every record has beside its data.
const STAMPS: [&str; 2] = ["id", "last_modified"];

pub(super) fn attributes(cx: &mut Ctxt, record: &Record<'_>) {
    let attrs = &record.attrs;
    if let Some(sort) = &attrs.sort {
        sort_order(cx, record, &sort.value);
    }
    if let Some(columns) = &attrs.display_fields {
        display_fields(cx, record, &columns.value);
    }
    if let Some(given) = &attrs.attachment {
        attachment(cx, &given.value);
    }
    if let Some(permissions) = &attrs.permissions {
        let lists = permissions.value.lists();
        lists.flat_map(|(_, list)| list).for_each(|literal| principal(cx, literal));
    }
}

fn sort_order(cx: &mut Ctxt, record: &Record<'_>, literal: &LitStr) {
    let text = literal.value();
    let name = text.strip_prefix('-').unwrap_or(&text);
    if name.contains(',') {
        cx.error(
            literal,
            "`sort` takes one field, with `-` before it for the greatest first: `sort = \"-last_modified\"`",
        );
        return;
    }
    if field(cx, record, literal, name) && !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')) {
        cx.error(
            literal,
            format!("the server cannot sort by `{name}`, only by names of ASCII letters, digits and `_`; choose another field"),
        );
    }
}

fn display_fields(cx: &mut Ctxt, record: &Record<'_>, literals: &[LitStr]) {
    let mut seen = Vec::new();
    for literal in literals {
        let name = literal.value();
        if seen.contains(&name) {
            cx.error(literal, format!("`{name}` is shown twice; keep one of the two"));
        } else if field(cx, record, literal, &name) {
            seen.push(name);
        }
    }
}

/// Checks that the JSON has a field with that name, as far as the struct tells; the fields inside another type
/// are unknown.
fn field(cx: &mut Ctxt, record: &Record<'_>, literal: &LitStr, name: &str) -> bool {
    let known = |name: &str| STAMPS.contains(&name) || record.written().any(|field| field.wire == name);
    let outer = name.split('.').next().unwrap_or(name);
    if known(name) || (outer != name && known(outer)) || (record.writes_more() && !name.is_empty()) {
        return true;
    }
    let mut names: Vec<&str> = record.written().map(|field| field.wire.as_str()).collect();
    names.extend(STAMPS.iter().filter(|stamp| !record.written().any(|field| field.wire == **stamp)));
    let in_rust = record.fields.iter().find(|field| unraw(field.ident) == outer);
    let hint = match (in_rust, suggest::nearest(name, &names)) {
        (Some(field), _) if field.serde.skip.ser => "; it is not serialized (`skip`)".to_owned(),
        (Some(field), _) => format!("; it is written as `{}`", field.wire),
        (None, Some(nearest)) => format!("; did you mean `{nearest}`?"),
        (None, None) => String::new(),
    };
    let ident = unraw(&record.original.ident);
    cx.error(
        literal,
        format!("the JSON of `{ident}` has no field {name:?}{hint} (expected {})", suggest::one_of(&names)),
    );
    false
}

fn attachment(cx: &mut Ctxt, attachment: &Attachment) {
    if let (Some(required), None) = (&attachment.required, &attachment.enabled) {
        cx.error_at(required.span, "`required` needs `enabled`: `attachment(enabled, required)`");
    }
}

/// Checks a principal as the client does before sending it.
fn principal(cx: &mut Ctxt, literal: &LitStr) {
    let text = literal.value();
    let offence = match text.as_str() {
        "" => "it is empty".to_owned(),
        text if text.contains('\0') => "it contains a NUL character".to_owned(),
        text if text.starts_with("/buckets/default/") => {
            "`default` cannot be part of a principal; name another bucket, or give the permission when the program runs"
                .to_owned()
        }
        text if text.starts_with("/buckets/") => match text.split('/').collect::<Vec<_>>()[..] {
            ["", "buckets", bucket, "groups", group] => {
                match id_offence("bucket", bucket).or_else(|| id_offence("group", group)) {
                    Some(offence) => offence,
                    None => return,
                }
            }
            _ => "in a bucket, only a group is a principal: `/buckets/…/groups/…`".to_owned(),
        },
        text if text.starts_with("group:") => match id_offence("group", text.split_at("group:".len()).1) {
            Some(offence) => offence,
            None => return,
        },
        "system.Everyone" | "system.Authenticated" => return,
        text if text.starts_with("system.") => "it can be `system.Everyone` or `system.Authenticated`".to_owned(),
        text if !text.contains(':') => format!(
            "it is nobody, since principals begin with how they log in: did you mean `account:{text}`, or `group:{text}`?"
        ),
        _ => return,
    };
    cx.error(literal, format!("{text:?} cannot be a principal: {offence}"));
}
