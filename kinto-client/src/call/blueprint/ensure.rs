use std::fmt;

use super::{Apply, MakePlan, Plan};
use crate::{
    call::{Subject, sealed, update},
    client::Client,
    error::{Error, ErrorKind, Result},
    wire::{
        blueprint::Blueprint,
        plan::{Action, Piece},
    },
};

/// Makes sure that there is a collection as its type says.
pub struct Ensure {
    pub(super) blueprint: Blueprint,
}

/// What it took to make a collection as its type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Declared {
    /// There was none, and now there is.
    Created,
    /// It was there, and was changed.
    Updated,
    /// It was as the type says.
    Unchanged,
}

impl Ensure {
    pub(crate) fn new(blueprint: Blueprint) -> Self {
        Self { blueprint }
    }

    async fn ensure(&self, client: &Client) -> Result<Declared> {
        let plan = MakePlan { blueprint: self.blueprint.clone(), finds_extra: false };
        let mut waits = update::waits();
        loop {
            let plan = plan.plan(client).await?;
            if plan.steps.iter().any(|step| step.is_unseen && step.spot.piece == Piece::Collection) {
                let reason = "the bucket is hidden from you, or is not there and you may not create it: ask whoever owns it \
                              for the permission to read it, and to create the collection";
                return Err(Error::new(ErrorKind::Forbidden, reason));
            }
            let apply = Apply { plan: &plan, looks_first: false };
            match sealed::Run::run(apply, client.clone()).await {
                Ok(_) => return Ok(declared(&plan)),
                // Somebody else, another start of the same program perhaps, was at it too.
                Err(error) => update::again(error, &mut waits).await?,
            }
        }
    }
}

fn declared(plan: &Plan) -> Declared {
    let step = plan.steps.iter().find(|step| step.spot.piece == Piece::Collection);
    match step.map(|step| step.action) {
        Some(Action::Create) => Declared::Created,
        Some(Action::Change) => Declared::Updated,
        _ => Declared::Unchanged,
    }
}

impl sealed::Run for Ensure {
    type Output = Declared;

    async fn run(self, client: Client) -> Result<Declared> {
        let subject = Subject::new("declare a collection on", client.url());
        self.ensure(&client).await.map_err(|error| subject.blame(error))
    }
}

impl fmt::Debug for Ensure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ensure").field(&self.blueprint).finish()
    }
}
