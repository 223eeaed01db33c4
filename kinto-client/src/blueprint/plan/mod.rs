//! Plans and applies a blueprint.

use std::{collections::BTreeSet, fmt};

use super::{
    Blueprint, Lists,
    check::NamedGroups,
    desired::Wanted,
    observed::{Seen, Survey, Writer},
    target::Piece,
};
use crate::operation::{Call, CallContext, sealed};
use crate::{client::Client, error::Result, wire::object::principal::Principal};

pub(crate) mod difference;
pub(crate) mod display;
pub(crate) mod requests;
pub(crate) mod step;

use super::apply::Apply;
use difference::MatchMode;
use display::Show;
use step::{Action, Step};

/// Compares a blueprint with the server, and changes nothing.
pub struct ComputePlan {
    pub(super) blueprint: Blueprint,
    pub(super) scope: Scope,
}

/// The part of a bucket that a plan is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The whole bucket: the plan also lists the objects that the blueprint does not have.
    Bucket,
    /// The declared objects alone, whose permissions can name any group that the bucket has.
    Declared,
}

/// The steps that make a server match a [`Blueprint`], and the objects that only the server has.
///
/// `Display` lists them with the exact differences of each object: `+` marks a new one, `~` a changed one, `-`
/// a deleted one, `=` an unchanged one, and `?` one that is on the server but not in the blueprint. `{plan:#}`
/// adds colours.
///
/// [`apply`](Self::apply) does exactly what is listed.
#[derive(Clone)]
pub struct Plan {
    pub(super) client: Client,
    pub(super) wanted: Vec<Wanted>,
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<String>,
    pub(super) me: Writer,
    pub(super) mode: MatchMode,
    pub(super) survey: Survey,
}

impl ComputePlan {
    pub(crate) fn new(blueprint: Blueprint) -> Self {
        Self { blueprint, scope: Scope::Bucket }
    }

    pub(super) async fn plan(&self, client: &Client) -> Result<Plan> {
        let is_whole = self.scope == Scope::Bucket;
        self.blueprint.check(if is_whole { NamedGroups::Declared } else { NamedGroups::Existing })?;
        let info = client.info().await?;
        let default = info.user.as_ref().and_then(|user| user.bucket.as_deref());
        let wanted = self.blueprint.wanted(default)?;
        // An anonymous writer has the principal of everyone.
        let me = info.user.as_ref().map_or_else(Principal::everyone, |user| user.id.clone());
        let me = Writer { id: me, is_added: info.settings.explicit_permissions };
        let survey = super::survey::survey(client, &wanted, is_whole, true).await?;
        let mut plan = Plan::new(client, wanted, me, MatchMode::AtLeast, survey);
        if !info.has("schema") && plan.wanted.iter().any(Wanted::has_schema) {
            plan.notes.push("this server does not check schemas: it stores them, and accepts any record".to_owned());
        }
        Ok(plan)
    }
}

impl sealed::Action for ComputePlan {
    const NAME: &'static str = "ComputePlan";

    type Output = Plan;

    async fn run(self, client: Client) -> Result<Plan> {
        let context = CallContext::new("make a plan for", client.url());
        self.plan(&client).await.map_err(|error| context.attach(error))
    }
}

impl Plan {
    fn new(client: &Client, wanted: Vec<Wanted>, me: Writer, mode: MatchMode, survey: Survey) -> Self {
        let step = |wanted: &Wanted| Step::new(wanted, survey.at(&wanted.target), &me, mode);
        let mut steps: Vec<Step> = wanted.iter().map(step).collect();
        steps.extend(survey.extras.iter().map(Step::extra));
        // Each bucket is followed by the objects in it.
        steps.sort_by(|a, b| {
            (&a.target.bucket, a.target.piece, &a.target.path).cmp(&(&b.target.bucket, b.target.piece, &b.target.path))
        });
        Self { client: client.clone(), wanted, steps, notes: survey.notes.clone(), me, mode, survey }
    }

    /// Returns the steps of the plan: each bucket, followed by its groups and its collections.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Returns the notes that belong to no single object, such as objects that could not be read or plugins that
    /// the server lacks.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns `true` if there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.steps.iter().any(Step::writes)
    }

    /// Returns the plan with the removal of everything that the blueprint does not declare: groups, and collections
    /// **with all their records**, in declared buckets, and principals in declared lists of members and permissions.
    /// Print the plan to see them.
    ///
    /// You keep `write` where the server adds the writer of an object to its `write` list.
    ///
    /// Buckets are never deleted, and neither is anything in your `default` bucket, which all your programs share.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let blog = client.bucket(kinto_server::unique("blog"));
    /// # blog.create().await?;
    /// use kinto_client::{Blueprint, blueprint::{Action, BucketSpec, CollectionSpec}};
    ///
    /// blog.create_collection("drafts").await?; // which the blueprint does not have
    /// let bucket = BucketSpec::new().collection("posts", CollectionSpec::new());
    /// let plan = client.plan(&Blueprint::new().bucket(blog.id(), bucket)).await?.prune();
    /// let deleted = plan.steps().iter().find(|step| step.action() == Action::Delete).expect("there is one");
    /// assert!(deleted.name().ends_with("/drafts") && deleted.records() == Some(0));
    /// plan.apply().await?;
    /// # assert!(blog.get_collection("drafts").optional().await?.is_none());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn prune(mut self) -> Self {
        let notes = std::mem::take(&mut self.notes);
        let mut pruned = Self::new(&self.client, self.wanted, self.me, MatchMode::Exactly, self.survey);
        pruned.notes = notes;
        for at in 0..pruned.steps.len() {
            let Some(step) = pruned.steps.get(at).filter(|step| step.action == Action::Unmanaged) else { continue };
            let named = if step.target.piece == Piece::Group { pruned.names(step.path()) } else { Vec::new() };
            if let Some(step) = pruned.steps.get_mut(at) {
                step.action = Action::Delete;
                for note in named {
                    step.note(note);
                }
            }
        }
        pruned
    }

    /// Returns the objects that still name a group after the plan has been applied, as far as the plan has read
    /// them.
    fn names(&self, group: &str) -> Vec<String> {
        let mut named = Vec::new();
        for wanted in &self.wanted {
            let nothing = Lists::new();
            let now = match self.survey.at(&wanted.target) {
                Seen::Present(present) => present.permissions.as_ref().unwrap_or(&nothing),
                Seen::Absent | Seen::Hidden => &nothing,
            };
            let permissions: BTreeSet<&String> = now.keys().chain(wanted.permissions.keys()).collect();
            for permission in permissions {
                // A list that the blueprint has is then as it says.
                let then = wanted.permissions.get(permission).or_else(|| now.get(permission));
                if then.is_some_and(|list| list.iter().any(|principal| principal.as_str() == group)) {
                    named.push(format!("`{permission}` of {} names it, and will name nobody", wanted.target));
                }
            }
        }
        named
    }

    /// Applies the plan, one request after the other, each only if its object has not changed since the plan was
    /// computed.
    ///
    /// All objects are compared with the plan once more before the first change, so that an outdated plan changes
    /// nothing. Objects that are as wanted already are skipped, so that applying a plan twice has the effect of
    /// applying it once. If it is interrupted by an error or by the end of the program, a new plan has the
    /// remaining steps.
    ///
    /// Buckets are written first, then groups, then collections; permissions for a new group are given once the
    /// group exists.
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if an object was changed, created or deleted since the
    /// plan was computed. The message of any error says which steps were done and which were not.
    pub fn apply(&self) -> Call<'_, Apply<'_>> {
        Call::new(&self.client, Apply { plan: self, looks_first: true })
    }
}

/// Formats the plan as text, with colours for `{:#}`.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Show { steps: &self.steps, notes: &self.notes, coloured: f.alternate() }.fmt(f)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("steps", &self.steps).field("notes", &self.notes).finish_non_exhaustive()
    }
}

impl fmt::Debug for ComputePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ComputePlan").field(&self.blueprint).finish()
    }
}
