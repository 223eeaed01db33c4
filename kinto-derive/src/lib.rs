//! `#[derive(KintoRecord)]` for [`kinto-client`](https://docs.rs/kinto-client).
//!
//! This crate is a part of kinto-client, which re-exports the derive. Depend on kinto-client alone: the derived code
//! names items of exactly the kinto-client that it was published with.
//!
//! The derive is documented at [`KintoRecord`]; examples are in kinto-client's documentation.

mod attr;
mod case;
mod ctxt;
mod expand;
mod fallback;
mod generics;
mod handles;
mod items;
mod model;
mod reading;
mod serde_attr;
mod suggest;
#[cfg(test)]
mod tests;
mod validate;
mod word;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Binds a struct to a collection, and generates typed handles for its fields.
///
/// The struct is the complete data of a record: a JSON object of the struct's fields, as serde serializes them.
/// It also derives `Serialize` and `Deserialize`, has named fields, and borrows nothing. It may be generic.
///
/// `Todo::fields().title` is then the handle of the field `title`, for filters, for sorting, and for selecting
/// fields. A handle has the visibility of its field. Only the implementations of two traits (`RecordData` and
/// `KintoRecord`) are added to the module.
///
/// # Attributes
///
/// On the struct:
///
/// | attribute | meaning | otherwise |
/// |---|---|---|
/// | `#[kinto(collection = "todos")]` | the collection | the struct's name in snake case: `TodoItem` is in `todo_item` |
/// | `#[kinto(bucket = "app")]` | the bucket | `default`, which the server takes for the user's own bucket |
/// | `#[kinto(crate = "my::kinto_client")]` | where kinto-client is found | `::kinto_client` |
/// | `#[kinto(sort = "-due")]` | the order in which Kinto Admin shows the records: a field, with `-` before it the greatest first | |
/// | `#[kinto(display_fields = ["title", "due"])]` | the columns in which Kinto Admin shows them | |
/// | `#[kinto(cache_expires = 60)]` | the time in seconds for which responses to anonymous readers may be cached | |
/// | `#[kinto(attachment(enabled, required))]` | a file per record, optional or required | none |
/// | `#[kinto(schema)]` | that records have the JSON Schema of the struct, which derives `JsonSchema` (feature `schema` of the client), and that Kinto Admin's form has the fields in the struct's order | |
/// | `#[kinto(permissions(read = ["system.Everyone"], write = ["account:alexis"], record_create = ["/buckets/app/groups/editors"]))]` | who may do what with the collection; each of the three can be left out | |
/// | `#[kinto(nested)]` | no records, but a part of them: only the handles | |
///
/// Names of buckets and collections are checked: they consist of letters `a-z` and `A-Z`, digits, `_` and `-`,
/// and begin with a letter or a digit. The names in `sort` and `display_fields` are those of the JSON, and are
/// checked against the struct's fields, `id` and `last_modified`; fields inside another field (`address.city`),
/// or of a flattened one, are not checked. Principals are written in full: `"alexis"` alone has no meaning.
///
/// The attributes from `sort` to `permissions` declare settings of the collection:
/// `KintoRecord::collection_attributes` and `collection_permissions` return them, for example to a `Blueprint`,
/// in which `group:editors` is a group of the same bucket. They change nothing by themselves.
///
/// On a field:
///
/// | attribute | meaning |
/// |---|---|
/// | `#[kinto(attachment)]` | The field describes the file of the record, and is of the type `Attachment` or `Option<Attachment>` of the client (feature `attachments`); its name in the JSON is `attachment`. Only the server writes it: a save that would change or drop it is an error. `Logo::fields().attachment.size` is the handle of a member. |
/// | `#[kinto(nested)]` | The field's type, or that in its `Option` or `Box`, is a struct with `#[kinto(nested)]`. Its fields can be reached through this one: `Todo::fields().address.city` is the handle of `address.city`. |
/// | `#[kinto(index)]` | For records in a store of the client (feature `local`): filters and orders by this field are read by an index, which each write brings up to date. It stays in the file without the attribute, too: another type may read the same collection. |
/// | `#[kinto(key = "slug")]` | The field is a list, whose items are known by their own field `slug` (its name in the JSON): what a save finds in an item that the struct does not know stays with the item of that `slug`, wherever it was moved and whatever else was changed in it. Without this they are known by what they hold. |
/// | `#[kinto(merge = "set")]` | For records in a store of the client (`local`): the list is a set. If both sides changed it, it has what one of them added, and not what one of them removed. The items of the server come first. |
/// | `#[kinto(merge = "local")]`, `#[kinto(merge = "remote")]` | The same: if both sides changed the field, it has the value of the store, or of the server. Of an object these are the fields inside that both sides changed, unless they have a strategy of their own. |
///
/// `key` and `merge` also hold for the fields of a `nested` struct, of a flattened one (`#[serde(flatten)]`) that is `nested`, and of
/// the items of a list with a `key`, whose struct is `nested`; and for the names in `alias`.
///
/// # serde's attributes
///
/// Names are defined once: the derive reads the attributes of serde. Filters apply to the stored JSON, so that
/// handles follow `Serialize` where both directions differ. Selected fields (`select`) decode as they do in the
/// whole record.
///
/// | attribute of serde | effect |
/// |---|---|
/// | `rename_all`, `rename` | The name on the wire; of the split forms that for `serialize`, and for `deserialize` where the field is selected. |
/// | `default`, `alias`, `skip_deserializing`, `deserialize_with` | Heeded where the field is selected. |
/// | `skip_serializing_if` | None. |
/// | `serialize_with`, `with` | The handle's type is `Opaque`: the JSON is not known, so nothing can be compared with it. It can be selected. |
/// | `from`, `try_from`, on the struct | No field can be selected alone: another type is read. |
/// | `skip`, `skip_serializing` | No handle: the server never sees the field. |
/// | `flatten` | No handle: the field's own fields stand in its place. |
/// | `into`, on the struct | No handles at all: another type is written. |
/// | `transparent`, `remote`, on the struct | Refused: such a struct is not the data of a record. |
///
/// A field with the key `id`, `last_modified` or `schema` (`alias` counts) is noted in `RecordData::DECLARES`; the
/// client otherwise keeps these keys of a record, as far as the server writes them, away from its data.
///
/// # Names that the server cannot filter on
///
/// The server's operators work on names made of letters, digits and `_`. A field with another name on the wire, such as
/// those that `rename_all = "kebab-case"` makes, has a `PlainField` for its handle, which offers equality only. A field with a dot
/// in its name has no handle, since the server takes the dot for a path.
#[proc_macro_derive(KintoRecord, attributes(kinto))]
pub fn derive_kinto_record(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::derive(&input).into()
}
