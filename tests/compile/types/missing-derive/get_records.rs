use kinto_client::{Collection, Result};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Todo {
    title: String,
}

async fn titles(todos: &Collection) -> Result<Vec<String>> {
    let records = todos.get_records::<Todo>().await?;
    Ok(records.into_iter().map(|record| record.data.title).collect())
}

fn main() {}
