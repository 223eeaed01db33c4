//! Others act between a look and an action, and responses are lost.

use kinto_client::{json, review::ReviewState};
use kinto_server::Backend;
use kinto_tests::{Fault, Gate, Outcome, Proxy, SentRequest, Signed, on_each_backend};

use super::{review, status};
use crate::predicates;

on_each_backend!(action_after_an_edit_is_a_conflict);

/// A collection under review, and what the reviewer has seen of it.
async fn under_review(backend: Backend) -> kinto_client::Result<(Signed, ReviewState)> {
    let signed = Signed::new(backend).await;
    signed.put("a", &json!({"n": 1})).await;
    review(&signed, &signed.editor).request_review().await?;
    let seen = review(&signed, &signed.reviewer).get().await?;
    Ok((signed, seen))
}

/// The nth request of that method and path meets this fault.
fn at(
    line: String,
    nth: usize,
    fault: impl Fn() -> Fault + Send + 'static,
) -> impl FnMut(&SentRequest) -> Fault + Send {
    let mut seen = 0;
    move |sent| {
        seen += usize::from(sent.line() == line);
        if sent.line() == line && seen == nth { fault() } else { Fault::Pass }
    }
}

async fn action_after_an_edit_is_a_conflict(backend: Backend) -> Outcome {
    let (signed, seen) = under_review(backend).await?;
    signed.put("b", &json!({"n": 2})).await;
    // The request is repeated, so that only the version tells the difference.
    review(&signed, &signed.editor).request_review().await?;
    let reviewer = review(&signed, &signed.reviewer);
    let before = signed.held().await;
    for error in [
        reviewer.approve(&seen).await.unwrap_err(),
        reviewer.decline(&seen).await.unwrap_err(),
        reviewer.roll_back(&seen).await.unwrap_err(),
    ] {
        assert_eq!((predicates(&error), error.status().map(|status| status.as_u16())), (vec!["conflict"], Some(412)));
        assert!(!error.may_have_been_applied());
    }
    assert_eq!(signed.held().await, before);
    assert_eq!(signed.published_ids().await, [""; 0]);
    Ok(())
}

/// An edit at the same moment is past the comparison of versions on the server; what came of it is found out afterwards.
#[tokio::test]
async fn approval_finds_records_that_were_changed_at_the_same_moment() -> Outcome {
    let (signed, seen) = under_review(Backend::Memory).await?;
    let gate = Gate::default();
    let held = gate.clone();
    let proxy =
        Proxy::start(signed.url(), at(format!("HEAD {}/records", signed.path), 2, move || Fault::Hold(held.clone())))
            .await;
    let client = signed.reviewer.client_at(proxy.url()).build()?;
    let review_of_reviewer = signed.of(&client).review();
    let error = gate
        .overtake(review_of_reviewer.approve(&seen), async {
            assert_eq!(signed.published_ids().await, ["a"]);
            signed.put("b", &json!({"n": 2})).await;
            assert_eq!(signed.raw(&signed.editor, &json!({"status": "to-review"})).await.0, 200);
            assert_eq!(signed.raw(&signed.reviewer, &json!({"status": "to-sign"})).await.0, 200);
        })
        .await
        .unwrap_err();
    assert_eq!(predicates(&error), ["conflict"]);
    assert!(
        error.may_have_been_applied() && error.to_string().contains("records were changed at the same moment"),
        "{error}"
    );
    Ok(())
}

/// An edit after the approval is none of it.
#[tokio::test]
async fn approval_returns_the_state_after_a_later_edit() -> Outcome {
    let (signed, seen) = under_review(Backend::Memory).await?;
    let gate = Gate::default();
    let held = gate.clone();
    let proxy =
        Proxy::start(signed.url(), at(format!("HEAD {}/records", signed.path), 2, move || Fault::Hold(held.clone())))
            .await;
    let client = signed.reviewer.client_at(proxy.url()).build()?;
    let review_of_reviewer = signed.of(&client).review();
    let state = gate.overtake(review_of_reviewer.approve(&seen), signed.put("b", &json!({"n": 2}))).await?;
    assert_eq!(status(&state), "work-in-progress");
    assert_eq!(signed.published_ids().await, ["a"]);
    Ok(())
}

#[tokio::test]
async fn request_is_repeated_when_attributes_were_changed_meanwhile() -> Outcome {
    let signed = Signed::new(Backend::Memory).await;
    signed.put("a", &json!({"n": 1})).await;
    let gate = Gate::default();
    let held = gate.clone();
    let proxy =
        Proxy::start(signed.url(), at(format!("PATCH {}", signed.path), 1, move || Fault::Hold(held.clone()))).await;
    let client = signed.editor.client_at(proxy.url()).build()?;
    let editor = signed.of(&client).review();
    let requested = gate
        .overtake(editor.request_review().comment("mine"), async {
            assert_eq!(signed.raw(&signed.outsider, &json!({"displayFields": ["n"]})).await.0, 200);
        })
        .await?;
    assert_eq!((status(&requested), &*requested.editor_comment), ("to-review", "mine"));
    assert_eq!(requested.collection.data.display_fields, Some(vec!["n".to_owned()]));
    let [get, patch] = ["GET", "PATCH"].map(|method| format!("{method} {}", signed.path));
    assert_eq!(proxy.lines(), ["GET /", &*get, &*patch, &*get, &*patch, &*get]);

    // Another editor's request meanwhile is a state that does not fit.
    signed.put("a", &json!({"n": 2})).await;
    let gate = Gate::default();
    let held = gate.clone();
    let proxy = Proxy::start(signed.url(), at(patch, 1, move || Fault::Hold(held.clone()))).await;
    let client = signed.editor.client_at(proxy.url()).build()?;
    let editor = signed.of(&client).review();
    let error = gate
        .overtake(editor.request_review().comment("mine"), async {
            assert_eq!(
                signed.raw(&signed.editor, &json!({"status": "to-review", "last_editor_comment": "other"})).await.0,
                200
            );
        })
        .await
        .unwrap_err();
    assert_eq!(predicates(&error), ["conflict"]);
    assert!(error.to_string().contains("it is under review already"), "{error}");
    assert_eq!(signed.held().await["last_editor_comment"], "other");
    Ok(())
}

#[tokio::test]
async fn lost_responses_leave_no_doubt_unsaid() -> Outcome {
    for line in ["PATCH", "GET"] {
        let (signed, seen) = under_review(Backend::Memory).await?;
        let proxy = Proxy::start(signed.url(), at(format!("{line} {}", signed.path), 1, || Fault::CutAfter)).await;
        let client = signed.reviewer.client_at(proxy.url()).retry(kinto_client::retry::NeverRetry).build()?;
        let error = signed.of(&client).review().approve(&seen).await.unwrap_err();
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["connection"], true), "{line}");
        assert_eq!(signed.status().await, "signed");
    }
    Ok(())
}
