//! Kinto Admin, the pages that show in a browser what a server holds.

use std::path::{Path, PathBuf};

use crate::install::{self, Work};
use crate::{Error, home, progress, venv};

const REQUIREMENTS: &str = include_str!("../requirements-admin.txt");
/// Kinto's own package has been without it for some time, and one from before still has it.
const BUILD: &str = "kinto/plugins/admin/build";

/// The directory of the pages, for the setting `admin_assets_path`.
pub(crate) fn assets(home: &Path, python: &Path) -> Result<PathBuf, Error> {
    let name = format!("admin-{}", home::key([REQUIREMENTS]));
    let assets = home.join(&name).join(BUILD);
    let usable = || assets.join("index.html").is_file();
    install::once(home, &name, usable, |work| build(work, python))?;
    Ok(assets)
}

fn build(work: &Work, python: &Path) -> Result<(), Error> {
    progress::note("installing Kinto Admin …");
    venv::pip_into(work, python, REQUIREMENTS)
}
