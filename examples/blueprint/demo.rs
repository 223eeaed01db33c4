//! A demonstration: a plan is made, applied, and made again.

use kinto_client::json;

use crate::{
    cli::Cli,
    commands,
    failure::Result,
    screen::{heading, line, plan},
    server::Target,
};

pub(crate) async fn run(cli: &Cli) -> Result {
    let blueprint = commands::blueprint(cli)?;
    let target = Target::open(cli).await?;
    let client = &target.client;
    line(format_args!("The server is {}", client.url()));

    heading("1. The plan: what it takes to make the server match the blueprint");
    let first = client.plan(&blueprint).await?;
    plan(&first);

    heading("2. Apply it");
    line(first.apply().await?);

    heading("3. The plan once more");
    let again = client.plan(&blueprint).await?;
    plan(&again);

    if let Some(step) = again.steps().iter().find(|step| step.kind() == "collection") {
        heading("4. Another client changes a collection, and the plan for that");
        let (bucket, collection) = step.name().split_once('/').unwrap_or_default();
        client.bucket(bucket).collection(collection).patch(json!({"sort": "by-hand"})).await?;
        let repair = client.plan(&blueprint).await?;
        plan(&repair);
        line("");
        line(repair.apply().await?);
    }
    if target.is_passing() {
        line("\nThe server was started for this run, and ends with it: --server URL names one that stays.");
    }
    Ok(())
}
