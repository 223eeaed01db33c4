//! The signer, which copies reviewed collections to others and signs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, home};

const INCLUDES: &str = "kinto.plugins.accounts kinto.plugins.default_bucket kinto.plugins.history kinto.plugins.flush \
                        kinto_changes kinto_signer";

/// Writes a new private key to the standard output.
const MAKE_KEY: &str =
    "from ecdsa import NIST384p, SigningKey; print(SigningKey.generate(curve=NIST384p).to_pem().decode())";

/// The file of the private key that all signers of these tests sign with.
pub(crate) fn key(home: &Path, python: &Path) -> Result<PathBuf, Error> {
    let path = home.join("signer.pem");
    let _lock = home::lock(&home.join("signer.lock"), "making a key")?;
    if !path.is_file() {
        let made = Command::new(python).args(["-I", "-c", MAKE_KEY]).output();
        let made = made.map_err(|error| Error::io("cannot make a key", &error))?;
        let pem = String::from_utf8_lossy(&made.stdout);
        if !pem.contains("PRIVATE KEY") {
            return Err(Error::new(format!("no key was made: {}", String::from_utf8_lossy(&made.stderr))));
        }
        home::write(&path, &pem)?;
    }
    fs::canonicalize(&path).map_err(|error| Error::io(path.display(), &error))
}

/// The settings for these resources. Several lines of one value begin with spaces, after the first.
pub(crate) fn settings(resources: &[String], key: &Path) -> [(String, String); 5] {
    let published: Vec<_> =
        resources.iter().filter_map(|resource| resource.rsplit("->").next()).map(str::trim).collect();
    [
        ("kinto.includes", INCLUDES.to_owned()),
        ("kinto.changes.resources", published.join(" ")),
        ("kinto.signer.resources", resources.join("\n    ")),
        ("kinto.signer.signer_backend", "kinto_signer.signer.local_ecdsa".to_owned()),
        ("kinto.signer.ecdsa.private_key", key.to_string_lossy().into_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}
