//! Reads the server's state of all objects that a blueprint declares, and of the others in the same buckets.

use futures_util::future::try_join_all;
use http::Method;

use super::{
    desired::Wanted,
    observed::{Extra, Present, Records, Seen, Survey},
    target::{Piece, Target},
};
use crate::json::JsonObject;
use crate::{
    client::Client,
    error::{Error, Result, kind::ErrorKind},
    operation::{CallContext, create::operation, list::GetAll, sealed},
    wire::{
        object::kind::{self, Kind},
        path::List,
        request::{Precondition, Request, Write},
        response::Response,
        timestamp::Timestamp,
    },
};

/// Reads all objects concurrently, up to the client's limit of requests. Reading creates nothing, since the `default`
/// bucket is read under its real id. `extras` adds the objects that the blueprint does not have, and `probes` adds
/// requests that tell whether an invisible bucket is hidden or missing.
pub(crate) async fn survey(client: &Client, wanted: &[Wanted], extras: bool, probes: bool) -> Result<Survey> {
    let looks = wanted.iter().map(|wanted| look(client, &wanted.target));
    let mut survey = Survey::default();
    for (wanted, present) in wanted.iter().zip(try_join_all(looks).await?) {
        survey.seen.insert(wanted.target.path.clone(), present.map_or(Seen::Absent, Seen::Present));
    }
    for bucket in wanted.iter().map(|wanted| &wanted.target).filter(|target| target.piece == Piece::Bucket) {
        match survey.at(bucket) {
            Seen::Present(_) if extras && !bucket.is_default() => {
                others::<kind::Group>(client, wanted, bucket, &mut survey).await?;
                others::<kind::Collection>(client, wanted, bucket, &mut survey).await?;
            }
            Seen::Absent if wanted.iter().any(|other| is_seen_in(&survey, &other.target, bucket)) => {
                survey.seen.insert(bucket.path.clone(), Seen::Hidden);
            }
            Seen::Absent if probes && !bucket.is_default() && !may_be_created(client, bucket).await? => {
                let inside = wanted.iter().map(|wanted| &wanted.target).filter(|target| target.bucket == bucket.bucket);
                survey.seen.extend(inside.map(|target| (target.path.clone(), Seen::Hidden)));
            }
            _ => {}
        }
    }
    Ok(survey)
}

fn is_seen_in(survey: &Survey, target: &Target, bucket: &Target) -> bool {
    target.bucket == bucket.bucket && matches!(survey.at(target), Seen::Present(_))
}

/// Reads an object, or returns `None` if it does not exist or is not visible.
pub(crate) async fn look(client: &Client, target: &Target) -> Result<Option<Present>> {
    sealed::Action::run(Look { target }, client.clone()).await
}

/// Reads the number of records of a collection, and the time of their last change.
pub(crate) async fn count(client: &Client, target: &Target) -> Result<Records> {
    sealed::Action::run(CountRecords { target }, client.clone()).await
}

struct Look<'a> {
    target: &'a Target,
}

impl sealed::Operation for Look<'_> {
    const NAME: &'static str = "Look";

    type Output = Option<Present>;

    fn context(&self) -> CallContext {
        CallContext::new(on("get", self.target.piece), self.target.path.as_str())
    }

    fn request(&self) -> Result<Option<Request>> {
        Ok(Some(Request::get(self.target.path.clone())))
    }

    fn response(self, response: Response) -> Result<Option<Present>> {
        match response.success() {
            Ok(answer) => {
                Present::from_answer(&answer.body).map(Some).map_err(|error| Error::not_kinto(&error, &answer.body))
            }
            // The server responds with 403 to a missing object in a bucket that is not readable.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Forbidden) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Returns true if a bucket that cannot be seen is not there, and can be created. A bucket that is hidden looks the
/// same until it is to be written.
async fn may_be_created(client: &Client, bucket: &Target) -> Result<bool> {
    sealed::Action::run(Probe { target: bucket }, client.clone()).await
}

/// A request with a precondition that no object meets: it changes nothing, and its status tells hidden from missing.
struct Probe<'a> {
    target: &'a Target,
}

impl sealed::Operation for Probe<'_> {
    const NAME: &'static str = "Probe";

    type Output = bool;

    fn context(&self) -> CallContext {
        CallContext::new(on("get", self.target.piece), self.target.path.as_str())
    }

    fn request(&self) -> Result<Option<Request>> {
        let never = Precondition::Unchanged(Timestamp::from_millis(1));
        let nothing = Write { data: Some(JsonObject::new()), permissions: None::<()> };
        Request::new(Method::PUT, self.target.path.clone()).provided(never).repeatable().json(&nothing).map(Some)
    }

    fn response(self, response: Response) -> Result<bool> {
        match response.success() {
            Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Unauthorized) => Ok(false),
            Err(error) if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Refused) => Err(error),
            _ => Ok(true),
        }
    }
}

/// Returns the name of an operation on a kind that is known at run time only, such as `create collection`.
pub(crate) fn on(verb: &'static str, piece: Piece) -> &'static str {
    match piece {
        Piece::Bucket => operation::<kind::Bucket>(verb),
        Piece::Group => operation::<kind::Group>(verb),
        Piece::Collection => operation::<kind::Collection>(verb),
    }
}

/// Finds the groups or the collections of a bucket that the blueprint does not have.
async fn others<K: Inner>(client: &Client, wanted: &[Wanted], bucket: &Target, survey: &mut Survey) -> Result<()> {
    let list = K::list(&bucket.bucket);
    let all = match sealed::Action::run(GetAll::<K, JsonObject>::new(list), client.clone()).await {
        Ok(all) => all,
        Err(error) if error.is_forbidden() => {
            survey.notes.push(format!(
                "the {} of {bucket} are not visible to you: there may be ones that the blueprint does not declare",
                K::PLURAL
            ));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for object in all {
        let target = Target::within(K::PIECE, &bucket.name, &bucket.bucket, &object.id);
        if wanted.iter().any(|wanted| wanted.target.path == target.path) {
            continue;
        }
        let records = match K::PIECE {
            Piece::Collection => Some(count(client, &target).await?),
            _ => None,
        };
        survey.extras.push(Extra { target, last_modified: object.last_modified, records });
    }
    Ok(())
}

/// The kinds of objects inside a bucket.
trait Inner: Kind {
    const PIECE: Piece;

    fn list(bucket: &str) -> List<Self>;
}

impl Inner for kind::Group {
    const PIECE: Piece = Piece::Group;

    fn list(bucket: &str) -> List<Self> {
        List::buckets().at(bucket).groups()
    }
}

impl Inner for kind::Collection {
    const PIECE: Piece = Piece::Collection;

    fn list(bucket: &str) -> List<Self> {
        List::buckets().at(bucket).collections()
    }
}

struct CountRecords<'a> {
    target: &'a Target,
}

impl sealed::Operation for CountRecords<'_> {
    const NAME: &'static str = "CountRecords";

    type Output = Records;

    fn context(&self) -> CallContext {
        CallContext::new("count", format!("{}/records", self.target.path))
    }

    fn request(&self) -> Result<Option<Request>> {
        Ok(Some(Request::new(Method::HEAD, format!("{}/records", self.target.path))))
    }

    fn response(self, response: Response) -> Result<Records> {
        let response = response.success()?;
        Ok(Records { count: response.total()?, last_modified: response.etag()? })
    }
}
