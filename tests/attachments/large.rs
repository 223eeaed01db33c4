//! A large file, sent and read over connections that are cut in the middle, by a process whose memory is measured.

use std::{env, fs, io::Write as _, path::Path, process::Stdio};

use kinto_client::{Client, attachment::AttachmentSource};
use kinto_tests::{CuttingProxy, Outcome};
use tokio::process::Command;

use super::Scene;

/// The most memory of the process, in KiB.
const MOST: u64 = 48 * 1024;

/// Writes a file of so many bytes that do not repeat.
fn write(path: &Path, size: u64) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(fs::File::create(path)?);
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..size / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes())?;
    }
    file.flush()
}

async fn sent_and_read(size: u64) -> Outcome {
    let scene = Scene::new().await;
    let folder = env::temp_dir().join(kinto_server::unique("large"));
    fs::create_dir(&folder)?;
    write(&folder.join("sent.txt"), size)?;
    let proxy = CuttingProxy::start(scene.url(), &[size / 2], &[size / 2]).await;
    let mut child = Command::new(env::current_exe()?);
    child
        .args(["--exact", "large::child", "--ignored", "--nocapture"])
        .env("KINTO_TEST_CHILD_URL", proxy.url())
        .env("KINTO_TEST_CHILD_USER", &scene.user)
        .env("KINTO_TEST_CHILD_BUCKET", scene.bucket.id())
        .env("KINTO_TEST_CHILD_FOLDER", &folder)
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let output = child.output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let peak =
        text.lines().find_map(|line| line.strip_prefix("peak memory: ")?.strip_suffix(" KiB")?.parse::<u64>().ok());
    let peak = peak.expect("the child measures itself");
    println!("{peak} KiB for {size} bytes");
    assert!(peak < MOST, "{peak} KiB for {size} bytes");
    assert_eq!(proxy.left(), (0, 0), "both cuts were made");
    assert!(fs::read(folder.join("sent.txt"))? == fs::read(folder.join("read.txt"))?, "the same bytes come back");
    let held = scene.held_attachment("large").await;
    assert_eq!(held["size"], size);
    fs::remove_dir_all(folder)?;
    scene.plain.delete(&scene.record("large")).await;
    Ok(())
}

#[tokio::test]
async fn file_of_20_mb_through_cuts_takes_less_than_48_mib() -> Outcome {
    sent_and_read(20_000_000).await
}

#[tokio::test]
async fn file_of_200_mb_through_cuts_takes_less_than_48_mib() -> Outcome {
    sent_and_read(200_000_000).await
}

/// The process that is measured.
#[tokio::test]
#[ignore = "it is a part of other tests"]
async fn child() -> Outcome {
    let variable = |name: &str| env::var(format!("KINTO_TEST_CHILD_{name}"));
    let client = Client::builder(variable("URL")?).auth((variable("USER")?, "p4ssw0rd")).build()?;
    let todos = client.bucket(variable("BUCKET")?).collection("todos");
    let folder = variable("FOLDER")?;
    let folder = Path::new(&folder);
    todos.upload_attachment("large", AttachmentSource::file(folder.join("sent.txt"))).await?;
    todos.download_attachment("large").to_file(folder.join("read.txt")).await?;
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    println!("\npeak memory: {} KiB", peak.trim().trim_end_matches(" kB"));
    Ok(())
}
