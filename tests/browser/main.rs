//! Kinto Admin in a real browser, showing a collection that was declared in Rust.
//!
//! With `KINTO_SCREENSHOT=FILE` it leaves a picture of the list there, such as `tests/browser/admin.png`. It has a harness of its
//! own so that it can say that it was skipped, where there is no Chromium.

#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "that is how a test fails")]

mod driver;

use std::{env, path::PathBuf};

use driver::{Browser, Installed, Result};
use kinto_client::{Blueprint, Client, KintoRecord};
use kinto_server::{Backend, Server};
use kinto_tests::RawClient;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Something to do.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema, KintoRecord)]
#[kinto(bucket = "home", collection = "tasks", schema, sort = "due", display_fields = ["title", "due", "done"])]
struct Task {
    /// The title of the to-do.
    #[schemars(length(min = 1))]
    title: String,
    /// Until when: year, month, day.
    due: String,
    #[serde(default)]
    done: bool,
}

impl Task {
    fn new(title: &str, due: &str, done: bool) -> Self {
        Self { title: title.to_owned(), due: due.to_owned(), done }
    }
}

/// The cells of the list, row by row.
const ROWS: &str = "[...document.querySelectorAll('table.record-list tbody tr, table tbody tr')]
    .map(row => [...row.cells].slice(0, 3).map(cell => cell.innerText))";

const NAME: &str = "kinto_admin_shows_what_was_declared";

#[tokio::main]
async fn main() -> Result {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("{NAME}: test");
        return Ok(());
    }
    if is_left_out(&arguments) {
        println!("\ntest result: ok. 0 passed; 0 failed; 0 skipped; 1 filtered out\n");
        return Ok(());
    }
    let Some(installed) = Installed::find() else {
        let missing = "Chromium and its driver are missing; on Debian: apt-get install chromium chromium-driver";
        assert!(env::var_os("CI").is_none(), "{missing}");
        println!("\ntest {NAME} ... skipped: {missing}\n\ntest result: ok. 0 passed; 0 failed; 1 skipped\n");
        return Ok(());
    };
    kinto_admin_shows_what_was_declared(&installed).await?;
    println!("\ntest {NAME} ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 skipped\n");
    Ok(())
}

/// Returns true if the arguments, which are those of `cargo test`'s own harness, do not choose the test.
fn is_left_out(arguments: &[String]) -> bool {
    let mut chosen = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--skip" if arguments.next().is_some_and(|part| NAME.contains(part.as_str())) => return true,
            "--test-threads" | "--color" | "--format" | "--logfile" | "-Z" => drop(arguments.next()),
            option if option.starts_with('-') => {}
            part => chosen = Some(chosen.unwrap_or(false) || NAME.contains(part)),
        }
    }
    chosen == Some(false)
}

async fn kinto_admin_shows_what_was_declared(installed: &Installed) -> Result {
    let server = Server::builder().backend(Backend::Memory).admin().start()?;
    let (user, password) = ("alexis", "p4ssw0rd");
    RawClient::new(server.url(), "admin", "admin").put_data("/accounts/alexis", &json!({"password": password})).await;
    let client = Client::builder(server.url()).auth((user, password)).build()?;
    client.plan(&Blueprint::new().collection::<Task>()).await?.apply().await?;
    let tasks = client.typed::<Task>();
    for task in [
        Task::new("Pay the rent", "2026-12-01", false),
        Task::new("Call the bank", "2026-11-27", true),
        Task::new("Book the holidays", "2027-02-15", false),
    ] {
        tasks.create_record(task).await?;
    }

    let browser = Browser::open(installed, [1280, 800]).await?;
    browser.go(&format!("{}/admin/", server.url())).await?;
    browser.click("//label[contains(., 'Kinto Account')]").await?;
    browser.write("//input[@id='root_credentials_username']", user).await?;
    browser.write("//input[@id='root_credentials_password']", password).await?;
    browser.click("//button[@type='submit'][contains(., 'Kinto Account')]").await?;
    browser.see("//*[contains(., 'Connected as') and contains(., 'account:alexis')]").await?;

    let address = format!("{}/admin/#/buckets/home/collections/tasks/records", server.url());
    browser.go(&address).await?;
    browser.see("//td[.='Call the bank']").await?;
    let columns =
        browser.ask("[...document.querySelectorAll('th')].slice(0, 3).map(th => th.innerText.trim())").await?;
    assert_eq!(columns, json!(["Title", "Due", "Done"]));
    let (first, second) = (["Call the bank", "2026-11-27", "true"], ["Pay the rent", "2026-12-01", "false"]);
    let last = ["Book the holidays", "2027-02-15", "false"];
    assert_eq!(browser.ask(ROWS).await?, json!([first, second, last]), "sorted by `due`");

    browser.click("//a[contains(., 'Create record')]").await?;
    browser.see("//form[contains(@class, 'rjsf')]//*[.='Something to do.']").await?;
    let fields = browser.ask("[...document.querySelectorAll('form.rjsf input')].map(input => input.name)").await?;
    assert_eq!(fields, json!(["root_title", "root_due", "root_done"]), "in the order of the struct");
    browser.write("//input[@id='root_title']", "Water the plants").await?;
    browser.write("//input[@id='root_due']", "2026-11-30").await?;
    browser.click("//input[@id='root_done']").await?;
    browser.click("//button[contains(., 'Create record')]").await?;
    browser.see("//td[.='Water the plants']").await?;
    let new = ["Water the plants", "2026-11-30", "true"];
    assert_eq!(browser.ask(ROWS).await?, json!([first, new, second, last]));
    if let Some(file) = env::var_os("KINTO_SCREENSHOT") {
        // Without the message that it was created.
        browser.go("about:blank").await?;
        browser.go(&address).await?;
        browser.see("//td[.='Water the plants']").await?;
        // Tests run in the directory of their package.
        browser.picture(&PathBuf::from("..").join(file)).await?;
    }

    let found = tasks.get_records().filter(Task::fields().title.eq("Water the plants")).await?;
    let [record] = &found[..] else { panic!("{found:?}") };
    assert_eq!(record.data, Task::new("Water the plants", "2026-11-30", true));
    let held: Value = serde_json::from_str(record.raw_json())?;
    assert!(held["schema"].is_u64(), "the server has checked it: {held}");
    Ok(())
}
