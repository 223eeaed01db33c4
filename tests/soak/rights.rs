//! What a task does besides: rights, what is done to all that match, and batches of several kinds.

use kinto_client::{KintoRecord as _, json};

use crate::{Item, ledger::Entry, task::Task};

impl Task {
    /// Lets somebody else read a record.
    pub(crate) async fn grant(&mut self) {
        let Some((place, _)) = self.one() else { return };
        self.revision += 1;
        let reader = format!("account:r{}", self.revision);
        let record = self.items.record(&self.live[place].id);
        let outcome = record.grant(|p| p.read(&*reader)).await;
        self.ended("grant", &outcome);
        let entry = &mut self.live[place];
        match outcome {
            Ok(()) => {
                self.tally.count("acknowledged writes");
                entry.granted.push(reader);
                // Its version is another one now.
                entry.record = self.items.get_record(&entry.id).optional().await.ok().flatten();
            }
            Err(error) if error.may_have_been_applied() => self.tally.count("writes in doubt"),
            Err(_) => self.tally.count("writes reported as not applied"),
        }
    }

    pub(crate) async fn merge(&mut self) {
        let Some((place, mut data)) = self.one() else { return };
        self.revision += 1;
        data["revision"] = self.revision.into();
        let record = self.items.record(&self.live[place].id);
        let outcome = record.merge_patch(json!({"revision": self.revision})).await;
        self.changed("merge patch", place, data, outcome);
    }

    /// Deletes its records with the lowest revisions, whichever those are.
    pub(crate) async fn delete_old(&mut self) {
        let revision = |entry: &Entry| {
            let states = entry.possible.iter().flatten();
            states.filter_map(|data| data["revision"].as_u64()).min().unwrap_or(u64::MAX)
        };
        let mut revisions: Vec<u64> = self.live.iter().map(revision).collect();
        revisions.sort_unstable();
        let limit = revisions[revisions.len() / 4];
        let fields = Item::fields();
        let old = fields.task.eq(self.number).and(fields.revision.lt(limit));
        let outcome = self.items.clone().delete_all_records().filter(old).await;
        self.ended("delete of all that match", &outcome);
        for entry in self.live.iter_mut().filter(|entry| revision(entry) < limit) {
            entry.told(&outcome, None, &self.tally);
        }
        // What is in doubt may have been among them, and what was not applied may have been so since.
        for entry in &mut self.over {
            if entry.known().is_none() && revision(entry) < limit {
                entry.possible.push(None);
            }
        }
    }

    /// A patch, a deletion and a creation, in one batch.
    pub(crate) async fn mixed(&mut self) {
        if self.live.len() < 3 {
            return;
        }
        let place = self.chance.place(self.live.len() - 1);
        let Some(mut data) = self.live[place].data().cloned() else { return };
        let last = self.live.len() - 1;
        self.revision += 1;
        data["revision"] = self.revision.into();
        let (item, mut entry) = (self.item(), self.new_entry());
        let (patched, deleted) = (self.live[place].id.clone(), self.live[last].id.clone());
        let calls = (
            self.items.patch_record(patched, json!({"revision": data["revision"]})),
            self.items.delete_record(deleted).if_exists(),
            self.items.create_record(item.clone()).id(&entry.id),
        );
        let client = self.items.untyped().client().clone();
        let outcomes = client.batch_of(calls).await;
        let (patched, deleted, created) = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => (Err(error.clone()), Err(error.clone()), Err(error)),
        };
        self.changed("patch in a batch", place, data, patched);
        self.ended("delete in a batch", &deleted);
        self.live[last].told(&deleted, None, &self.tally);
        self.ended("create in a batch", &created);
        entry.told(&created, Some(json!(item)), &self.tally);
        entry.record = created.ok();
        self.live.push(entry);
    }
}
