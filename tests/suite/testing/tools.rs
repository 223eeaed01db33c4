//! The Kinto in memory takes the calls of operators, of permissions and of accounts as a real one does.

use kinto_client::{
    Client, Result, Timestamp,
    permissions::{Permission, PermissionEntry},
    testing::Kinto,
};
use kinto_server::{Server, unique};
use kinto_tests::Outcome;
use serde_json::{Value, json};

fn shown(entries: &[PermissionEntry], id: &str) -> Value {
    let one = |entry: &PermissionEntry| {
        let mut permissions: Vec<&str> = entry.permissions.iter().map(Permission::as_str).collect();
        permissions.sort_unstable();
        json!([entry.uri.replace(id, "…"), entry.resource_name, permissions, entry.record_id, entry.group_id])
    };
    // On PostgreSQL there may be those of other runs.
    entries.iter().filter(|entry| entry.uri == "/" || entry.uri.contains(id)).map(one).collect()
}

/// Makes the calls, and tells what came of them, without names and times.
async fn told(anyone: &Client, id: &str) -> Result<Vec<Value>> {
    let mut told = Vec::new();
    anyone.account(id).create("p4ssw0rd").data(json!({"a": 1, "deep": {"x": 1, "y": null}})).await?;
    let client = anyone.with_auth((id, "p4ssw0rd"))?;
    let account = client.account(id);
    told.push(json!(account.patch(json!({"b": null, "a": {"c": 2}})).await?.data));
    told.push(json!(account.merge_patch(json!({"deep": {"x": null, "z": 3}, "b": null})).await?.data));
    told.push(json!(account.replace(json!({"deep": {"z": 4}, "n": [null]})).await?.data));
    told.push(json!(account.get().await?.data));

    let bucket = client.bucket(id);
    bucket.create().await?;
    bucket.create_group("g", ["account:a"]).await?;
    let collection = bucket.collection("c");
    collection.create().await?;
    collection.create_records((0..3).map(|n| json!({"id": format!("r{n}")}))).await?;
    let f = PermissionEntry::fields();
    let get = || client.get_permissions().page_size(2);
    for call in [
        get(),
        get().sort(f.uri.asc()),
        get().sort(f.record_id.asc()).sort(f.resource_name.desc()).sort(f.uri.asc()),
        get().filter(f.bucket_id.eq(id)).sort(f.uri.desc()),
        get().filter(f.record_id.is_missing()),
        get().filter(f.uri.like("*/c/records/*")),
        get().filter(f.id.is_in(["r1", "g"])),
        get().having(Permission::CreateRecord),
    ] {
        told.push(shown(&call.await?, id));
    }
    told.push(json!(get().filter(f.resource_name.ne("record").and(f.bucket_id.eq(id))).count().await?));

    told.push(json!(client.heartbeat().await?.backends));
    client.lb_heartbeat().await?;
    let server_version = client.server_version().await.unwrap_err();
    told.push(json!([server_version.is_unsupported(), client.counters().await.unwrap_err().is_unsupported()]));
    Ok(told)
}

#[tokio::test]
async fn kinto_in_memory_takes_the_calls_as_a_real_one() -> Outcome {
    let kinto = Kinto::builder().accounts(true).permissions_endpoint(true).build();
    // Not the server of the other tests: the permissions of everybody on all of theirs would be many pages.
    let server = Server::builder().setting("kinto.project_docs", "tools").shared()?;
    let real = Client::builder(server.url()).build()?;
    let id = unique("operator");
    let expected = told(&real, &id).await?;
    let found = told(&kinto.client_builder().build()?, &id).await?;
    for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "number {place}");
    }
    assert_eq!(found.len(), expected.len());
    Ok(())
}

/// A reading that was cut goes on from where it was, by the time of the response.
#[tokio::test]
async fn response_has_the_date_of_the_kinto_in_memory() -> Outcome {
    let kinto = Kinto::builder().starting_at(Timestamp::from_millis(2_000_000_000_000)).build();
    let response = kinto.client().request(http::Method::GET, "/").await?;
    let date = response.headers[http::header::DATE].to_str()?.to_owned();
    assert!(date.starts_with("Wed, 18 May 2033 03:3"), "{date}");
    Ok(())
}
