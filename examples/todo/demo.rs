//! There and back: what the README says, step by step, with what the server answers.

use kinto_client::{Client, Collection, Record, Value, json};
use kinto_server::Server;

use crate::{
    cli::Place,
    connection,
    failure::{Failure, Result},
    screen::{self, heading, item, line},
    todo::{Todo, line as todo_line},
};

/// On a server with the `basicauth` policy, whoever comes with these is the user that they make.
const SOMEBODY: &str = "alexis:p4ssw0rd";

pub(crate) async fn run(place: &Place) -> Result<()> {
    let auth = place.auth().or(Some(SOMEBODY));
    // A server of its own is stopped when it is dropped.
    let (client, _own) = match place.server_if_any() {
        Some(url) => (connection::open(url, auth).await?, None),
        None => match Server::builder().start() {
            Ok(own) => (connection::open(own.url(), auth).await?, Some(own)),
            Err(error) if error.is_about_the_machine() => {
                let reason = error.problem().lines().last().unwrap_or_default().trim();
                screen::note(format_args!("no Kinto can be started here ({reason}), so this one is in memory"));
                (connection::in_memory(auth).await?, None)
            }
            Err(error) => return Err(error.into()),
        },
    };
    introduce(&client).await?;

    heading("1. Create a collection");
    let name = place.collection.clone().unwrap_or_else(|| kinto_server::unique("todo"));
    let collection = client.bucket(&place.bucket).collection(name);
    // An error if there is one already: what somebody keeps there is not for a demonstration.
    let created = collection.create().await?;
    item(format_args!("/buckets/{}/collections/{}, version {}", place.bucket, created.id, created.last_modified));

    let shown = there_and_back(&collection).await;
    let deleted = collection.delete().await;
    shown?;
    heading("9. Delete the collection");
    item(format_args!("{} is gone", deleted?.id));
    Ok(())
}

async fn introduce(client: &Client) -> Result<()> {
    let info = client.server_info().await?;
    line(format_args!("{} {} at {}", info.project_name, info.project_version, client.url()));
    if let Some(user) = &info.user {
        line(format_args!("takes us for {}", user.id));
    }
    Ok(())
}

async fn there_and_back(collection: &Collection) -> Result<()> {
    let todos = collection.typed::<Todo>();

    heading("2. Add three to-dos");
    for record in todos.create_records(["Buy milk", "Call the bank", "Pay the rent"].map(Todo::new)).await? {
        item(todo_line(&record));
    }

    heading("3. Add one as another program may have made it, with more in it than Todo has fields for");
    let more = json!({"title": "Water the plants", "room": "kitchen", "every": {"days": 3, "at": ["08:00", "20:00"]}});
    let foreign = collection.create_record(more).await?;
    item(foreign.raw_json());

    heading("4. Read them all, as Todo");
    let mut records = todos.get_records().await?;
    for record in &records {
        item(todo_line(record));
    }

    heading("5. Rename them all, and save");
    for (i, record) in records.iter_mut().enumerate() {
        record.data.title = format!("Todo #{i}");
    }
    todos.save_records(&mut records).await?;
    for record in &records {
        item(format_args!("{}, version {}", todo_line(record), record.last_modified));
    }

    heading("6. Save them again: nothing is sent of what was not changed");
    let saved = todos.save_records(&mut records).await?;
    for (record, saved) in records.iter().zip(saved) {
        item(format_args!("{}  {saved:?}", record.id));
    }

    heading("7. Mark one as done: read, change, save, and again after a conflict");
    let done = todos.update_record(foreign.id.as_str(), |todo| todo.done = true).await?;
    item(todo_line(&done));

    heading("8. What the server now has");
    for record in collection.get_records::<Value>().await? {
        item(record.raw_json());
    }
    let now = collection.get_record::<Value>(foreign.id.as_str()).await?;
    check_foreign(&foreign, &now)
}

/// Checks that the fields that `Todo` does not have are still there.
fn check_foreign(before: &Record<Value>, now: &Record<Value>) -> Result<()> {
    let of = |record: &Record<Value>| ["room", "every"].map(|key| record.data.get(key).cloned());
    if of(before) != of(now) {
        return Err(Failure::new(format!("{} has lost what Todo does not know: {}", now.id, now.raw_json())));
    }
    item("`room` and `every`, which Todo does not know, are as they were");
    Ok(())
}
