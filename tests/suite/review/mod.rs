//! Reviews of collections that a signer publishes: by an editor, a reviewer and somebody who is neither, against a real signer.

use kinto_client::{
    Error, Value, json,
    review::{PendingChange, Review, ReviewState, ReviewStatus},
};
use kinto_server::Backend;
use kinto_tests::{Outcome, Signed, TestUser, on_each_backend};

mod all;
mod attributes;
mod pending;
mod races;
mod refusals;

on_each_backend!(review_runs_from_edit_to_publication, rollback_restores_what_is_published, signature_is_refreshed);

/// The review of a test's collection, as somebody takes part in it.
fn review(signed: &Signed, user: &TestUser) -> Review {
    signed.of(&user.client).review()
}

fn status(state: &ReviewState) -> &str {
    state.status.as_ref().map_or("none", ReviewStatus::as_str)
}

/// The changes, one word and an id each.
fn words<T>(changes: &[PendingChange<T>]) -> Vec<String> {
    let word = |change: &PendingChange<T>| match change {
        PendingChange::Created(record) => format!("created {}", record.id),
        PendingChange::Updated { before, after } => {
            assert_eq!(before.id, after.id);
            format!("updated {}", after.id)
        }
        PendingChange::Deleted(record) => format!("deleted {}", record.id),
        _ => "something else".to_owned(),
    };
    changes.iter().map(word).collect()
}

/// The status code and the message of an error's response.
fn refused(error: &Error) -> (u16, &str) {
    (error.status().map_or(0, |status| status.as_u16()), error.server_message().unwrap_or_default())
}

async fn review_runs_from_edit_to_publication(backend: Backend) -> Outcome {
    let signed = Signed::new(backend).await;
    let (editor, reviewer) = (&signed.editor, &signed.reviewer);
    let first = review(&signed, editor).get().await?;
    assert_eq!((status(&first), first.is_editor, first.is_reviewer), ("signed", true, false));
    assert_eq!(first.last_signature.as_ref().map(|tracked| tracked.by.as_str()), Some("account:admin"));
    assert_eq!((&first.last_edit, &first.last_review_request, &first.last_review), (&None, &None, &None));
    signed.put("a", &json!({"n": 1})).await;

    // The editor requests.
    editor.sent.forget();
    let version = signed.held().await["last_modified"].clone();
    let requested = review(&signed, editor).request_review().comment("please").await?;
    assert_eq!(
        (status(&requested), &*requested.editor_comment, &*requested.reviewer_comment),
        ("to-review", "please", "")
    );
    let tracked = requested.last_review_request.clone().expect("it is tracked");
    assert_eq!(tracked.by, editor.principal());
    assert!(tracked.date.starts_with("20") && tracked.date.ends_with("+00:00"), "{tracked:?}");
    let sent = editor.sent.take();
    let path = &signed.path;
    let lines: Vec<_> = sent.iter().map(kinto_tests::SentRequest::line).collect();
    assert_eq!(lines, ["GET /".to_owned(), format!("GET {path}"), format!("PATCH {path}"), format!("GET {path}")]);
    assert_eq!(sent[2].json(), json!({"data": {"status": "to-review", "last_editor_comment": "please"}}));
    assert_eq!(sent[2].header("if-match"), Some(&*format!("\"{version}\"")));
    assert_eq!(json!(requested.last_modified()), signed.held().await["last_modified"], "not that of the PATCH");
    let preview = requested.preview(&editor.client).expect("there is one");
    assert_eq!(preview.path(), format!("/buckets/preview/collections/{}", signed.id));
    assert_eq!(signed.admin.ids(&format!("{}/records", preview.path())).await, ["a"]);
    assert_eq!(signed.published_ids().await, [""; 0]);

    // The reviewer looks, and approves what was seen.
    let by_reviewer = review(&signed, reviewer);
    let seen = by_reviewer.get().await?;
    assert_eq!((status(&seen), seen.is_editor, seen.is_reviewer), ("to-review", false, true));
    assert_eq!(words(&by_reviewer.get_changes(&seen).await?), ["created a"]);
    reviewer.sent.forget();
    let approved = by_reviewer.approve(&seen).await?;
    assert_eq!((status(&approved), approved.resource.clone()), ("signed", seen.resource));
    let by = [&approved.last_edit, &approved.last_review_request, &approved.last_review, &approved.last_signature];
    let by = by.map(|tracked| tracked.as_ref().expect("it is tracked").by.clone());
    assert_eq!(by, [editor.principal(), editor.principal(), reviewer.principal(), reviewer.principal()]);
    assert_eq!(
        reviewer.sent.take_lines(),
        [
            "GET /".to_owned(),
            format!("HEAD {path}/records"),
            format!("PATCH {path}"),
            format!("HEAD {path}/records"),
            format!("GET {path}")
        ]
    );
    assert_eq!(json!(approved.last_modified()), signed.held().await["last_modified"]);
    assert_eq!(signed.published_ids().await, ["a"]);
    assert_eq!(approved.destination(&reviewer.client).path(), signed.published);
    assert_eq!(words(&by_reviewer.get_changes(&approved).await?), [""; 0]);

    // Once more, declined.
    signed.put("a", &json!({"n": 2})).await;
    signed.put("b", &json!({"n": 2})).await;
    review(&signed, editor).request_review().await?;
    let seen = by_reviewer.get().await?;
    let declined = by_reviewer.decline(&seen).comment("not yet").await?;
    assert_eq!(
        (status(&declined), &*declined.editor_comment, &*declined.reviewer_comment),
        ("work-in-progress", "", "not yet")
    );
    assert_eq!(signed.published_ids().await, ["a"]);

    // And again: the comments are those of this review.
    let requested = review(&signed, editor).request_review().comment("now?").await?;
    assert_eq!(&*requested.reviewer_comment, "not yet");
    let approved = by_reviewer.approve(&by_reviewer.get().await?).await?;
    assert_eq!((&*approved.editor_comment, &*approved.reviewer_comment), ("now?", ""));
    assert_eq!(signed.published_ids().await, ["a", "b"]);
    Ok(())
}

async fn rollback_restores_what_is_published(backend: Backend) -> Outcome {
    let signed = Signed::new(backend).await;
    let editor = review(&signed, &signed.editor);
    for id in ["kept", "changed", "deleted"] {
        signed.put(id, &json!({"n": 1})).await;
    }
    editor.request_review().await?;
    let reviewer = review(&signed, &signed.reviewer);
    reviewer.approve(&reviewer.get().await?).await?;
    let path = |id: &str| format!("{}/records/{id}", signed.path);
    signed.put("changed", &json!({"n": 2})).await;
    signed.put("new", &json!({"n": 2})).await;
    signed.admin.delete(&path("deleted")).await;
    let requested = editor.request_review().comment("all of it").await?;
    assert_eq!(words(&editor.get_changes(&requested).await?), ["updated changed", "deleted deleted", "created new"]);

    let state = editor.roll_back(&requested).await?;
    assert_eq!((status(&state), &*state.editor_comment, &*state.reviewer_comment), ("signed", "", ""));
    assert_eq!(state.last_edit.as_ref().map(|tracked| tracked.by.clone()), Some(signed.editor.principal()));
    assert_eq!(signed.admin.ids(&format!("{}/records", signed.path)).await, ["changed", "deleted", "kept"]);
    for id in ["changed", "deleted", "kept"] {
        assert_eq!(signed.admin.held(&path(id)).await, json!({"n": 1}), "{id}");
    }
    assert_eq!(words(&editor.get_changes(&state).await?), [""; 0]);
    let preview = state.preview(&signed.editor.client).expect("there is one");
    assert_eq!(signed.admin.ids(&format!("{}/records", preview.path())).await, ["changed", "deleted", "kept"]);
    Ok(())
}

async fn signature_is_refreshed(backend: Backend) -> Outcome {
    let signed = Signed::new(backend).await;
    let signature = async || signed.admin.object(&signed.published).await["signature"]["signature"].clone();
    let outsider = review(&signed, &signed.outsider);
    let mut last = signature().await;
    assert!(last.is_string());
    for expected in ["signed", "work-in-progress", "to-review"] {
        match expected {
            "work-in-progress" => signed.put("a", &json!({"n": 1})).await,
            "to-review" => drop(review(&signed, &signed.editor).request_review().await?),
            _ => {}
        }
        let state = outsider.refresh_signature().await?;
        assert_eq!(status(&state), expected);
        assert_eq!(state.last_signature.map(|tracked| tracked.by), Some(signed.outsider.principal()));
        let now = signature().await;
        assert_ne!(now, last, "{expected}");
        last = now;
    }
    assert_eq!(signed.published_ids().await, [""; 0]);
    Ok(())
}

/// Without a preview the server leaves an old comment in place, and without reviews nothing needs to be requested.
#[tokio::test]
async fn review_runs_without_preview_and_without_request() -> Outcome {
    let signed = Signed::within(Backend::Memory, "drafts").await;
    let (editor, reviewer) = (review(&signed, &signed.editor), review(&signed, &signed.reviewer));
    for comment in ["first", ""] {
        signed.put("a", &json!({"comment": comment})).await;
        let requested = editor.request_review().comment(comment).await?;
        assert_eq!((status(&requested), &*requested.editor_comment), ("to-review", comment));
        assert!(requested.preview(&signed.editor.client).is_none());
        assert_eq!(requested.last_review_request.map(|tracked| tracked.by), Some(signed.editor.principal()));
        assert_eq!(status(&reviewer.approve(&reviewer.get().await?).await?), "signed");
    }

    let signed = Signed::within(Backend::Memory, "plain").await;
    let anybody = signed.of(&signed.outsider.client).typed::<Value>().review();
    signed.put("a", &json!({"n": 1})).await;
    let state = anybody.get().await?;
    assert!(!state.resource.to_review_enabled && !state.resource.group_check_enabled && !state.is_reviewer);
    assert_eq!(status(&anybody.approve(&state).await?), "signed");
    assert_eq!(signed.published_ids().await, ["a"]);
    Ok(())
}
