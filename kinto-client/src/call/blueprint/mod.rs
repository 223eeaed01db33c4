//! Making a server match a blueprint: first the plan, then what the plan says.

use std::{collections::BTreeSet, fmt};

use super::{Call, Subject, sealed};
use crate::{
    client::Client,
    error::Result,
    wire::{
        blueprint::{Blueprint, Lists, Wanted},
        plan::{Action, Manner, Piece, Seen, Show, Step, Survey, Writer},
        principal::Principal,
    },
};

mod apply;
mod carry;
mod ensure;
mod survey;

pub use apply::{Applied, Apply};
pub use ensure::{Declared, Ensure};

/// Compares a blueprint with what the server has, and changes nothing.
pub struct MakePlan {
    blueprint: Blueprint,
    /// Whether objects that the blueprint does not have are looked for.
    finds_extra: bool,
}

/// What it takes to make a server match a [`Blueprint`]: what is created, changed and left alone, and what the server has
/// besides.
///
/// It prints as a list of all that, each object with what exactly changes: `+` is new, `~` is changed, `-` goes, `=` is
/// left alone, `?` is on the server and not in the blueprint. `{plan:#}` prints it in colours.
///
/// [`apply`](Self::apply) does what it says and nothing else.
#[derive(Clone)]
pub struct Plan {
    client: Client,
    wanted: Vec<Wanted>,
    steps: Vec<Step>,
    notes: Vec<String>,
    me: Writer,
    manner: Manner,
    survey: Survey,
}

impl MakePlan {
    pub(crate) fn new(blueprint: Blueprint) -> Self {
        Self { blueprint, finds_extra: true }
    }

    async fn plan(&self, client: &Client) -> Result<Plan> {
        self.blueprint.check()?;
        let info = client.info().await?;
        let default = info.user.as_ref().and_then(|user| user.bucket.as_deref());
        let wanted = self.blueprint.wanted(default)?;
        // Whoever writes without credentials is everyone.
        let me = info.user.as_ref().map_or_else(Principal::everyone, |user| user.id.clone());
        let me = Writer { id: me, is_added: info.settings.explicit_permissions };
        let survey = survey::survey(client, &wanted, self.finds_extra, true).await?;
        let mut plan = Plan::new(client, wanted, me, Manner::AtLeast, survey);
        if !info.has("schema") && plan.wanted.iter().any(Wanted::has_schema) {
            plan.notes.push("this server does not check schemas: it keeps them, and takes any record".to_owned());
        }
        Ok(plan)
    }
}

impl sealed::Run for MakePlan {
    type Output = Plan;

    async fn run(self, client: Client) -> Result<Plan> {
        let subject = Subject::new("make a plan for", client.url());
        self.plan(&client).await.map_err(|error| subject.blame(error))
    }
}

impl Plan {
    fn new(client: &Client, wanted: Vec<Wanted>, me: Writer, manner: Manner, survey: Survey) -> Self {
        let step = |wanted: &Wanted| Step::new(wanted, survey.at(&wanted.spot), &me, manner);
        let mut steps: Vec<Step> = wanted.iter().map(step).collect();
        steps.extend(survey.extras.iter().map(Step::extra));
        // Each bucket with what is in it.
        steps.sort_by(|a, b| {
            (&a.spot.bucket, a.spot.piece, &a.spot.path).cmp(&(&b.spot.bucket, b.spot.piece, &b.spot.path))
        });
        Self { client: client.clone(), wanted, steps, notes: survey.notes.clone(), me, manner, survey }
    }

    /// What is done with each object: each bucket, followed by its groups and its collections.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What there is to know that belongs to no single object: what could not be seen, what the server lacks.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether there is nothing to do: everything is as the blueprint says.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.steps.iter().any(Step::writes)
    }

    /// The same plan, but that takes away what the blueprint does not have: groups, and collections **with all their
    /// records**, in buckets that it has; and of the lists of members and permissions that it has, whoever else is in
    /// them. Print it, to see what that is.
    ///
    /// You stay among those who may write, where the server puts whoever writes.
    ///
    /// Buckets are never deleted, and neither is anything in your `default` bucket, which all your programs share.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> kinto_client::Result<()> {
    /// # let server = kinto_server::Server::shared().expect("a server");
    /// # let client = kinto_client::Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    /// # let blog = client.bucket(kinto_server::unique("blog"));
    /// # blog.create().await?;
    /// use kinto_client::{Action, Blueprint, BucketSpec, CollectionSpec};
    ///
    /// blog.create_collection("drafts").await?; // which the blueprint does not have
    /// let bucket = BucketSpec::new().collection("posts", CollectionSpec::new());
    /// let plan = client.plan(&Blueprint::new().bucket(blog.id(), bucket)).await?.prune();
    /// let deleted = plan.steps().iter().find(|step| step.action() == Action::Delete).expect("there is one");
    /// assert!(deleted.name().ends_with("/drafts") && deleted.records() == Some(0));
    /// plan.apply().await?;
    /// # assert!(blog.get_collection("drafts").or_none().await?.is_none());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn prune(mut self) -> Self {
        let notes = std::mem::take(&mut self.notes);
        let mut pruned = Self::new(&self.client, self.wanted, self.me, Manner::Exactly, self.survey);
        pruned.notes = notes;
        for at in 0..pruned.steps.len() {
            let Some(step) = pruned.steps.get(at).filter(|step| step.action == Action::Extra) else { continue };
            let named = if step.spot.piece == Piece::Group { pruned.names(step.path()) } else { Vec::new() };
            if let Some(step) = pruned.steps.get_mut(at) {
                step.action = Action::Delete;
                for note in named {
                    step.note(note);
                }
            }
        }
        pruned
    }

    /// Where a group is still among the principals when the plan has been applied, as far as the plan has seen.
    fn names(&self, group: &str) -> Vec<String> {
        let mut named = Vec::new();
        for wanted in &self.wanted {
            let nothing = Lists::new();
            let now = match self.survey.at(&wanted.spot) {
                Seen::Present(present) => present.permissions.as_ref().unwrap_or(&nothing),
                Seen::Absent | Seen::Hidden => &nothing,
            };
            let permissions: BTreeSet<&String> = now.keys().chain(wanted.permissions.keys()).collect();
            for permission in permissions {
                // A list that the blueprint has is then as it says.
                let then = wanted.permissions.get(permission).or_else(|| now.get(permission));
                if then.is_some_and(|list| list.iter().any(|principal| principal.as_str() == group)) {
                    named.push(format!("`{permission}` of {} names it, and will name nobody", wanted.spot));
                }
            }
        }
        named
    }

    /// Does what the plan says, one request after the other, each only if its object is still as the plan saw it.
    ///
    /// Before the first, everything is looked at once more, so that a plan that is out of date changes nothing at all.
    /// What has become as the blueprint says meanwhile is passed over: to apply a plan twice is the same as once. If it is
    /// stopped on the way, by a failure or because the program was, a new plan has the rest.
    ///
    /// Buckets come first, then groups, and then collections; permissions by way of a new group are given when that is there.
    ///
    /// # Errors
    ///
    /// [`Error::is_conflict`](crate::Error::is_conflict) if an object was changed, created or deleted since the plan was made.
    /// Whatever the error, its text says what was done and what was not.
    pub fn apply(&self) -> Call<'_, Apply<'_>> {
        Call::new(&self.client, Apply { plan: self, looks_first: true })
    }
}

/// The text of the plan; `{:#}` is in colours.
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

impl fmt::Debug for MakePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MakePlan").field(&self.blueprint).finish()
    }
}
