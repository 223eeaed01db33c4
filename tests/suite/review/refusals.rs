//! Everything that the signer refuses is refused before it is sent. Raw requests show that the server does refuse it,
//! on PostgreSQL, where a refused request changes nothing.

use kinto_client::{Client, json, review::ReviewAction};
use kinto_server::{Backend, Server, unique};
use kinto_tests::{Outcome, Signed, TestUser};

use super::{refused, review, status};
use crate::predicates;

/// Tries an action in a state that it does not fit: nothing but reads is sent, and the server would have said the same.
async fn assert_refused(
    signed: &Signed,
    user: &TestUser,
    action: ReviewAction,
    expected: (&str, &str),
    server: (u16, &str),
) {
    let before = signed.held().await;
    let review = review(signed, user);
    let state = review.get().await.expect("a state");
    user.sent.forget();
    let result = match action {
        ReviewAction::RequestReview => review.request_review().await,
        ReviewAction::Approve => review.approve(&state).await,
        ReviewAction::Decline => review.decline(&state).await,
        ReviewAction::RollBack => review.roll_back(&state).await,
        _ => review.refresh_signature().await,
    };
    let error = result.expect_err("it is refused");
    let (kind, words) = expected;
    assert_eq!((predicates(&error), error.status()), (vec![kind], None), "{error}");
    assert!(error.to_string().contains(words) && error.to_string().contains("nothing was sent"), "{error}");
    assert!(user.sent.take().iter().all(|sent| sent.method.is_safe()), "{error}");
    assert!(!state.allows(action));
    assert_eq!(state.check(action).unwrap_err().kind(), error.kind());
    let (code, message) = server;
    if code != 0 {
        let wanted = match action {
            ReviewAction::RequestReview => "to-review",
            ReviewAction::Approve => "to-sign",
            _ => "to-rollback",
        };
        assert_eq!(signed.raw(user, &json!({"status": wanted})).await, (code, message.replace("{id}", &signed.id)));
    }
    assert_eq!(signed.held().await, before);
}

#[tokio::test]
async fn actions_that_do_not_fit_are_refused_before_they_are_sent() -> Outcome {
    use ReviewAction::{Approve, Decline, RequestReview, RollBack};
    let signed = Signed::new(Backend::PostgreSql).await;
    let (editor, reviewer, outsider) = (&signed.editor, &signed.reviewer, &signed.outsider);
    let (not_editor, not_reviewer) = ("not in the group /buckets/workspace/groups/", "-reviewers");

    // Signed, and nothing was changed.
    assert_refused(
        &signed,
        reviewer,
        Approve,
        ("conflict", "there is nothing to approve: its status is `signed`"),
        (400, "Collection already signed"),
    )
    .await;
    assert_refused(
        &signed,
        editor,
        RollBack,
        ("conflict", "no changes to roll back"),
        (400, "Collection has no work-in-progress"),
    )
    .await;
    assert_refused(&signed, reviewer, Decline, ("conflict", "it is not under review: its status is `signed`"), (0, ""))
        .await;

    // Changed, and not under review.
    signed.put("a", &json!({"n": 1})).await;
    assert_refused(
        &signed,
        reviewer,
        Approve,
        ("conflict", "it is not under review: its status is `work-in-progress`"),
        (400, "Collection not under review"),
    )
    .await;
    assert_refused(&signed, reviewer, RequestReview, ("forbidden", not_editor), (403, "Not in {id}-editors group"))
        .await;
    assert_refused(&signed, outsider, RequestReview, ("forbidden", not_editor), (403, "Not in {id}-editors group"))
        .await;

    // Under review; the editor is a reviewer, too.
    review(&signed, editor).request_review().await?;
    assert_refused(&signed, editor, RequestReview, ("conflict", "it is under review already"), (0, "")).await;
    assert_refused(&signed, outsider, Approve, ("forbidden", not_reviewer), (403, "Not in {id}-reviewers group")).await;
    let both = json!({"data": {"members": [editor.principal(), reviewer.principal()]}});
    signed.admin.put(&format!("/buckets/workspace/groups/{}-reviewers", signed.id), &both).await;
    assert_refused(
        &signed,
        editor,
        Approve,
        ("forbidden", "you have requested this review yourself"),
        (403, "Last editor cannot review"),
    )
    .await;
    assert_eq!(status(&review(&signed, reviewer).approve(&review(&signed, reviewer).get().await?).await?), "signed");
    Ok(())
}

#[tokio::test]
async fn server_refuses_what_has_no_method_here() -> Outcome {
    let signed = Signed::new(Backend::PostgreSql).await;
    let before = signed.held().await;
    for (attributes, message) in [
        (json!({"status": "signed"}), "Collection already signed"),
        (json!({"status": "foo"}), "Invalid status 'foo'"),
        (json!({"last_review_by": "account:me"}), "Cannot change <TRACKING_FIELDS.LAST_REVIEW_BY: 'last_review_by'>"),
    ] {
        let patched = signed.of(&signed.outsider.client).patch(attributes.clone()).await;
        match patched {
            // The status that it has already.
            Ok(_) => assert_eq!(attributes, json!({"status": "signed"})),
            Err(error) => {
                assert_eq!((predicates(&error), refused(&error)), (vec!["refused"], (400, message)));
            }
        }
    }
    signed.put("a", &json!({"n": 1})).await;
    let error = signed.of(&signed.editor.client).patch(json!({"status": "signed"})).await.unwrap_err();
    assert_eq!(refused(&error), (400, "Cannot set status to 'signed'"));
    let error = signed.of(&signed.editor.client).create_record(json!({"x": 1.5})).await.unwrap_err();
    assert_eq!(refused(&error), (400, "'x' field contains float value (tip: use integer or string)"));
    let published = signed.admin.send(http::Method::DELETE, &signed.published, None).await;
    assert_eq!((published.status.as_u16(), &published.json()["message"]), (403, &json!("Collection is in use.")));
    assert_eq!(signed.held().await["last_signature_date"], before["last_signature_date"]);
    Ok(())
}

/// Whoever sets the status as an attribute is told the rule, not that a permission is missing.
#[tokio::test]
async fn errors_of_the_server_have_advice() -> Outcome {
    let signed = Signed::new(Backend::PostgreSql).await;
    signed.put("a", &json!({"n": 1})).await;
    let both = json!({"data": {"members": [signed.editor.principal()]}});
    signed.admin.put(&format!("/buckets/workspace/groups/{}-reviewers", signed.id), &both).await;
    let not_in = signed.of(&signed.outsider.client).patch(json!({"status": "to-review"})).await.unwrap_err();
    review(&signed, &signed.editor).request_review().await?;
    let own = signed.of(&signed.editor.client).patch(json!({"status": "to-sign"})).await.unwrap_err();
    let admin = Client::builder(signed.url()).auth(("admin", "admin")).build()?;
    let in_use = admin.bucket("published").delete_collection(&*signed.id).await.unwrap_err();
    for (error, advice) in [
        (not_in, "lets the members of that group do this"),
        (own, "another reviewer than the user who has requested the review has to approve"),
        (in_use, "delete the one that it is made from first"),
    ] {
        assert_eq!(predicates(&error), ["forbidden"]);
        assert!(error.to_string().contains(advice) && !error.to_string().contains("permission"), "{error}");
    }
    Ok(())
}

/// On a server without transactions a refused request takes effect, which is why the rules are checked before.
#[tokio::test]
async fn refused_request_takes_effect_in_memory() -> Outcome {
    let signed = Signed::new(Backend::Memory).await;
    signed.put("a", &json!({"n": 1})).await;
    let (code, message) = signed.raw(&signed.outsider, &json!({"status": "to-review"})).await;
    assert_eq!((code, message), (403, format!("Not in {}-editors group", signed.id)));
    assert_eq!(signed.status().await, "to-review");
    Ok(())
}

#[tokio::test]
async fn approval_counts_groups_that_were_joined_since() -> Outcome {
    let signed = Signed::new(Backend::Memory).await;
    signed.put("a", &json!({"n": 1})).await;
    review(&signed, &signed.editor).request_review().await?;
    let outsider = review(&signed, &signed.outsider);
    let seen = outsider.get().await?;
    assert!(outsider.approve(&seen).await.is_err_and(|error| error.is_forbidden()));
    let members = json!({"data": {"members": [signed.outsider.principal()]}});
    signed.admin.put(&format!("/buckets/workspace/groups/{}-reviewers", signed.id), &members).await;
    signed.outsider.sent.forget();
    assert_eq!(status(&outsider.approve(&seen).await?), "signed");
    assert_eq!(signed.outsider.sent.take_lines()[0], "GET /");
    Ok(())
}

/// The signer lets an administrator delete the bucket that it publishes to, and takes what is missing for what is empty.
#[tokio::test]
async fn rollback_without_a_published_collection_is_refused() -> Outcome {
    let signed = Signed::within(Backend::PostgreSql, "lost").await;
    signed.put("a", &json!({"n": 1})).await;
    let editor = review(&signed, &signed.editor);
    let state = editor.get().await?;
    signed.admin.delete("/buckets/lost-published").await;
    signed.editor.sent.forget();
    for error in [editor.roll_back(&state).await.unwrap_err(), editor.refresh_signature().await.unwrap_err()] {
        assert_eq!((predicates(&error), error.status()), (vec!["conflict"], None));
        let words = format!("the published collection, {}, does not exist or is hidden from you", signed.published);
        assert!(error.to_string().contains(&words), "{error}");
    }
    assert!(signed.editor.sent.take().iter().all(|sent| sent.method.is_safe()));
    let records = format!("{}/records", signed.path);
    assert_eq!(signed.admin.ids(&records).await, ["a"]);

    // What the server would have done.
    assert_eq!(signed.raw(&signed.editor, &json!({"status": "to-resign"})).await.0, 500);
    assert_eq!(signed.raw(&signed.editor, &json!({"status": "to-rollback"})).await.0, 200);
    assert_eq!((signed.admin.ids(&records).await, signed.status().await), (vec![], "signed".to_owned()));
    Ok(())
}

#[tokio::test]
async fn state_of_another_collection_is_refused() -> Outcome {
    let (one, other) = (Signed::new(Backend::Memory).await, Signed::new(Backend::Memory).await);
    let state = review(&one, &one.reviewer).get().await?;
    other.reviewer.client.server_info().await?;
    other.reviewer.sent.forget();
    let review = review(&other, &other.reviewer);
    for error in [
        review.approve(&state).await.unwrap_err(),
        review.decline(&state).await.unwrap_err(),
        review.roll_back(&state).await.unwrap_err(),
        review.get_changes(&state).await.unwrap_err(),
        review.approve(&state).preview().unwrap_err(),
        review.get_changes(&state).preview().unwrap_err(),
    ] {
        assert_eq!(predicates(&error), ["invalid"]);
        assert!(
            error.to_string().contains(&format!("the state is that of {}: get that of {}", one.path, other.path)),
            "{error}"
        );
    }
    assert!(other.reviewer.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn collections_that_no_signer_publishes_are_unsupported() -> Outcome {
    let without = Client::builder(Server::shared()?.url()).auth((unique("me"), "p4ssw0rd")).build()?;
    let signed = Signed::new(Backend::Memory).await;
    let with = &signed.outsider.client;
    let id = &*signed.id;
    let workspace =
        format!("the signer writes this collection itself: review the one that it is made from, {}", signed.path);
    for (client, bucket, words) in [
        (&without, "workspace", "the server does not offer *signer*"),
        (with, "elsewhere", "none of its resources"),
        (with, "preview", &workspace),
        (with, "published", &workspace),
    ] {
        let review = client.bucket(bucket).collection(id).review();
        for error in [review.get().await.unwrap_err(), review.request_review().await.unwrap_err()] {
            assert_eq!(predicates(&error), ["unsupported"]);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
    assert!(signed.outsider.sent.take().iter().all(|sent| sent.line() == "GET /"));
    for error in [without.get_reviews().await.unwrap_err(), without.get_review_resources().await.unwrap_err()] {
        assert_eq!(predicates(&error), ["unsupported"]);
    }
    let wrong = with.bucket("workspace").collection("no/id").review();
    assert_eq!(predicates(&wrong.get().await.unwrap_err()), ["invalid"]);
    Ok(())
}
