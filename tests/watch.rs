//! A check of all logs and errors in a process of tests for secrets.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Write},
    process,
    sync::{LazyLock, Once},
};

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};
use kinto_client::{Error, Value};
use tracing::Level;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::fixture::PASSWORD;

/// The passwords and tokens of the tests. No line of a log, no error and no `Debug` output may hold one.
const SECRETS: [&str; 5] = [PASSWORD, "s3cr3t", "tops3cret", "t0ken", "expired-"];

/// A secret as it is, and as it is within Base64, where it can begin at any of three places of a group.
static FORMS: LazyLock<Vec<(String, &str)>> = LazyLock::new(|| {
    let encoded = |secret: &'static str| {
        (0..3).map(move |before| {
            let text = BASE64_STANDARD_NO_PAD.encode([&b"   "[..before], secret.as_bytes()].concat());
            (text[(before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6].to_owned(), secret)
        })
    };
    SECRETS.iter().flat_map(|secret| encoded(secret).chain([((*secret).to_owned(), *secret)])).collect()
});

/// The secret that the text has in it, as it is or in Base64, if there is one.
#[must_use]
pub fn secret_in(text: &str) -> Option<&'static str> {
    FORMS.iter().find(|(form, _)| text.contains(form)).map(|(_, secret)| *secret)
}

/// All texts of an error.
#[must_use]
pub fn shown(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let causes: Vec<String> = causes.map(|cause| format!("{cause} {cause:?} {cause:#?}")).collect();
    let theirs = error.theirs::<Value>().map(|record| format!("{record:?} {}", record.raw_json()));
    let (details, message, failures) = (error.details(), error.server_message(), error.failures());
    format!("{error} {error:?} {error:#?} {causes:?} {theirs:?} {details:?} {message:?} {failures:?}")
}

/// Puts all that can be shown of an error into the log, so that it is looked through as well.
pub fn look_at(error: &Error) {
    watch();
    tracing::trace!("{}", shown(error));
}

/// From now on everything that this process logs, at every level and by every crate, is looked through: at the first
/// secret the process ends. `KINTO_TEST_LOG` names a file that gets it all.
pub fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_span_events(FmtSpan::NEW | FmtSpan::CLOSE)
            .with_ansi(false)
            .with_writer(|| Watch)
            .init();
    });
}

/// Gets each line whole.
struct Watch;

impl Write for Watch {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        static LOG: LazyLock<Option<File>> = LazyLock::new(|| {
            let path = env::var_os("KINTO_TEST_LOG").filter(|path| !path.is_empty())?;
            Some(OpenOptions::new().create(true).append(true).open(path).expect("the file that KINTO_TEST_LOG names"))
        });
        if let Some(secret) = secret_in(&String::from_utf8_lossy(line)) {
            // Past libtest, which keeps what the test at fault prints.
            let _ = writeln!(io::stderr(), "the secret {secret:?} is in the log: {}", String::from_utf8_lossy(line));
            process::exit(101);
        }
        if let Some(mut log) = LOG.as_ref() {
            log.write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
