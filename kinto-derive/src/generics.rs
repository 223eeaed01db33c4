//! The bounds of generic structs.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    DeriveInput, GenericArgument, GenericParam, Generics, Path, PathArguments, Type, WhereClause, WherePredicate,
    parse_quote,
};

/// The user's `where` clause and `Self: bounds`, which follows whatever bounds serde's derives came to. Only for generic
/// structs: for others the compiler checks it once, at the struct, and not at each use.
pub(crate) fn where_data(input: &DeriveInput, krate: &Path) -> Option<WhereClause> {
    let bounds = quote!(
        #krate::__private::Serialize + #krate::__private::DeserializeOwned
            + ::core::marker::Send + ::core::marker::Sync + 'static
    );
    let generic = !input.generics.params.is_empty();
    where_self(input, generic.then_some(bounds))
}

/// The user's `where` clause and that there is `Data`.
///
/// Without it, the compiler would check `Data`'s own bounds here too, and report a missing `Deserialize` twice. (It reports
/// a bound that is never true only if the bound has no `for<…>`.)
pub(crate) fn where_record(input: &DeriveInput, krate: &Path) -> Option<WhereClause> {
    if input.generics.params.is_empty() {
        let ident = &input.ident;
        return parse_quote!(where for<'__a> #ident: #krate::__private::IsData<'__a>);
    }
    where_self(input, Some(quote!(#krate::Data)))
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

/// The user's `where` clause, `T: 'static` for all parameters, and more.
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

/// The parameters for a struct beside the user's: without defaults.
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

/// The type parameter, or the type projected from one, behind any `Option<…>` and `Box<…>`.
///
/// Other types say for themselves whether they have fields. To repeat that as a bound would never end for a struct that
/// contains itself.
pub(crate) fn parameter_inside<'a>(generics: &Generics, ty: &'a Type) -> Option<&'a Type> {
    let path = match ty {
        Type::Path(path) => path,
        // What a macro by example makes of its `$ty:ty`.
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

/// Whether the user's parameters decide what the type is.
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

/// Writes the struct's name for `Self`, which means something else in our own structs.
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
