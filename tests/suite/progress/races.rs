//! Writes of one object that are no saves of what was read wait for each other too, on PostgreSQL with several workers,
//! whose PATCH reads, changes and writes without a lock.

use futures_util::future::try_join_all;
use kinto_client::{Collection, Error, Group, Value, json};
use kinto_server::{Backend, unique};
use kinto_tests::{Fixture, Outcome, server_on};

use super::ends;

async fn fixture() -> (kinto_server::Server, Fixture) {
    let server = server_on(Backend::PostgreSql);
    let fixture = Fixture::on(server.url()).await;
    (server, fixture)
}

/// The collection through a client that keeps its connections, so that requests come as close as they can.
fn todos(fixture: &Fixture) -> Collection {
    fixture.todos_of(&fixture.client_at(fixture.url()).build().expect("a client"))
}

/// Every task patches fields of its own; gives how many of the acknowledged ones are not there.
async fn patches_lost(fixture: &Fixture, of: Vec<Collection>) -> Result<usize, Error> {
    const TIMES: usize = 20;
    let id = unique("r");
    let path = fixture.record(&id);
    fixture.plain.put_data(&path, &json!({})).await;
    let expected = of.len() * TIMES;
    let writer = |(task, todos): (usize, Collection)| {
        let id = id.clone();
        let fields = async move {
            for n in 0..TIMES {
                todos.patch_record::<Value>(id.as_str(), json!({format!("t{task}n{n}"): 1})).await?;
            }
            Ok::<_, Error>(())
        };
        async { tokio::spawn(fields).await.expect("no panic") }
    };
    ends("the patches", try_join_all(of.into_iter().enumerate().map(writer))).await?;
    let held = fixture.plain.held(&path).await;
    Ok(expected - held.as_object().expect("an object").len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patches_of_different_fields_are_all_there() -> Outcome {
    let (_server, fixture) = fixture().await;
    let lost = patches_lost(&fixture, (0..8).map(|_| todos(&fixture)).collect()).await?;
    assert_eq!(lost, 0, "of 160");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_has_one_queue_whatever_it_is_called() -> Outcome {
    let (_server, fixture) = fixture().await;
    let named = |host: &str| {
        let url = fixture.url().replace("127.0.0.1", host).replace("localhost", host);
        fixture.todos_of(&fixture.client_at(&url).build().expect("a client"))
    };
    let of = (0..8).map(|n| named(if n % 2 == 0 { "localhost" } else { "127.0.0.1" }));
    assert_eq!(patches_lost(&fixture, of.collect()).await?, 0, "of 160");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn default_bucket_has_one_queue_whatever_it_is_called() -> Outcome {
    const TIMES: usize = 40;
    let (_server, fixture) = fixture().await;
    let client = fixture.client_at(fixture.url()).build()?;
    let id = client.bucket("default").get().await?.id;
    client.bucket("default").create_collection("queue").if_not_exists().await?;
    let names = ["default", id.as_str()].map(|bucket| client.bucket(bucket).collection("queue"));
    names[0].overwrite_record("r", json!({})).await?;
    let patch = |n: usize| {
        let todos = names[n % 2].clone();
        async move { todos.patch_record::<Value>("r", json!({format!("n{n}"): n})).await }
    };
    for round in 0..TIMES {
        ends("two patches", try_join_all([patch(2 * round), patch(2 * round + 1)])).await?;
    }
    let held = fixture.plain.held(&format!("/buckets/{id}/collections/queue/records/r")).await;
    assert_eq!(held.as_object().expect("an object").len(), 2 * TIMES);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patch_beside_a_save_is_kept_and_so_is_the_save() -> Outcome {
    let (_server, fixture) = fixture().await;
    let todos = todos(&fixture);
    let mut both = 0;
    for round in 0..40 {
        let id = format!("r{round}");
        fixture.plain.put_data(&fixture.record(&id), &json!({"n": 0})).await;
        let mut record = todos.get_record::<Value>(id.as_str()).await?;
        record.data["saved"] = true.into();
        let (patched, saved) = tokio::join!(
            todos.patch_record::<Value>(id.as_str(), json!({"patched": true})),
            todos.save_record(&mut record)
        );
        patched?;
        let saved = match saved {
            Ok(_) => true,
            Err(error) if error.is_conflict() && !error.may_have_been_applied() => false,
            Err(error) => return Err(error.into()),
        };
        let held = fixture.plain.held(&fixture.record(&id)).await;
        let expected =
            if saved { json!({"n": 0, "patched": true, "saved": true}) } else { json!({"n": 0, "patched": true}) };
        assert_eq!(held, expected, "round {round}, saved: {saved}");
        both += usize::from(saved);
    }
    assert!(both < 40 || both > 0);
    Ok(())
}

async fn group(fixture: &Fixture) -> (Group, String) {
    let id = unique("group");
    let path = format!("/buckets/{}/groups/{id}", fixture.bucket.id());
    fixture.plain.put(&path, &json!({"data": {"members": []}})).await;
    (fixture.client_at(fixture.url()).build().expect("a client").bucket(fixture.bucket.id()).group(id), path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patch_of_a_group_beside_changes_of_its_members_and_permissions_is_kept() -> Outcome {
    const ROUNDS: usize = 20;
    let (_server, fixture) = fixture().await;
    let (group, path) = group(&fixture).await;
    for round in 0..ROUNDS {
        let (patched, added, granted) = tokio::join!(
            group.patch(json!({format!("p{round}"): round})),
            group.add_members([format!("account:m{round:02}")]),
            group.grant(|p| p.read([format!("account:g{round:02}")])),
        );
        patched?;
        added?;
        granted?;
    }
    let names = |prefix: &str| (0..ROUNDS).map(|n| format!("account:{prefix}{n:02}")).collect::<Vec<_>>();
    let held = fixture.plain.held(&path).await;
    assert_eq!(held["members"], json!(names("m")));
    assert_eq!(held.as_object().expect("an object").len(), 1 + ROUNDS);
    assert_eq!(fixture.plain.permissions(&path).await["read"], json!(names("g")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_beside_single_writes_loses_none_of_them() -> Outcome {
    const ROUNDS: usize = 15;
    let (_server, fixture) = fixture().await;
    let todos = todos(&fixture);
    fixture.plain.put_data(&fixture.record("r"), &json!({})).await;
    fixture.plain.put_data(&fixture.record("s"), &json!({})).await;
    for round in 0..ROUNDS {
        let mut batch = todos.client().batch();
        let tickets = ["r", "s"].map(|id| batch.add(todos.patch_record::<Value>(id, json!({format!("b{round}"): 1}))));
        let (done, single, updated) = tokio::join!(
            batch.execute(),
            todos.patch_record::<Value>("r", json!({format!("p{round}"): 1})),
            todos.update_record("s", |data: &mut Value| data[format!("u{round}")] = 1.into()),
        );
        let done = done?;
        for ticket in &tickets {
            done.get(ticket)?;
        }
        single?;
        updated?;
    }
    for id in ["r", "s"] {
        let held = fixture.plain.held(&fixture.record(id)).await;
        assert_eq!(held.as_object().expect("an object").len(), 2 * ROUNDS, "{id}: {held}");
    }
    Ok(())
}

/// A record whose creation is acknowledged after its collection was deleted would come back with the next collection of
/// that name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_parent_gets_no_new_object() -> Outcome {
    let (_server, fixture) = fixture().await;
    let client = fixture.client_at(fixture.url()).build()?;
    for round in 0..20 {
        let collection = client.bucket(fixture.bucket.id()).collection(format!("c{round}"));
        collection.create().await?;
        let (created, deleted, another) = tokio::join!(
            collection.create_record(json!({"n": 1})),
            collection.delete(),
            collection.create_records([json!({"n": 2}), json!({"n": 3})]).each()
        );
        deleted?;
        drop((created, another));
        collection.create().await?;
        let left = collection.get_records::<Value>().await?;
        assert!(left.is_empty(), "round {round}: {left:?}");
    }
    Ok(())
}
