//! Tests with several processes, and with environment variables.

use crate::support::{Outcome, Process, hold, is_up, refuses, soon};
use kinto_server::{Backend, Server, unique};

/// Not a test: what the tests below run as another process.
#[test]
#[ignore = "started by the other tests"]
fn child() -> Outcome {
    let wants = std::env::var("CHILD_WANTS")?;
    match wants.split_once(' ') {
        Some(("shared", name)) => {
            hold(Server::builder().setting("kinto.project_name", name).backend(Backend::Memory).shared())
        }
        Some(("private", name)) => {
            hold(Server::builder().setting("kinto.project_name", name).backend(Backend::Memory).start())
        }
        _ => hold(Server::builder().shared()),
    }
}

#[test]
fn processes_share_a_server_until_the_last_is_killed() -> Outcome {
    let wants = unique("shared ").replacen('-', " ", 1);
    let (mut one, mut other) = (Process::start(&wants, &[])?, Process::start(&wants, &[])?);
    let url = one.says("url")?;
    assert_eq!(url, other.says("url")?);
    drop(one);
    let mut third = Process::start(&wants, &[])?;
    assert_eq!(url, third.says("url")?);
    drop(other);
    assert!(is_up(&url));
    drop(third);
    assert!(is_up(&url), "it waits a little for the next");
    assert!(soon(|| refuses(&url)));
    let mut late = Process::start(&wants, &[])?;
    assert!(is_up(&late.says("url")?), "what the state file tells of is gone");
    Ok(())
}

#[test]
fn private_server_ends_with_its_killed_owner() -> Outcome {
    let mut owner = Process::start("private x", &[])?;
    let url = owner.says("url")?;
    assert!(is_up(&url));
    drop(owner);
    assert!(soon(|| refuses(&url)));
    Ok(())
}

#[test]
fn server_that_exists_is_used() -> Outcome {
    let server = Server::builder().backend(Backend::Memory).start()?;
    let mut user = Process::start("any", &[("KINTO_SERVER_URL", &format!("{}/", server.url()))])?;
    assert_eq!(user.says("backend")?, "External");
    assert_eq!(user.says("url")?, server.url());
    drop(user);
    assert!(is_up(server.url()));
    Ok(())
}

#[test]
fn server_that_does_not_answer_is_an_error() -> Outcome {
    let server = Server::builder().backend(Backend::Memory).start()?;
    let nobody = server.url().to_owned();
    let no_kinto = nobody.replace("/v1", "/v0");
    for url in [no_kinto.as_str(), "localhost:1", "http://localhost"] {
        let error = Process::start("any", &[("KINTO_SERVER_URL", url)])?.says("error")?;
        assert!(error.contains(&format!("KINTO_SERVER_URL is {url}, but no Kinto answers there")), "{error}");
    }
    drop(server);
    let error = Process::start("any", &[("KINTO_SERVER_URL", &nobody)])?.says("error")?;
    assert!(error.contains("refused"), "{error}");
    Ok(())
}

#[test]
fn without_python_the_error_has_both_ways_out() -> Outcome {
    let error = Process::start("any", &[("KINTO_PYTHON", "/nonexistent")])?.says("error")?;
    for part in ["/nonexistent: No such file", "apt install python3 python3-venv", "set KINTO_SERVER_URL"] {
        assert!(error.contains(part), "{part} in {error}");
    }
    Ok(())
}

#[test]
fn unknown_backend_is_an_error() -> Outcome {
    let error = Process::start("any", &[("KINTO_TEST_BACKEND", "oracle")])?.says("error")?;
    assert_eq!(error, r#"KINTO_TEST_BACKEND is "oracle"; it can be memory or postgresql"#);
    Ok(())
}
