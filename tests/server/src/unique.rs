use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// An id no other test uses, in this process or another: the prefix, then what makes it unique, all of `[a-z0-9-]`.
///
/// Kinto refuses a batch that names any path with `/batch` in it, so the prefix of an id that goes into a batch must
/// not begin with `batch`.
///
/// ```
/// let id = kinto_server::unique("Blog posts");
/// assert!(id.starts_with("blog-posts-"));
/// assert_ne!(id, kinto_server::unique("Blog posts"));
/// ```
#[must_use]
pub fn unique(prefix: &str) -> String {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut id: String =
        prefix.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    if !id.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        id.insert(0, 'x');
    }
    format!("{id}-{:016x}-{count}", *PROCESS)
}
