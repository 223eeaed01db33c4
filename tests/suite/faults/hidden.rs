//! Deletions by users who may not see afterwards whether the object is there: the server refuses the second of two as it
//! refuses a stranger.

use http::Method;
use kinto_client::{Bucket, Result, json};
use kinto_server::Server;
use kinto_tests::{Fault, Fixture, Outcome, Proxy, TestUser};

use super::{Tries, of_writes};
use crate::{Todo, predicates};

#[derive(Clone, Copy, Debug)]
enum Object {
    Bucket,
    Group,
    Collection,
    Record,
}

impl Object {
    fn path(self, fixture: &Fixture) -> String {
        let bucket = format!("/buckets/{}", fixture.bucket.id());
        match self {
            Self::Bucket => bucket,
            Self::Group => format!("{bucket}/groups/friends"),
            Self::Collection => format!("{bucket}/collections/todos"),
            Self::Record => fixture.record("milk"),
        }
    }

    async fn delete(self, bucket: &Bucket) -> Result<()> {
        let todos = bucket.collection("todos");
        match self {
            Self::Bucket => bucket.delete().await.map(drop),
            Self::Group => bucket.group("friends").delete().await.map(drop),
            Self::Collection => todos.delete().await.map(drop),
            Self::Record => todos.delete_record("milk").await.map(drop),
        }
    }
}

/// A bucket with everything in it, where somebody has one permission on one object.
async fn shared(object: Object, permission: &str) -> (Fixture, TestUser) {
    let fixture = Fixture::on(Server::shared().expect("a server").url()).await;
    let person = TestUser::new(fixture.url(), "niko").await;
    fixture.plain.put(&Object::Group.path(&fixture), &json!({"data": {"members": []}})).await;
    fixture.plain.put_data(&fixture.record("milk"), &json!({"title": "Milk", "done": false})).await;
    let permissions = json!({"permissions": {permission: [person.principal()]}});
    fixture.plain.send(Method::PATCH, &object.path(&fixture), Some(&permissions)).await;
    (fixture, person)
}

#[tokio::test]
async fn deletion_that_a_proxy_sends_twice_is_in_doubt_for_whoever_has_one_permission() -> Outcome {
    for object in [Object::Bucket, Object::Group, Object::Collection, Object::Record] {
        let (fixture, person) = shared(object, "write").await;
        let proxy = Proxy::start(fixture.url(), of_writes([Fault::Twice])).await;
        let bucket = person.client_at(proxy.url()).retry(Tries(3)).build()?.bucket(fixture.bucket.id());
        let error = object.delete(&bucket).await.unwrap_err();
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["forbidden"], true), "{error}");
        assert!(error.to_string().contains("this request arrived twice"), "{error}");
        let path = object.path(&fixture);
        assert_eq!(proxy.lines(), [format!("DELETE {path}"), format!("GET {path}")]);
        assert_ne!(fixture.plain.status(&path).await, 200, "{object:?}");
    }
    Ok(())
}

#[tokio::test]
async fn deletion_by_a_reader_is_no_doubt() -> Outcome {
    for object in [Object::Bucket, Object::Group, Object::Collection, Object::Record] {
        let (fixture, person) = shared(object, "read").await;
        let error = object.delete(&person.client.bucket(fixture.bucket.id())).await.unwrap_err();
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["forbidden"], false), "{error}");
        assert_eq!(fixture.plain.status(&object.path(&fixture)).await, 200, "{object:?}");
    }
    Ok(())
}

/// What this program has deleted itself, no second arrival has.
#[tokio::test]
async fn deletion_of_what_was_deleted_is_no_doubt() -> Outcome {
    for object in [Object::Bucket, Object::Group, Object::Collection, Object::Record] {
        let (fixture, person) = shared(object, "write").await;
        let bucket = person.client.bucket(fixture.bucket.id());
        object.delete(&bucket).await?;
        drop(person.sent.take());
        let error = object.delete(&bucket).await.unwrap_err();
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["forbidden"], false), "{error}");
        assert_eq!(person.sent.take_lines(), [format!("DELETE {}", object.path(&fixture))]);
    }
    Ok(())
}

/// A record that was read and is refused with its version, by whoever may write to this record only.
#[tokio::test]
async fn guarded_deletion_that_a_proxy_sends_twice_is_in_doubt() -> Outcome {
    let (fixture, person) = shared(Object::Record, "write").await;
    let proxy = Proxy::start(fixture.url(), of_writes([Fault::Twice])).await;
    let todos = fixture.todos_of(&person.client_at(proxy.url()).build()?);
    let milk = todos.get_record::<Todo>("milk").await?;
    for error in
        [todos.delete_record(&milk).await.unwrap_err(), todos.delete_record("milk").if_exists().await.unwrap_err()]
    {
        assert_eq!((predicates(&error), error.may_have_been_applied()), (vec!["forbidden"], true), "{error}");
    }
    Ok(())
}
