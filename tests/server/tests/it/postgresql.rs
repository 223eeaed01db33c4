//! Data that outlives the server.

use std::io::Write;

use kinto_server::{Backend, Server};

use crate::support::{Outcome, get, refuses, request, soon};

/// `None`, with a notice, where neither the system nor pip has it.
fn start(workers: u32) -> Outcome<Option<Server>> {
    match Server::builder().backend(Backend::PostgreSql).workers(workers).start() {
        Err(error) if error.to_string().starts_with("PostgreSQL is not installed") => {
            writeln!(std::io::stderr(), "SKIPPED: {error}")?;
            Ok(None)
        }
        started => Ok(Some(started?)),
    }
}

#[test]
fn data_survives_the_server() -> Outcome {
    let Some(server) = start(3)? else { return Ok(()) };
    assert_eq!(server.backend(), Backend::PostgreSql);
    let made = request(server.url(), "PUT", "/buckets/kept", "")?;
    assert!(made.starts_with("HTTP/1.1 201"), "{made}");
    server.kill_server()?;
    assert!(refuses(server.url()));
    server.restart_server()?;
    let kept = get(server.url(), "/buckets/kept")?;
    assert!(kept.starts_with("HTTP/1.1 200"), "{kept}");
    assert!(soon(|| server.log().matches("Booting worker").count() == 6), "{}", server.log());

    let log = server.log_path().ok_or("no log")?.to_path_buf();
    let files = log.parent().ok_or("no directory")?.to_path_buf();
    drop(server);
    let left: Vec<_> = std::fs::read_dir(files)?.flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("pg-")), "{left:?}");
    Ok(())
}

#[test]
fn every_server_has_its_own_data() -> Outcome {
    let (Some(one), Some(other)) = (start(1)?, start(1)?) else { return Ok(()) };
    request(one.url(), "PUT", "/buckets/mine", "")?;
    let buckets = get(other.url(), "/buckets")?;
    assert!(buckets.contains(r#"{"data":[]}"#), "{buckets}");
    Ok(())
}

/// Kinto on PostgreSQL answers one of two with a 500 that are the first to read a list.
#[test]
fn first_readers_of_permissions_are_served() -> Outcome {
    let Some(server) = start(4)? else { return Ok(()) };
    let at_once = |path: &str| -> Vec<String> {
        std::thread::scope(|scope| {
            let readers: Vec<_> =
                (0..16).map(|_| scope.spawn(|| get(server.url(), path).unwrap_or_default())).collect();
            readers.into_iter().map(|reader| reader.join().unwrap_or_default()).collect()
        })
    };
    // The workers are at work, so that each takes some of the others.
    at_once("/buckets");
    let answers = at_once("/permissions");
    let refused: Vec<_> = answers.iter().filter(|answer| !answer.starts_with("HTTP/1.1 200")).collect();
    assert!(refused.is_empty(), "{refused:?}");
    Ok(())
}

#[test]
fn nodes_serve_the_same_data_before_and_after_the_database_has_started_again() -> Outcome {
    let Some(one) = start(1)? else { return Ok(()) };
    let other = Server::builder().node_of(&one)?.start()?;
    request(one.url(), "PUT", "/buckets/kept", "")?;
    let is_there =
        |server: &Server| get(server.url(), "/buckets/kept").is_ok_and(|got| got.starts_with("HTTP/1.1 200"));
    assert!(is_there(&one) && is_there(&other));
    one.restart_database()?;
    assert!(soon(|| is_there(&one)) && soon(|| is_there(&other)));
    let before = one.url().to_owned();
    one.renew_server()?;
    assert!(one.url() == before && is_there(&one) && is_there(&other));

    let memory = Server::builder().backend(Backend::Memory).start()?;
    assert!(Server::builder().node_of(&memory).is_err() && memory.restart_database().is_err());
    Ok(())
}
