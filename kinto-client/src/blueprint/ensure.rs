use std::{collections::BTreeSet, fmt};

use super::{
    Blueprint,
    apply::Apply,
    observed::Seen,
    plan::{ComputePlan, Plan, Scope, step::Action},
    survey,
    target::{Piece, Target},
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{CallContext, sealed, update},
    wire::object::principal::LOCAL_GROUP,
};

/// Creates or updates a collection as its type declares it.
pub struct Ensure {
    pub(crate) blueprint: Blueprint,
}

/// The outcome of `Client::ensure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnsureOutcome {
    /// The collection was created.
    Created,
    /// The collection existed and was changed.
    Updated,
    /// The collection was as the type declares it, and nothing was changed.
    Unchanged,
}

impl Ensure {
    pub(crate) fn new(blueprint: Blueprint) -> Self {
        Self { blueprint }
    }

    async fn ensure(&self, client: &Client) -> Result<EnsureOutcome> {
        let plan = ComputePlan { blueprint: self.blueprint.clone(), scope: Scope::Declared };
        let mut waits = update::waits();
        loop {
            let plan = plan.plan(client).await?;
            if plan.steps.iter().any(|step| step.is_unseen && step.target.piece == Piece::Collection) {
                let reason = "the bucket is hidden from you, or is not there and you may not create it: ask whoever owns it \
                              for the permission to read it, and to create the collection";
                return Err(Error::new(ErrorKind::Forbidden, reason));
            }
            self.find_groups(client, &plan).await?;
            let apply = Apply { plan: &plan, looks_first: false };
            match sealed::Action::run(apply, client.clone()).await {
                Ok(_) => return Ok(declared(&plan)),
                // Another client changed it at the same time, such as a second instance of this program.
                Err(error) => update::again(error, &mut waits).await?,
            }
        }
    }

    /// Fails if the permissions of the type name a group that the bucket does not have. In a bucket that is hidden, a
    /// group may be hidden too.
    async fn find_groups(&self, client: &Client, plan: &Plan) -> Result<()> {
        let is_bucket = |target: &&Target| target.piece == Piece::Bucket;
        let bucket = plan.wanted.iter().map(|wanted| &wanted.target).find(is_bucket);
        let Some(bucket) = bucket.filter(|bucket| !matches!(plan.survey.at(bucket), Seen::Hidden)) else {
            return Ok(());
        };
        let collections = self.blueprint.buckets.values().flat_map(|bucket| bucket.collections.values());
        let granted = collections.flat_map(|collection| collection.permissions.values()).flatten();
        let named: BTreeSet<&str> = granted.filter_map(|granted| granted.as_str().strip_prefix(LOCAL_GROUP)).collect();
        for group in named {
            let target = Target::within(Piece::Group, &bucket.name, &bucket.bucket, group);
            if survey::look(client, &target).await?.is_none() {
                let reason = format!(
                    "the type gives permissions to the group {group:?}, which the bucket {:?} does not have: create the \
                     group, or apply the plan of a blueprint that declares both",
                    bucket.name
                );
                return Err(Error::new(ErrorKind::NotFound, reason));
            }
        }
        Ok(())
    }
}

fn declared(plan: &Plan) -> EnsureOutcome {
    let step = plan.steps.iter().find(|step| step.target.piece == Piece::Collection);
    match step.map(|step| step.action) {
        Some(Action::Create) => EnsureOutcome::Created,
        Some(Action::Change) => EnsureOutcome::Updated,
        _ => EnsureOutcome::Unchanged,
    }
}

impl sealed::Action for Ensure {
    const NAME: &'static str = "Ensure";

    type Output = EnsureOutcome;

    async fn run(self, client: Client) -> Result<EnsureOutcome> {
        let context = CallContext::new("declare a collection on", client.url());
        self.ensure(&client).await.map_err(|error| context.attach(error))
    }
}

impl fmt::Debug for Ensure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ensure").field(&self.blueprint).finish()
    }
}
