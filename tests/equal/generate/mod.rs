//! Makes the sequences: what each number stands for, and nothing but that.

mod access;
mod batches;
mod model;
mod odd;
mod others;
mod patches;
mod queries;
mod values;
mod writes;

use kinto_tests::Chance;
use serde_json::Value;

use crate::step::{Step, Who};
use crate::world::World;
use model::{Kind, Model};

/// The effect of a request if all goes well.
#[derive(Clone, Debug)]
enum Effect {
    Nothing,
    /// It writes the object at its path.
    Write(Kind),
    /// It makes an object of the list at its path, with an id of the server's own.
    Make(Kind),
    /// It writes an object of the list at its path.
    Post(Kind, String),
    Delete,
    DeleteAll,
    /// It lists what is at its path.
    List,
}

/// A request before it has a number.
#[derive(Clone, Debug)]
struct Draft {
    who: Who,
    method: &'static str,
    /// Without the version and the query.
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(&'static str, String)>,
    body: Option<Value>,
    /// In place of the body, if there is one.
    raw: Option<String>,
    /// In place of `/v1`.
    prefix: &'static str,
    effect: Effect,
}

impl Draft {
    fn new(who: Who, method: &'static str, path: impl Into<String>) -> Self {
        Self {
            who,
            method,
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
            raw: None,
            prefix: "/v1",
            effect: Effect::Nothing,
        }
    }

    fn with(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    fn to(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// The path with the query.
    fn target(&self) -> String {
        let encoded = crate::step::encoded;
        let pairs: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        if pairs.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, pairs.join("&")) }
    }
}

/// A list that was asked for, whose next page may be asked for.
#[derive(Clone, Debug)]
struct Page {
    step: usize,
    who: Who,
    method: &'static str,
}

/// Makes a request.
type Make = fn(&mut Maker) -> Draft;

/// Makes one sequence.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a matter of chance of its own")]
struct Maker {
    chance: Chance,
    world: &'static World,
    model: Model,
    steps: Vec<Step>,
    pages: Vec<Page>,
    /// Others than those who made it use what there is.
    is_shared: bool,
    has_schemas: bool,
    has_accounts: bool,
    /// Timestamps are asked for.
    has_forced: bool,
}

/// The steps of the sequence with that number.
pub(crate) fn sequence(seed: u64, number: u64) -> Vec<Step> {
    let mut chance = Chance::new(seed, number);
    let world = World::of(number);
    let length = match chance.place(20) {
        0..=13 => chance.between(5, 20),
        14..=18 => chance.between(20, 50),
        _ => chance.between(60, 200),
    };
    let (is_shared, has_schemas) = (chance.one_in(2), chance.one_in(4));
    // Where everybody is an administrator of accounts there must be some.
    let accounts = if world.has_administrators() { 2 } else { 16 };
    let (has_accounts, has_forced) = (chance.one_in(accounts), chance.one_in(3));
    let (model, steps, pages) = (Model::default(), Vec::new(), Vec::new());
    let mut maker = Maker { chance, world, model, steps, pages, is_shared, has_schemas, has_accounts, has_forced };
    while maker.steps.len() < length {
        maker.step();
    }
    maker.steps
}

impl Maker {
    fn step(&mut self) {
        if !self.pages.is_empty() && self.chance.percent(8) {
            return self.follow();
        }
        if self.chance.percent(8) {
            return self.batch();
        }
        let mut draft = self.draft();
        // Where there is no bucket or collection, little that follows succeeds.
        let is_parent = matches!(draft.effect, Effect::Write(Kind::Bucket | Kind::Collection));
        if self.chance.percent(if is_parent { 8 } else { 27 }) {
            let path = draft.path.clone();
            self.spoil(&mut draft);
            if draft.path != path {
                draft.effect = Effect::Nothing;
            }
        }
        self.push(&draft);
    }

    /// A request that should succeed.
    fn draft(&mut self) -> Draft {
        let has = |kind| usize::from(self.model.objects.iter().any(|object| object.kind == kind));
        let (bucket, collection, record) = (has(Kind::Bucket), has(Kind::Collection), has(Kind::Record));
        let write: [(usize, Make); 20] = [
            (5 + 150 * (1 - bucket), Self::write_bucket),
            ((8 + 30 * (1 - collection)) * bucket, Self::write_collection),
            (6 * bucket, Self::write_group),
            (24 * collection, Self::write_record),
            (12 * bucket, Self::patch),
            (5 * bucket, Self::delete),
            (6 * bucket, Self::read),
            ((6 + 10 * record) * bucket, Self::list),
            (3 * bucket, Self::count),
            (3 * bucket, Self::delete_list),
            (1, Self::list_buckets),
            (4 * bucket, Self::history),
            (2 * collection, Self::snapshot),
            (3, Self::list_permissions),
            (2, Self::other),
            (4, Self::default_bucket),
            (if self.has_accounts { 14 } else { 0 }, Self::account),
            (2 * record, Self::read_anonymously),
            (bucket, Self::options),
            (3 * bucket, Self::share),
        ];
        let make = self.chance.weighed(&write);
        make(self)
    }

    /// Asks for the next page of a list.
    fn follow(&mut self) {
        let page = self.chance.pick(&self.pages);
        let number = self.steps.len();
        let path = format!("⟦next {}⟧", page.step);
        let who = if self.chance.one_in(20) { self.anybody() } else { page.who };
        let method = if self.chance.one_in(15) { self.chance.pick(&["GET", "DELETE", "HEAD"]) } else { page.method };
        self.steps.push(Step { number, who, method: method.to_owned(), path, headers: Vec::new(), body: None });
        self.pages.push(Page { step: number, who: page.who, method: page.method });
    }

    /// Returns a deletion that the history shows whole: without explicit permissions it has one of the objects that are
    /// deleted at once, by chance, so that they are deleted one by one there.
    fn bounded(&self, draft: &Draft) -> Draft {
        let mut draft = draft.clone();
        let name = draft.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let is_list = ["buckets", "collections", "groups", "records"].contains(&name);
        if !self.world.is_explicit && draft.method == "DELETE" && is_list {
            draft.query.retain(|(name, _)| name != "_limit");
            draft.query.push(("_limit".to_owned(), "1".to_owned()));
        }
        draft
    }

    /// Notes that a list may have ids of the server's own, whose order is another one on each server.
    fn sent(&mut self, draft: &Draft) {
        if draft.method == "POST" {
            self.model.lists.entry(draft.path.trim_end_matches('/').to_owned()).or_default().is_random = true;
        }
    }

    fn push(&mut self, draft: &Draft) {
        let draft = &self.bounded(draft);
        self.sent(draft);
        let number = self.steps.len();
        let body = draft.raw.clone().or_else(|| draft.body.as_ref().map(Value::to_string));
        let mut headers: Vec<(String, String)> =
            draft.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        if body.is_some() && !headers.iter().any(|(name, _)| name == "Content-Type") {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        let path = self.shown(draft.who, &draft.target());
        let path = format!("{}{path}", draft.prefix);
        if matches!(draft.effect, Effect::List | Effect::DeleteAll) && draft.method != "HEAD" {
            self.pages.push(Page { step: number, who: draft.who, method: draft.method });
        }
        self.steps.push(Step { number, who: draft.who, method: draft.method.to_owned(), path, headers, body });
        self.happened(draft, &format!("{number}.0"));
    }

    /// Takes what a request does as done.
    fn happened(&mut self, draft: &Draft, seen: &str) {
        // Others most likely may not.
        let is_own = self.model.owner(&draft.path).is_none_or(|owner| owner == draft.who);
        if draft.effect.is_write() && !is_own && !(self.is_shared && self.chance.one_in(3)) {
            return;
        }
        match &draft.effect {
            Effect::Nothing => {}
            Effect::Write(kind) => self.model.wrote(*kind, &draft.path, draft.who, seen),
            Effect::Make(kind) => {
                self.model.wrote(*kind, &format!("{}/⟦id {seen}⟧", draft.path), draft.who, seen);
            }
            Effect::Post(kind, id) => self.model.wrote(*kind, &format!("{}/{id}", draft.path), draft.who, seen),
            Effect::Delete => self.model.removed(&draft.path, seen),
            Effect::DeleteAll => self.model.emptied(&draft.path, seen),
            Effect::List => self.model.lists.entry(draft.path.clone()).or_default().seen = Some(seen.to_owned()),
        }
    }
}
