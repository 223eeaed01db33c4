use kinto_client::{Client, KintoRecord, Result, schema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, KintoRecord)]
#[kinto(collection = "checked", schema)]
struct Todo {
    title: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    println!("{}", schema::of::<Todo>());
    let client = Client::builder("http://localhost:8888/v1").auth(("alexis", "p4ssw0rd")).build()?;
    client.ensure::<Todo>().await?;
    client.typed::<Todo>().create_record(Todo { title: "Buy milk".into() }).await?;
    Ok(())
}
