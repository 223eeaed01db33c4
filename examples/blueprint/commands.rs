//! Plans and what becomes of them, on any server.

use std::fs;

use kinto_client::Blueprint;

use crate::{
    cli::{Cli, Command},
    declared,
    failure::{Failure, Result},
    screen::{line, plan},
    server::Target,
};

pub(crate) async fn run(cli: &Cli, command: &Command) -> Result {
    let blueprint = blueprint(cli)?;
    let (delete_extra, apply) = match command {
        Command::Plan { delete_extra } => (*delete_extra, false),
        Command::Apply { delete_extra } => (*delete_extra, true),
        Command::Write => {
            line(yaml(&blueprint)?.trim_end());
            return Ok(());
        }
    };
    if cli.server().is_none() {
        return Err(Failure::new(
            "no server: name it with --server URL or KINTO_SERVER_URL, as in http://localhost:8888/v1",
        ));
    }
    let target = Target::open(cli).await?;
    let mut made = target.client.plan(&blueprint).await?;
    if delete_extra {
        made = made.prune();
    }
    plan(&made);
    if apply && !made.is_empty() {
        line("");
        line(made.apply().await?);
    }
    Ok(())
}

/// The blueprint of the file, if there is one. JSON is YAML as well.
pub(crate) fn blueprint(cli: &Cli) -> Result<Blueprint> {
    let Some(file) = &cli.file else { return Ok(declared::blueprint()) };
    let failed = |reason: String| Failure::new(format!("{}: {reason}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    serde_saphyr::from_str(&text).map_err(|error| failed(error.to_string()))
}

fn yaml(blueprint: &Blueprint) -> Result<String> {
    serde_saphyr::to_string(blueprint).map_err(|error| Failure::new(error.to_string()))
}
