//! Attributes of fields that decide how they are merged: `#[kinto(key = "…")]` and `#[kinto(merge = "…")]`.

use crate::generics::{parameter_inside, without_self};
use crate::handles::has_one_form;
use crate::model::{Field, Handle, Record};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Path, Type};

/// Returns the attributes of all fields and of those in structs inside; `None` if there are none.
pub(crate) fn keys(record: &Record<'_>, krate: &Path) -> Option<TokenStream> {
    let fields = record.fields.iter().filter(|field| !field.serde.skip.ser && !record.serde.into);
    let keys: Vec<TokenStream> = fields.flat_map(|field| of_field(record, field, krate)).collect();
    (!keys.is_empty()).then(|| quote!(&[#(#keys),*]))
}

fn of_field(record: &Record<'_>, field: &Field<'_>, krate: &Path) -> Vec<TokenStream> {
    let list_key = quote!(#krate::__private::ListKey);
    let ty = &field.original.ty;
    let is_known = parameter_inside(&record.original.generics, ty).is_none();
    let inside = |lists: TokenStream| {
        let ty = without_self(record.original, ty.to_token_stream());
        quote!({
            use #krate::__private::NoLists as _;
            #krate::__private::#lists::<#ty>::KEYS
        })
    };
    if field.serde.flatten {
        let keys = inside(quote!(Lists));
        return if is_known && !is_map(ty) { vec![quote!(#list_key::__flattened(#keys))] } else { Vec::new() };
    }
    let mut attributes = Vec::new();
    if let Some(key) = &field.attrs.key {
        let key = &key.value;
        attributes.push(quote!(.__key(#key)));
        if is_known && !has_one_form(ty) {
            let keys = inside(quote!(ItemLists));
            attributes.push(quote!(.__inside(#keys)));
        }
    }
    if let Some(merge) = &field.attrs.merge {
        let strategy = merge.value.variant();
        attributes.push(quote!(.__merge(#krate::__private::MergeStrategy::#strategy)));
    }
    if field.handle == Handle::Nested && is_known {
        let keys = inside(quote!(Lists));
        attributes.push(quote!(.__inside(#keys)));
    }
    if attributes.is_empty() {
        return Vec::new();
    }
    let mut names = vec![field.wire.clone()];
    names.extend(field.serde.read_names(field.ident, &record.serde).into_iter().filter(|name| *name != field.wire));
    names.iter().map(|name| quote!(#list_key::__field(#name) #(#attributes)*)).collect()
}

/// Returns true if the type is known by its name to have no fields of its own.
pub(super) fn is_map(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| ["HashMap", "BTreeMap", "IndexMap", "Map", "Value"].iter().any(|name| last.ident == name))
}
