//! Comparison of targets, in which escapes and the order of parameters do not matter.

use url::Url;

/// Stands for any one segment of a path, or any one value of a parameter.
const ANY: &str = "*";

pub(super) fn is_same(expected: &str, received: &str) -> bool {
    match (parse(expected), parse(received)) {
        (Some(expected), Some(received)) => is_same_path(&expected, &received) && is_same_query(&expected, &received),
        _ => expected == received,
    }
}

/// Reads a target as the client does, so that characters which a URL cannot have are escaped alike.
fn parse(target: &str) -> Option<Url> {
    Url::parse(&format!("https://script.test{target}")).ok()
}

fn is_same_path(expected: &Url, received: &Url) -> bool {
    let (mut expected, mut received) = (expected.path().split('/'), received.path().split('/'));
    loop {
        match (expected.next(), received.next()) {
            (None, None) => return true,
            (Some(one), Some(other)) if one == other || one == ANY => {}
            _ => return false,
        }
    }
}

fn is_same_query(expected: &Url, received: &Url) -> bool {
    let sorted = |url: &Url| {
        let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        pairs.sort();
        pairs
    };
    let (expected, received) = (sorted(expected), sorted(received));
    let is_same =
        |(one, other): (&(String, String), &(String, String))| one.0 == other.0 && (one.1 == other.1 || one.1 == ANY);
    expected.len() == received.len() && expected.iter().zip(&received).all(is_same)
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn is_same_ignores_escapes_and_order_of_parameters() {
        for (expected, received, same) in [
            ("/", "/", true),
            ("/buckets/a", "/buckets/a", true),
            ("/buckets/a", "/buckets/b", false),
            ("/buckets/a", "/buckets/a/groups", false),
            ("/buckets/*", "/buckets/a", true),
            ("/buckets/*", "/buckets/a/groups", false),
            ("/buckets/*", "/buckets", false),
            ("/buckets/é", "/buckets/%C3%A9", true),
            ("/buckets?_limit=2&_sort=-n", "/buckets?_sort=-n&_limit=2", true),
            (r#"/buckets?_since="42""#, "/buckets?_since=%2242%22", true),
            ("/buckets?_since=*", "/buckets?_since=%2242%22", true),
            ("/buckets?_since=*", "/buckets?_before=%2242%22", false),
            ("/buckets", "/buckets?_limit=2", false),
            ("/buckets?_limit=2", "/buckets?_limit=2&_limit=2", false),
        ] {
            assert_eq!(is_same(expected, received), same, "{expected} and {received}");
        }
    }
}
