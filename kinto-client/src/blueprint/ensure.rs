use std::fmt;

use super::{Blueprint, plan::step::Action, target::Piece};
use super::{
    apply::Apply,
    plan::{ComputePlan, Plan},
};
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{CallContext, sealed, update},
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
        let plan = ComputePlan { blueprint: self.blueprint.clone(), finds_extra: false };
        let mut waits = update::waits();
        loop {
            let plan = plan.plan(client).await?;
            if plan.steps.iter().any(|step| step.is_unseen && step.target.piece == Piece::Collection) {
                let reason = "the bucket is hidden from you, or is not there and you may not create it: ask whoever owns it \
                              for the permission to read it, and to create the collection";
                return Err(Error::new(ErrorKind::Forbidden, reason));
            }
            let apply = Apply { plan: &plan, looks_first: false };
            match sealed::Action::run(apply, client.clone()).await {
                Ok(_) => return Ok(declared(&plan)),
                // Another client changed it at the same time, such as a second instance of this program.
                Err(error) => update::again(error, &mut waits).await?,
            }
        }
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
