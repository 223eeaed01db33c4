//! The bounds of generic structs.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    DeriveInput, GenericArgument, GenericParam, Generics, Path, PathArguments, Type, WhereClause, WherePredicate,
    parse_quote,
};

/// Returns the user's `where` clause with `Self: bounds`, which includes the bounds of serde's derives, for
/// generic structs only.
///
/// For others, the compiler then checks the bounds once at the struct, and not at each use.
pub(crate) fn where_data(input: &DeriveInput, krate: &Path) -> Option<WhereClause> {
    let bounds = quote!(
        #krate::__private::Serialize + #krate::__private::DeserializeOwned
            + ::core::marker::Send + ::core::marker::Sync + 'static
    );
    let generic = !input.generics.params.is_empty();
    where_self(input, generic.then_some(bounds))
}

/// Returns the user's `where` clause with the bound `Self: RecordData`.
///
/// Without it, the compiler would check the bounds of `RecordData` here too, and report a missing `Deserialize`
/// twice. (It reports a bound that is never true only if the bound has no `for<…>`.)
pub(crate) fn where_record(input: &DeriveInput, krate: &Path) -> Option<WhereClause> {
    if input.generics.params.is_empty() {
        let ident = &input.ident;
        return parse_quote!(where for<'__a> #ident: #krate::__private::IsData<'__a>);
    }
    where_self(input, Some(quote!(#krate::object::RecordData)))
}

fn where_self(input: &DeriveInput, bounds: Option<TokenStream>) -> Option<WhereClause> {
    let mut generics = input.generics.clone();
    if let Some(bounds) = bounds {
        let ident = &input.ident;
        let (_, ty_generics, _) = input.generics.split_for_impl();
        let predicate = parse_quote!(#ident #ty_generics: #bounds);
        generics.make_where_clause().predicates.push(predicate);
    }
    generics.where_clause
}

/// Returns the user's `where` clause with `T: 'static` for all parameters, and more.
pub(crate) fn where_static(input: &DeriveInput, more: impl Iterator<Item = WherePredicate>) -> Option<WhereClause> {
    let mut generics = input.generics.clone();
    let owned = input.generics.type_params().map(|param| {
        let ident = &param.ident;
        parse_quote!(#ident: 'static)
    });
    let predicates: Vec<WherePredicate> = owned.chain(more).collect();
    if !predicates.is_empty() {
        generics.make_where_clause().predicates.extend(predicates);
    }
    generics.where_clause
}

/// Returns the user's generic parameters without defaults, for a further struct.
pub(crate) fn without_defaults(generics: &Generics) -> Generics {
    let mut generics = generics.clone();
    for param in &mut generics.params {
        match param {
            GenericParam::Type(param) => {
                param.default = None;
            }
            GenericParam::Const(param) => {
                param.default = None;
            }
            GenericParam::Lifetime(_) => {}
        }
    }
    generics
}

/// Returns the type parameter, or the type projected from one, inside any `Option<…>` and `Box<…>`.
///
/// Any other type implements or lacks the trait for fields independently of the parameters. A bound on it would
/// recurse without end for a struct that contains itself.
pub(crate) fn parameter_inside<'a>(generics: &Generics, ty: &'a Type) -> Option<&'a Type> {
    let path = match ty {
        Type::Path(path) => path,
        // The form of a `$ty:ty` in a declarative macro.
        Type::Group(group) => return parameter_inside(generics, &group.elem),
        _ => return None,
    };
    let first = path.path.segments.first()?;
    let last = path.path.segments.last()?;
    if path.qself.is_some() || generics.type_params().any(|param| param.ident == first.ident) {
        return Some(ty);
    }
    match &last.arguments {
        PathArguments::AngleBracketed(arguments) if last.ident == "Option" || last.ident == "Box" => {
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => parameter_inside(generics, ty),
                _ => None,
            })
        }
        _ => None,
    }
}

/// Returns `true` if the tokens mention a generic parameter of the user.
pub(crate) fn mentions_parameter(generics: &Generics, tokens: TokenStream) -> bool {
    let is_parameter = |name: &Ident| {
        name == "Self"
            || generics.type_params().any(|param| param.ident == *name)
            || generics.const_params().any(|param| param.ident == *name)
    };
    !generics.params.is_empty()
        && tokens.into_iter().any(|tree| match tree {
            TokenTree::Ident(ident) => is_parameter(&ident),
            TokenTree::Group(group) => mentions_parameter(generics, group.stream()),
            _ => false,
        })
}

/// Replaces `Self` by the name of the struct, since `Self` means another type in generated structs.
pub(crate) fn without_self(input: &DeriveInput, tokens: TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .map(|tree| match tree {
            TokenTree::Ident(ident) if ident == "Self" => {
                let name = &input.ident;
                let (_, ty_generics, _) = input.generics.split_for_impl();
                let mut name = name.clone();
                name.set_span(ident.span());
                quote!(#name #ty_generics)
            }
            TokenTree::Group(group) => {
                let stream = without_self(input, group.stream());
                let mut replaced = Group::new(group.delimiter(), stream);
                replaced.set_span(group.span());
                replaced.into_token_stream()
            }
            tree => tree.into(),
        })
        .collect()
}
