use kinto_client::{Collection, Result};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Todo {
    title: String,
}

async fn create(todos: &Collection) -> Result<()> {
    todos.create_record(Todo { title: "Milk".to_owned() }).await?;
    Ok(())
}

fn main() {}
