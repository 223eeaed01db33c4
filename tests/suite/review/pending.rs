//! What an approval would publish.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;
use kinto_client::{
    KintoRecord, Value, json,
    review::{PendingChange, ReviewState},
};
use kinto_server::Backend;
use kinto_tests::{Chance, Fault, Outcome, Proxy, SentRequest, Signed, on_each_backend};
use serde::{Deserialize, Serialize};

use super::{review, status, words};
use crate::predicates;

on_each_backend!(changes_are_what_an_approval_publishes);

#[derive(Debug, PartialEq, Serialize, Deserialize, KintoRecord)]
struct Region {
    name: String,
}

async fn publish(signed: &Signed) -> kinto_client::Result<ReviewState> {
    review(signed, &signed.editor).request_review().await?;
    let reviewer = review(signed, &signed.reviewer);
    reviewer.approve(&reviewer.get().await?).await
}

/// The law: the changes, made to what is published, give what is in the workspace, each once and in order; and after the approval
/// nothing is left.
async fn changes_are_what_an_approval_publishes(backend: Backend) -> Outcome {
    let signed = Signed::new(backend).await;
    let editor = signed.of(&signed.editor.client);
    let mut chance = Chance::new(7, 1);
    // Ids that collations sort in another order than their bytes.
    let ids: Vec<String> = ["a", "B", "a-b", "a_b", "ab", "Ab", "-a", "_a", "0", "9z"]
        .iter()
        .flat_map(|id| (0..3).map(move |n| format!("{id}{n}")))
        .collect();
    let mut published: BTreeMap<String, Value> = BTreeMap::new();
    for _ in 0..3 {
        let mut batch = signed.editor.client.batch();
        for id in &ids {
            match chance.below(4) {
                0 | 1 => {
                    batch.add(editor.overwrite_record(&**id, json!({"n": chance.below(2), "list": [{"a": null}]})));
                }
                2 => {
                    batch.add(editor.delete_record(&**id).if_exists());
                }
                _ => {}
            }
        }
        batch.execute().await?;
        let workspace = held(&signed, &signed.path).await;
        assert!(workspace.len() > 7, "there are pages: {}", workspace.len());

        let state = review(&signed, &signed.editor).get().await?;
        let changes: Vec<_> = review(&signed, &signed.outsider).get_changes(&state).stream().try_collect().await?;
        assert!(changes.is_sorted_by(|one, other| one.id() < other.id()), "{:?}", words(&changes));
        let mut expected = published.clone();
        for change in changes {
            let id = change.id().to_owned();
            let before = match change {
                PendingChange::Created(record) => {
                    expected.insert(id.clone(), record.data).map_or((None, None), |old| (Some(old), None))
                }
                PendingChange::Updated { before, after } => {
                    assert_ne!(before.data, after.data);
                    (expected.insert(id.clone(), after.data), Some(before.data))
                }
                PendingChange::Deleted(record) => (expected.remove(&id), Some(record.data)),
                _ => unreachable!("there are no others"),
            };
            assert_eq!(before.0, before.1, "{id}");
        }
        assert_eq!(expected, workspace);

        let state = publish(&signed).await?;
        assert_eq!(status(&state), "signed");
        assert_eq!(words(&review(&signed, &signed.editor).get_changes(&state).await?), [""; 0]);
        published = held(&signed, &signed.published).await;
        assert_eq!(published, workspace);
    }
    Ok(())
}

/// The records of a collection by their ids, as they are stored.
async fn held(signed: &Signed, collection: &str) -> BTreeMap<String, Value> {
    let list = signed.admin.get(&format!("{collection}/records?_limit=0")).await.json();
    let records = list["data"].as_array().expect("a list").iter().map(|record| {
        let mut record = record.clone();
        let fields = record.as_object_mut().expect("an object");
        let id = fields.remove("id").expect("an id").as_str().expect("text").to_owned();
        fields.remove("last_modified");
        (id, record)
    });
    records.collect()
}

#[tokio::test]
async fn changes_are_typed() -> Outcome {
    let signed = Signed::new(Backend::Memory).await;
    let regions = signed.of(&signed.editor.client).typed::<Region>();
    regions.create_record(Region { name: "France".to_owned() }).id("fr").await?;
    publish(&signed).await?;
    regions.update_record("fr", |region| region.name.push('!')).await?;
    let state = regions.review().get().await?;
    match &regions.review().get_changes(&state).await?[..] {
        [PendingChange::Updated { before, after }] => {
            assert_eq!((&*before.data.name, &*after.data.name), ("France", "France!"));
            assert_eq!(
                signed.admin.object(&format!("{}/records/fr", signed.path)).await["last_modified"],
                json!(after.last_modified)
            );
        }
        others => panic!("{others:?}"),
    }
    signed.put("odd", &json!({"name": 1})).await;
    let state = regions.review().get().await?;
    let error = regions.review().get_changes(&state).await.unwrap_err();
    assert_eq!((predicates(&error), error.record_id(), error.field()), (vec!["decode"], Some("odd"), Some("name")));
    let iterated = tokio::task::spawn_blocking({
        let (review, state) = (regions.untyped().review(), state.clone());
        move || {
            review
                .get_changes(&state)
                .iter()
                .map(|change| change.map(|change| change.id().to_owned()))
                .collect::<Vec<_>>()
        }
    });
    let iterated: Result<Vec<_>, _> = iterated.await?.into_iter().collect();
    assert_eq!(iterated?, ["fr", "odd"]);
    Ok(())
}

#[tokio::test]
async fn changes_of_another_state_are_a_conflict() -> Outcome {
    let signed = Signed::new(Backend::Memory).await;
    for n in 0..20 {
        signed.put(&format!("r{n:02}"), &json!({"n": n})).await;
    }
    let review = review(&signed, &signed.editor);
    let state = review.get().await?;
    signed.editor.sent.forget();
    let mut changes = review.get_changes(&state).stream();
    assert_eq!(changes.try_next().await?.expect("a change").id(), "r00");
    signed.put("r00", &json!({"n": -1})).await;
    let rest: Result<Vec<_>, _> = changes.try_collect().await;
    let error = rest.unwrap_err();
    assert_eq!(predicates(&error), ["conflict"]);
    assert!(error.to_string().contains("it was changed"), "{error}");

    signed.editor.sent.forget();
    let error = review.get_changes(&state).await.unwrap_err();
    assert_eq!(
        (predicates(&error), signed.editor.sent.take_lines()),
        (vec!["conflict"], vec![format!("GET {}", signed.path)])
    );
    Ok(())
}

#[tokio::test]
async fn changes_are_all_records_where_nothing_was_published() -> Outcome {
    let signed = Signed::new(Backend::Memory).await;
    let editor = signed.of(&signed.editor.client);
    signed.put("a", &json!({"n": 1})).await;
    let records = format!("GET {}/records", signed.published);
    let missing = json!({"code": 404, "errno": 110, "error": "Not Found"});
    let proxy = Proxy::start(signed.url(), move |sent: &SentRequest| {
        if sent.line().starts_with(&records) { Fault::json(404, &missing) } else { Fault::Pass }
    })
    .await;
    let through = signed.of(&signed.editor.client_at(proxy.url()).build()?);
    let state = editor.review().get().await?;
    assert_eq!(words(&through.review().get_changes(&state).await?), ["created a"]);
    Ok(())
}

/// Python's `1 == True`.
#[tokio::test]
async fn change_of_1_to_true_is_shown_and_not_published() -> Outcome {
    let signed = Signed::new(Backend::Memory).await;
    signed.put("a", &json!({"n": 1})).await;
    publish(&signed).await?;
    signed.put("a", &json!({"n": true})).await;
    let state = publish(&signed).await?;
    assert_eq!(status(&state), "signed");
    assert_eq!(signed.admin.held(&format!("{}/records/a", signed.published)).await, json!({"n": 1}));
    assert_eq!(words(&review(&signed, &signed.editor).get_changes(&state).await?), ["updated a"]);
    Ok(())
}

/// Comments can be anything, and do not hide the rest.
#[tokio::test]
async fn state_is_read_whatever_the_comments_are() -> Outcome {
    let signed = Signed::new(Backend::Memory).await;
    for comment in [json!(null), json!(5), json!({"a": []}), json!("text")] {
        let attributes = json!({"last_editor_comment": comment, "last_reviewer_comment": comment});
        assert_eq!(signed.raw(&signed.outsider, &attributes).await.0, 200);
        let state = review(&signed, &signed.editor).get().await?;
        assert_eq!((status(&state), &*state.editor_comment), ("signed", comment.as_str().unwrap_or_default()));
        assert!(state.last_signature.is_some());
    }
    Ok(())
}
