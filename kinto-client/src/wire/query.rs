use std::borrow::Cow;

use url::form_urlencoded;

/// The parameters of a list request, encoded: `a=1&b=%222%22`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(String);

impl Query {
    /// Creates a query from one that the server made, without encoding it again.
    pub(crate) fn verbatim(query: impl Into<String>) -> Self {
        Self(query.into())
    }

    /// Adds a parameter, with its name and value encoded.
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        let mut encoded = form_urlencoded::Serializer::new(std::mem::take(&mut self.0));
        encoded.append_pair(name, value);
        self.0 = encoded.finish();
    }

    /// The parameters, decoded, in their order.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(self.0.as_bytes())
    }

    /// The values of the parameter of that name.
    pub(crate) fn values(&self, name: &str) -> impl Iterator<Item = Cow<'_, str>> {
        self.parameters().filter(move |(known, _)| known == name).map(|(_, value)| value)
    }

    /// Puts a parameter in the place of those of its name.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let kept = self.0.split('&').filter(|pair| pair.split_once('=').map_or(*pair, |(known, _)| known) != name);
        self.0 = kept.collect::<Vec<_>>().join("&");
        self.push(name, value);
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_encodes_special_characters() {
        let mut query = Query::default();
        query.push("eq_a", "\"x;y&z=1 +é\"");
        query.push("_limit", "5");
        assert_eq!(query.as_str(), "eq_a=%22x%3By%26z%3D1+%2B%C3%A9%22&_limit=5");
        query.set("_limit", "7");
        assert_eq!(query.as_str(), "eq_a=%22x%3By%26z%3D1+%2B%C3%A9%22&_limit=7");
        assert_eq!(query.values("eq_a").collect::<Vec<_>>(), ["\"x;y&z=1 +é\""]);
    }
}
