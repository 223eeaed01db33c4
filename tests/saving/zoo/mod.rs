//! Types as programs have them, of all the shapes that serde knows.

mod enums;
mod forms;
mod structs;

pub(crate) use {enums::*, forms::*, structs::*};

/// Makes `$call` with each type of the zoo.
macro_rules! each {
    ($call:ident) => {{
        use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
        use uuid::Uuid;
        use $crate::{generate::Part, zoo::*};
        $call! {
            Part, Vec<Part>, Option<Part>, Vec<Vec<Part>>, Vec<Option<Part>>, Box<Vec<Part>>, Vec<Plain>,
            HashSet<String>, BTreeSet<String>, BTreeSet<Part>, HashSet<Part>, Vec<HashSet<String>>, HashSet<Uuid>,
            BTreeMap<String, HashSet<i64>>, HashMap<Uuid, Part>, BTreeMap<i64, Vec<Part>>, HashMap<String, Part>,
            HashMap<Uuid, HashSet<String>>, (Part, Part), (Part, String, Vec<Part>), Vec<(String, Part)>,
            Aliased<Part>, Vec<Aliased<Part>>, Aliased<Vec<Part>>, HashMap<Uuid, Aliased<Part>>, Split<Part>,
            Vec<Split<Part>>, Newtype<Part>, Vec<Newtype<Part>>, External<Part>, Vec<External<Part>>, Internal<Part>,
            Vec<Internal<Part>>, Adjacent<Vec<Part>>, Vec<Adjacent<Part>>, Untagged<Part>, Vec<Untagged<Part>>,
            Untagged<Aliased<Part>>, Internal<Aliased<Part>>, Vec<Status>, HashMap<String, Status>, Flat<Part>,
            Flat<Aliased<Part>>, Vec<Flat<Part>>, Flat<HashSet<String>>, Person<Part>, Vec<Person<Part>>,
            Person<Aliased<Part>>, Price, Vec<Price>, HashMap<Uuid, Price>, With<Part>, Vec<With<String>>, With<Price>,
            Sparse<Part>, Vec<Sparse<Part>>, Sparse<HashSet<String>>, Sparse<Aliased<Part>>, Vec<f64>, (f64, bool, i64),
            [Part; 2], Vec<[Part; 2]>, Vec<(f64, i64)>, HashSet<BTreeSet<i64>>, Vec<Vec<HashSet<String>>>,
            Option<HashSet<String>>, BTreeMap<String, BTreeMap<i64, Part>>, Vec<BTreeMap<i64, Part>>,
            HashMap<String, Vec<Plain>>, Vec<Internal<Vec<Part>>>, HashMap<String, External<Aliased<Part>>>,
            (HashSet<String>, HashSet<String>), Vec<(i64, HashSet<i64>)>, Person<Vec<Sparse<Part>>>,
            Flat<HashMap<Uuid, Part>>, Untagged<HashMap<Uuid, HashSet<String>>>, Split<HashSet<String>>
        }
    }};
}

/// Makes `$call` with a few of them, of each kind one.
macro_rules! some {
    ($call:ident) => {{
        use std::collections::HashSet;
        use $crate::{generate::Part, zoo::*};
        $call! {
            Vec<Part>, HashSet<String>, Vec<Aliased<Part>>, Vec<External<Part>>, Flat<HashSet<String>>, Person<Part>,
            With<Price>, Sparse<Part>
        }
    }};
}

pub(crate) use {each, some};
