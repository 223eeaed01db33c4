//! Shows what the library logs: `cargo run --example log`.
//!
//! It starts a Kinto, does a few things there that succeed and a few that fail, and says before each what it does.

use std::{
    error::Error,
    io::{self, Write as _},
    net::{Ipv4Addr, TcpListener},
    process::ExitCode,
    time::Duration,
};

use kinto_client::{Client, JsonObject, Value, json, retry::ExponentialBackoff};
use kinto_server::Server;
use tracing::Level;
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt::time::uptime, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// Writes to the terminal what this library logs, and not what those below it say of their connections.
fn write_log() {
    let ours = Targets::new().with_target("kinto_client", Level::DEBUG);
    let lines = tracing_subscriber::fmt::layer().with_timer(uptime()).with_target(false).with_writer(io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(ours)).init();
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "log: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().start()?;
    write_log();
    let client = Client::builder(server.url()).auth(("alexis", "p4ssw0rd")).build()?;
    let notes = client.bucket("default").collection("notes");

    say("# A record is created and changed.");
    let fern = JsonObject::from_iter([("text".to_owned(), "Water the fern".into())]);
    let mut note = notes.create_record(fern).await?;
    note.data.insert("done".to_owned(), true.into());
    notes.save_record(&mut note).await?;

    say("# The record is saved again without a change: nothing is sent.");
    notes.save_record(&mut note).await?;

    say("# Thirty records are created in two batches.");
    notes.create_records((0..30).map(|n| json!({"text": format!("Note #{n}")}))).await?;

    say("# They are read in pages.");
    notes.get_records::<Value>().page_size(20).await?;

    say("# A record that does not exist, and an invalid id.");
    let missing = notes.get_record::<Value>("nowhere").await.err();
    let impossible = notes.get_record::<Value>("no/where").await.err();

    say("# A request to a server that is down is retried.");
    let away =
        Client::builder(nowhere()?).retry(ExponentialBackoff::default().max_tries(3).first_delay(BRIEFLY)).build()?;
    let unreachable = away.server_info().await.err();

    say("# The log has neither ids nor data; the errors themselves say more:");
    for error in [missing, impossible, unreachable].into_iter().flatten() {
        say(&error.to_string());
    }
    Ok(())
}

const BRIEFLY: Duration = Duration::from_millis(20);

/// The address of a server that is not there.
fn nowhere() -> io::Result<String> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    Ok(format!("http://localhost:{port}/v1"))
}

/// `println!` would panic when nobody reads to the end.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}
