//! A to-do list on any server.

use kinto_client::{Bucket, Collection, KintoRecord as _, TypedCollection};

use crate::{
    cli::{Command, Place},
    connection,
    failure::{Failure, Result},
    screen,
    todo::{Todo, line},
};

pub(crate) async fn run(place: &Place, command: Command) -> Result<()> {
    let client = connection::open(place.server()?, place.auth()).await?;
    connection::mind_the_user(&client).await?;
    let bucket = client.bucket(&place.bucket);
    let collection = bucket.collection(place.collection.as_deref().unwrap_or(Todo::COLLECTION));
    let list = List { todos: collection.typed(), name: format!("{}/{}", bucket.id(), collection.id()) };
    match command {
        Command::Add { titles } => {
            ensure(&bucket, &collection).await?;
            list.add(titles).await
        }
        Command::List => list.show().await,
        Command::Done { id } => list.change(&id, |todo| todo.done = true).await,
        Command::Rename { id, title } => list.change(&id, |todo| todo.title.clone_from(&title)).await,
        Command::Rm { id } => list.remove(&id).await,
    }
}

/// Creates the collection, and the bucket, if they are missing.
async fn ensure(bucket: &Bucket, collection: &Collection) -> Result<()> {
    match collection.get().optional().await {
        Ok(Some(_)) => return Ok(()),
        Ok(None) => {}
        // So the server answers when it is the bucket that is missing.
        Err(error) if error.is_forbidden() => {
            bucket.create().if_not_exists().await?;
        }
        Err(error) => return Err(error.into()),
    }
    collection.create().if_not_exists().await?;
    Ok(())
}

struct List {
    todos: TypedCollection<Todo>,
    name: String,
}

impl List {
    async fn add(&self, titles: Vec<String>) -> Result<()> {
        for title in titles {
            screen::line(line(&self.todos.create_record(Todo::new(title)).await?));
        }
        Ok(())
    }

    async fn show(&self) -> Result<()> {
        let records = match self.todos.get_records().await {
            Err(error) if error.is_not_found() => {
                return Err(Failure::new(format!("there is no list {} yet: `add` makes it", self.name)));
            }
            records => records?,
        };
        if records.is_empty() {
            screen::note(format_args!("there is nothing in {} yet: `add` puts something in", self.name));
        }
        for record in &records {
            screen::line(line(record));
        }
        Ok(())
    }

    async fn change(&self, id: &str, change: impl FnMut(&mut Todo) + Send) -> Result<()> {
        let record = self.todos.update_record(id, change).await.map_err(|error| self.explain(id, error))?;
        screen::line(line(&record));
        Ok(())
    }

    async fn remove(&self, id: &str) -> Result<()> {
        let tombstone = self.todos.delete_record(id).await.map_err(|error| self.explain(id, error))?;
        screen::line(format_args!("{}  removed", tombstone.id));
        Ok(())
    }

    fn explain(&self, id: &str, error: kinto_client::Error) -> Failure {
        if error.is_not_found() {
            Failure::new(format!("there is no to-do {id:?} in {}: `list` shows those that are there", self.name))
        } else {
            error.into()
        }
    }
}
