//! Each call shows the request that it sends first.

use kinto_client::{
    Filter, Sort, Timestamp, Value, json,
    object::JsonPatch,
    operation::RequestPreview,
    permissions::{Permission, PermissionEntry},
    schema::{JsonSchema, Schema},
};
use kinto_server::Backend;
use kinto_tests::{Fixture, Outcome, Signed};

use crate::{Todo, predicates};

/// A type with a schema.
#[derive(JsonSchema)]
#[schemars(crate = "kinto_client::schema::schemars")]
#[expect(dead_code, reason = "its schema alone counts")]
struct Strict {
    title: String,
}

fn line(preview: &RequestPreview) -> String {
    format!("{} {}", preview.method().unwrap(), preview.target().unwrap())
}

/// Previews each call, then awaits it, and compares the preview with what was sent first.
macro_rules! first_request_is_previewed {
    ($fixture:ident: $($call:expr),+ $(,)?) => {$({
        let call = $call;
        let preview = call.preview()?;
        assert!($fixture.sent.take().is_empty(), "a preview sends nothing");
        let _ = call.await;
        let sent = $fixture.sent.take();
        assert_eq!(line(&preview), sent[0].line(), "{}", stringify!($call));
        assert_eq!(preview.body().unwrap_or_default(), sent[0].body, "{}", stringify!($call));
        assert!(sent.len() == 1 || preview.follows().is_some(), "{}: it is not said what follows", stringify!($call));
    })+};
}

#[tokio::test]
async fn preview_shows_the_first_request_of_each_call() -> Outcome {
    let fixture = Fixture::new().await;
    let (todos, bucket) = (&fixture.todos, &fixture.bucket);
    let typed = todos.typed::<Todo>();
    let f = <Todo as kinto_client::KintoRecord>::fields();
    let milk =
        todos.create_records((0..3).map(|n| json!({"id": format!("r{n}"), "title": "Milk", "done": false}))).await?;
    bucket.create_group("g", ["account:remy"]).await?;
    let time = milk[0].last_modified;
    let versions = typed.record("r0").get_history().await?;
    fixture.sent.forget();
    let list = || todos.get_records::<Value>();

    first_request_is_previewed! { fixture:
        list(),
        list().filter(Filter::field("done").eq(false)).sort(Sort::asc("title")).page_size(2),
        list().since(time).limit(2).consistent(),
        list().first(),
        list().one(),
        list().lenient(),
        list().count(),
        typed.get_records().select((f.title, f.done)),
        list().if_changed_since(time),
        todos.changes_since::<Value>(time).page_size(2),
        todos.update_record::<Todo, _>("r0", |todo| todo.done = true),
        typed.edit_record("r0").set(f.done, false),
        todos.record::<Value>("r0").merge_patch(json!({"done": true})),
        todos.record::<Value>("r0").json_patch(JsonPatch::new().remove(["done"])),
        bucket.grant(|p| p.read("account:remy")),
        bucket.revoke(|p| p.read("account:remy")),
        bucket.group("g").add_members(["account:niko"]),
        fixture.client.get_buckets(),
        fixture.client.get_permissions(),
        fixture.client.get_permissions().filter(PermissionEntry::fields().id.eq("r0")).page_size(2),
        fixture.client.get_permissions().having(Permission::Write).first(),
        fixture.client.get_permissions().having(Permission::Write).count(),
        fixture.client.get_permissions().count(),
        fixture.client.heartbeat(),
        fixture.client.lb_heartbeat(),
        fixture.client.server_version(),
        fixture.client.counters(),
        fixture.client.delete_user_data("account:remy"),
        fixture.client.account("remy").patch(json!({"email": "a"})),
        fixture.client.account("remy").merge_patch(json!({"email": null})),
        fixture.client.account("remy").replace(json!({"email": "a"})),
        fixture.client.openid_providers(),
        bucket.get_history(),
        typed.get_history().filter(f.done.eq(true).in_history()).since(time).limit(2),
        bucket.get_history().first(),
        todos.get_history().count(),
        typed.record("r0").get_history().lenient(),
        typed.record("r0").restore(&versions[0]),
        todos.snapshot::<Value>(time),
        typed.snapshot(time).without_endpoint(),
        typed.record("r1").purge_history().all(),
        todos.delete_all_records().filter(Filter::field("done").eq(true)),
        fixture.client.delete_bucket("nowhere").if_exists(),
        todos.check_schema::<Strict>(),
        todos.find_invalid(Schema::of::<Strict>()?),
        fixture.client.fetch_server_info(),
        todos.get_changeset::<Value>().since(time).expected(time),
        todos.get_changeset::<Value>().bust_cache().lenient(),
        fixture.client.get_monitor_changeset().bucket("b"),
        fixture.client.get_reviews(),
        todos.review().get(),
    }
    let fresh = fixture.client.with_auth(("niko", "p4ssw0rd"))?;
    for preview in [fresh.server_info().preview()?, fresh.user().preview()?] {
        assert_eq!((line(&preview), preview.follows()), ("GET /".to_owned(), None));
    }
    fresh.user().await?;
    assert_eq!(fixture.sent.take_lines(), ["GET /"]);
    for preview in [fresh.server_info().preview()?, fresh.user().preview()?] {
        assert_eq!(preview.method(), None, "it is known: {preview}");
    }
    let parallel = list().parallel().preview()?;
    assert_eq!(line(&parallel), format!("GET {}", fixture.records));
    assert!(parallel.follows().unwrap().contains("until both meet"));
    Ok(())
}

#[tokio::test]
async fn preview_shows_the_first_request_of_each_step_of_a_review() -> Outcome {
    let signed = Signed::new(Backend::Memory).await;
    signed.put("a", &json!({"n": 1})).await;
    let fixture = &signed.editor;
    let review = signed.of(&fixture.client).review();
    fixture.client.server_info().await?;
    fixture.sent.forget();
    let state = async || {
        let state = review.get().await;
        fixture.sent.forget();
        state
    };
    first_request_is_previewed! { fixture: review.get_changes(&state().await?), review.request_review().comment("please") }
    let requested = state().await?;
    first_request_is_previewed! { fixture: review.decline(&requested).comment("no"), review.refresh_signature() }
    let changed = state().await?;
    first_request_is_previewed! { fixture: review.roll_back(&changed) }
    let reviewer = &signed.reviewer;
    signed.put("a", &json!({"n": 2})).await;
    review.request_review().await?;
    let review = signed.of(&reviewer.client).review();
    let requested = review.get().await?;
    reviewer.client.server_info().await?;
    reviewer.sent.forget();
    first_request_is_previewed! { reviewer: review.approve(&requested).comment("yes") }
    Ok(())
}

#[tokio::test]
async fn preview_of_many_shows_each_request() -> Outcome {
    let fixture = Fixture::new().await;
    let deletes = fixture.todos.delete_records(["a", "b"]).preview()?;
    assert_eq!(
        deletes.iter().map(line).collect::<Vec<_>>(),
        ["a", "b"].map(|id| format!("DELETE {}", fixture.record(id)))
    );
    let each = fixture.todos.create_records([json!({"id": "a"})]).each().preview()?;
    assert_eq!(each.iter().map(line).collect::<Vec<_>>(), [format!("PUT {}", fixture.record("a"))]);
    let together = fixture.client.batch_of((fixture.bucket.get(), fixture.todos.get_record::<Value>("a"))).preview()?;
    assert_eq!(
        together.iter().map(line).collect::<Vec<_>>(),
        [format!("GET {}", fixture.bucket.path()), format!("GET {}", fixture.record("a"))]
    );
    assert!(fixture.sent.take().is_empty());
    Ok(())
}

#[tokio::test]
async fn preview_gives_the_error_of_the_call() -> Outcome {
    let fixture = Fixture::new().await;
    let list = || fixture.todos.get_records::<Value>();
    let parallel = list().limit(3).parallel();
    for (previewed, error) in [
        (list().limit(0).preview().unwrap_err(), list().limit(0).await.unwrap_err()),
        (parallel.preview().unwrap_err(), list().limit(3).parallel().await.unwrap_err()),
        (
            fixture.todos.record::<Value>("no/id").edit().preview().unwrap_err(),
            fixture.todos.record::<Value>("no/id").edit().await.unwrap_err(),
        ),
        (
            fixture.todos.get_records::<Value>().since(Timestamp::from_millis(u64::MAX)).preview().unwrap_err(),
            fixture.todos.get_records::<Value>().since(Timestamp::from_millis(u64::MAX)).await.unwrap_err(),
        ),
    ] {
        assert_eq!((predicates(&previewed), previewed.to_string()), (vec!["invalid"], error.to_string()));
    }
    assert!(fixture.sent.take().is_empty());
    Ok(())
}
