//! Parses `#[kinto(merge = "…")]`.

use super::{string, suggest};
use crate::ctxt::Ctxt;
use crate::items::Item;
use proc_macro2::{Ident, Span};

const STRATEGIES: &[&str] = &["set", "local", "remote"];

/// The result of a merge where both sides changed a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    Set,
    Local,
    Remote,
}

impl Strategy {
    pub(super) fn parse(cx: &mut Ctxt, item: &Item) -> Option<Self> {
        let literal = string(cx, item)?;
        let name = literal.value();
        match name.as_str() {
            "set" => return Some(Self::Set),
            "local" => return Some(Self::Local),
            "remote" => return Some(Self::Remote),
            "counter" => cx.error(
                &literal,
                "`counter` is not offered: a number does not tell which additions it contains, so that one whose response was \
                 lost would count twice\n\
                 help: keep a map with a number for each device, such as `HashMap<String, u64>`, which is merged by its keys, \
                 and add the numbers up",
            ),
            _ => {
                let nearest = suggest::nearest(&name, STRATEGIES);
                let hint = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
                let expected = suggest::one_of(STRATEGIES);
                cx.error(&literal, format!("unknown merge strategy `{name}`{hint} (expected {expected})"));
            }
        }
        None
    }

    /// Returns the name of the variant in the client.
    pub(crate) fn variant(self) -> Ident {
        let name = match self {
            Self::Set => "Set",
            Self::Local => "Local",
            Self::Remote => "Remote",
        };
        Ident::new(name, Span::call_site())
    }
}
