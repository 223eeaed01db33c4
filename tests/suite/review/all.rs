//! The resources of the signer, and the states of all collections.

use kinto_client::{
    Client, json,
    review::{ReviewAction, ReviewResource, ReviewState},
};
use kinto_server::Backend;
use kinto_tests::{Outcome, Signed, on_each_backend};

use super::{review, status};

on_each_backend!(reviews_are_those_of_all_resources);

fn places(resource: &ReviewResource) -> [String; 3] {
    let preview = resource.preview.as_ref().map(ToString::to_string).unwrap_or_default();
    [resource.source.to_string(), preview, resource.destination.to_string()]
}

async fn reviews_are_those_of_all_resources(backend: Backend) -> Outcome {
    let signed = Signed::new(backend).await;
    signed.put("a", &json!({"n": 1})).await;
    review(&signed, &signed.editor).request_review().comment("please").await?;
    let drafts = Signed::within(backend, "drafts").await;
    signed.admin.put("/buckets/solo", &json!({"permissions": {"read": ["system.Authenticated"]}})).await;
    signed.admin.put("/buckets/solo/collections/plan", &json!({"permissions": {"read": ["system.Everyone"]}})).await;
    signed.admin.put("/buckets/solo/collections/other", &json!({})).await;

    let resources = signed.reviewer.client.get_review_resources().await?;
    assert_eq!(
        resources.iter().map(places).collect::<Vec<_>>(),
        [
            ["/buckets/workspace", "/buckets/preview", "/buckets/published"],
            ["/buckets/drafts", "", "/buckets/drafts-published"],
            ["/buckets/plain", "", "/buckets/plain-published"],
            ["/buckets/solo/collections/plan", "", "/buckets/solo-published/collections/plan"],
            ["/buckets/nowhere/collections/none", "", "/buckets/nowhere-published/collections/none"],
            ["/buckets/lost", "", "/buckets/lost-published"],
        ]
    );
    assert_eq!(resources[0].editors_group, "{collection_id}-editors");
    assert_eq!(
        resources.iter().map(|resource| resource.to_review_enabled).collect::<Vec<_>>(),
        [true, true, false, true, true, true]
    );

    let all = signed.reviewer.client.get_reviews().await?;
    let find = |id: &str, bucket: &str| -> &ReviewState {
        let is_it = |state: &&ReviewState| *state.collection.id == *id && state.resource.source.bucket == bucket;
        all.states.iter().find(is_it).expect("it is among them")
    };
    let mine = find(&signed.id, "workspace");
    assert_eq!((status(mine), &*mine.editor_comment, mine.is_reviewer), ("to-review", "please", true));
    assert!(mine.allows(ReviewAction::Approve) && !mine.allows(ReviewAction::RequestReview));
    assert_eq!(
        places(&mine.resource),
        [&signed.path, &format!("/buckets/preview/collections/{}", signed.id), &signed.published].map(Clone::clone)
    );
    assert_eq!(mine.resource.reviewers_group, format!("{}-reviewers", signed.id));
    assert_eq!(status(find(&drafts.id, "drafts")), "signed");
    let plan = find("plan", "solo");
    assert_eq!((&*plan.resource.editors_group, &*plan.resource.reviewers_group), ("planners", "bosses-of-solo"));
    assert_eq!(plan.resource.reviewers().as_str(), "/buckets/solo/groups/bosses-of-solo");
    assert!(all.states.iter().all(|state| *state.collection.id != *"other"));

    let state = review(&signed, &signed.reviewer).approve(mine).await?;
    assert_eq!(status(&state), "signed");

    let of_bucket = signed.reviewer.client.bucket("drafts").get_reviews().await?;
    assert!(of_bucket.states.iter().all(|state| state.resource.source.bucket == "drafts"));
    assert!(of_bucket.states.iter().any(|state| *state.collection.id == *drafts.id));

    // What was never created is not among the states, and is named; without credentials the server does not say what there is.
    let hidden: Vec<String> = all.hidden.iter().map(|resource| resource.source.to_string()).collect();
    assert!(hidden.contains(&"/buckets/nowhere/collections/none".to_owned()), "{hidden:?}");
    assert!(!hidden.contains(&"/buckets/workspace".to_owned()), "{hidden:?}");
    let nobody = Client::builder(signed.url()).build()?.get_reviews().await;
    assert!(nobody.is_err_and(|error| error.is_unauthorized()));
    Ok(())
}
