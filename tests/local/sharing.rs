//! Records that are shared one by one with a user who has no rights on their collection. Kinto answers 403 about those that
//! were deleted or are no longer shared, and 404 about none.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use kinto_client::{
    Collection, Principal, Value,
    http::Method,
    json,
    local::{LocalCollection, LossPolicy, Store},
    retry::NeverRetry,
};
use kinto_server::{Backend, Server};
use kinto_tests::{Fault, Fixture, Outcome, Proxy, TestUser, on_each_backend, server_on};

use crate::world::all;

on_each_backend!(
    hidden_record_is_an_error_that_holds_up_no_other,
    hidden_record_is_deleted_here_on_demand,
    hidden_record_that_was_changed_here_is_a_conflict_on_demand,
    hidden_record_that_is_sent_again_is_a_problem_of_its_own,
    deletion_of_a_record_that_may_not_be_read_holds_up_no_other,
);

#[derive(Clone, Copy, Debug)]
enum Cause {
    Deleted,
    Unshared,
}

/// Three records that were shared with a user, who has them in a store.
struct Shared {
    user: TestUser,
    /// The collection as its owner reaches it.
    remote: Collection,
    notes: LocalCollection<Value>,
    /// Loses the response to the next write of the user.
    loses_response: Arc<AtomicBool>,
    _proxy: Proxy,
    _server: Server,
}

impl Shared {
    async fn new(backend: Backend) -> Self {
        let server = server_on(backend);
        let fixture = Fixture::on(server.url()).await;
        let user = TestUser::new(server.url(), "guest").await;
        for id in ["a", "b", "c"] {
            let create = fixture.todos.create_record(json!({"text": id})).id(id);
            create.permissions(|permissions| permissions.write(user.principal())).await.unwrap();
        }
        let loses_response = Arc::new(AtomicBool::new(false));
        let loses = Arc::clone(&loses_response);
        let proxy = Proxy::start(server.url(), move |sent| match sent.method {
            Method::POST if loses.swap(false, Ordering::Relaxed) => Fault::CutAfter,
            _ => Fault::Pass,
        });
        let proxy = proxy.await;
        let client = user.client_at(proxy.url()).retry(NeverRetry).build().unwrap();
        let mine = client.bucket(fixture.bucket.id()).collection("todos");
        let notes = Store::in_memory().await.unwrap().bind::<Value>(&mine).await.unwrap();
        assert_eq!(notes.sync().await.unwrap().received, 3);
        Self { user, remote: fixture.todos, notes, loses_response, _proxy: proxy, _server: server }
    }

    /// Takes the record `c` away from the user.
    async fn hide(&self, cause: Cause) {
        match cause {
            Cause::Deleted => self.remote.delete_record("c").await.map(drop).unwrap(),
            Cause::Unshared => {
                let mut record = self.remote.get_record::<Value>("c").await.unwrap();
                let user: Principal = self.user.principal();
                record.permissions.edit().unwrap().write.retain(|principal| *principal != user);
                self.remote.record::<Value>("c").save_permissions(&mut record).await.unwrap();
            }
        }
    }

    async fn text_of(&self, id: &str) -> Value {
        self.remote.get_record::<Value>(id).await.unwrap().data["text"].clone()
    }

    async fn ids(&self) -> Vec<String> {
        all(&self.notes).await.into_keys().collect()
    }
}

async fn hidden_record_is_an_error_that_holds_up_no_other(backend: Backend) -> Outcome {
    for cause in [Cause::Deleted, Cause::Unshared] {
        let shared = Shared::new(backend).await;
        let notes = &shared.notes;
        shared.hide(cause).await;
        for (round, text) in ["one", "two"].into_iter().enumerate() {
            notes.patch_record("a", json!({"text": text})).await?;
            notes.patch_record("c", json!({"text": text})).await?;
            let error = notes.sync().await.unwrap_err();
            assert!(error.is_conflict(), "{cause:?} {round}: {error}");
            assert!(error.to_string().contains("1 records are not there for this user any more"), "{error}");
            assert_eq!(shared.text_of("a").await, text, "{cause:?} {round}");
            // Nothing of the record itself was touched.
            assert_eq!(shared.ids().await, ["a", "b", "c"]);
            let status = notes.status().await?;
            assert_eq!((status.pending(), status.problems, status.conflicts), (1, 0, 0), "{cause:?} {round}");
        }
        assert!(notes.pull().await.unwrap_err().is_conflict());
    }
    Ok(())
}

async fn hidden_record_is_deleted_here_on_demand(backend: Backend) -> Outcome {
    for cause in [Cause::Deleted, Cause::Unshared] {
        let shared = Shared::new(backend).await;
        shared.hide(cause).await;
        shared.notes.patch_record("a", json!({"text": "changed"})).await?;
        let report = shared.notes.clone().on_loss(LossPolicy::DropLocal).sync().await?;
        assert_eq!((report.sent, report.refused, report.conflicts), (1, 0, 0), "{cause:?}");
        assert_eq!(shared.ids().await, ["a", "b"]);
        assert_eq!(shared.text_of("a").await, "changed");
        assert_eq!(shared.notes.sync().await?.sent, 0, "{cause:?}: it is as the server shows it now");
    }
    Ok(())
}

async fn hidden_record_that_was_changed_here_is_a_conflict_on_demand(backend: Backend) -> Outcome {
    for cause in [Cause::Deleted, Cause::Unshared] {
        let shared = Shared::new(backend).await;
        shared.hide(cause).await;
        shared.notes.patch_record("c", json!({"text": "changed"})).await?;
        shared.notes.clone().on_loss(LossPolicy::DropLocal).sync().await?;
        let conflicts = shared.notes.conflicts().await?;
        assert_eq!(conflicts.len(), 1, "{cause:?}");
        assert!(conflicts[0].id.as_str() == "c" && conflicts[0].remote.is_none());
        assert_eq!(shared.notes.sync().await?.sent, 0);
    }
    Ok(())
}

async fn hidden_record_that_is_sent_again_is_a_problem_of_its_own(backend: Backend) -> Outcome {
    for cause in [Cause::Deleted, Cause::Unshared] {
        let shared = Shared::new(backend).await;
        shared.hide(cause).await;
        shared.notes.patch_record("a", json!({"text": "changed"})).await?;
        let notes = shared.notes.clone().on_loss(LossPolicy::Republish);
        let report = notes.sync().await?;
        assert_eq!((report.sent, report.refused), (1, 1), "{cause:?}");
        assert_eq!(shared.text_of("a").await, "changed");
        assert_eq!(shared.ids().await, ["a", "b", "c"]);
        let problems = notes.problems().await?;
        assert_eq!(problems.len(), 1);
        assert_eq!((problems[0].id.as_str(), problems[0].status.map(|status| status.as_u16())), ("c", Some(403)));
        // It holds up nothing, and is no loss any more.
        notes.patch_record("b", json!({"text": "later"})).await?;
        assert_eq!(shared.notes.sync().await?.sent, 1, "{cause:?}");
        assert_eq!(shared.text_of("b").await, "later");
    }
    Ok(())
}

/// A creation whose response was lost is asked for before it is deleted, and the server refuses to say whether it is there.
async fn deletion_of_a_record_that_may_not_be_read_holds_up_no_other(backend: Backend) -> Outcome {
    let shared = Shared::new(backend).await;
    let notes = &shared.notes;
    notes.create_record(json!({})).id("d").await?;
    shared.loses_response.store(true, Ordering::Relaxed);
    assert!(notes.push().await.unwrap_err().may_have_been_applied());
    notes.delete_record("d").await?;
    notes.patch_record("a", json!({"text": "changed"})).await?;
    assert_eq!(notes.sync().await?.sent, 1);
    assert_eq!(shared.text_of("a").await, "changed");
    Ok(())
}
