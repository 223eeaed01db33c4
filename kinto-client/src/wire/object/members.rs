//! Checks of the members of a group before they are sent.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::principal::Principal;
use crate::error::Result;

/// Checks the members of a group that is to be stored, but not those that it `had` already.
pub(crate) fn check(group: &[u8], had: Option<&[u8]>) -> Result<()> {
    let had = had.map(members).unwrap_or_default();
    members(group).difference(&had).try_for_each(Principal::check_member)
}

/// Returns the members, or none if they have another form: the server says what is wrong with it.
fn members(group: &[u8]) -> BTreeSet<Principal> {
    #[derive(Deserialize)]
    struct Group {
        #[serde(default)]
        members: BTreeSet<Principal>,
    }
    serde_json::from_slice(group).map(|Group { members }| members).unwrap_or_default()
}
