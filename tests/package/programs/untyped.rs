use kinto_client::{Client, Result, Value, json};

#[tokio::main]
async fn main() -> Result<()> {
    let client = Client::builder("http://localhost:8888/v1").auth(("alexis", "p4ssw0rd")).build()?;
    let notes = client.bucket("default").collection("notes");
    let note = notes.create_record(json!({"title": "Buy milk"})).await?;
    println!("{}", notes.get_record::<Value>(note.id.as_str()).await?.data["title"]);
    Ok(())
}
