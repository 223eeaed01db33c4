use super::Field;
use super::path::Path;

impl<R, V> Field<R, V> {
    /// The names that the field may have in the JSON, and before it those of the structs that it is in.
    pub(crate) fn names(&self) -> Vec<Vec<&'static str>> {
        self.path.all_names()
    }
}

impl Path {
    /// The names of each step; first the one under which it is written, unless it is never read under that.
    fn all_names(&self) -> Vec<Vec<&'static str>> {
        let mut steps = self.parent.map(Self::all_names).unwrap_or_default();
        let mut names = self.names().to_vec();
        if names.is_empty() {
            names.push(self.name);
        }
        names.sort_by_key(|name| *name != self.name);
        steps.push(names);
        steps
    }
}
