//! What the server has, of all that a blueprint declares and in the same buckets.

use futures_util::future::try_join_all;
use http::Method;

use crate::{
    JsonObject,
    call::{Subject, create::operation, list::GetAll, sealed},
    client::Client,
    error::{Error, ErrorKind, Result},
    wire::{
        blueprint::Wanted,
        kind::{self, Kind},
        path::List,
        plan::{Extra, Piece, Present, Records, Seen, Spot, Survey},
        request::{Precondition, Request, Write},
        response::Response,
        timestamp::Timestamp,
    },
};

/// Looks at everything at once, as far as the client's limit of requests goes. Nothing is created by looking, since
/// the `default` bucket is looked at by its own id. `extras` has it look for what the blueprint does not have, and `probes`
/// find out whether a bucket that is not seen is hidden.
pub(super) async fn survey(client: &Client, wanted: &[Wanted], extras: bool, probes: bool) -> Result<Survey> {
    let looks = wanted.iter().map(|wanted| look(client, &wanted.spot));
    let mut survey = Survey::default();
    for (wanted, present) in wanted.iter().zip(try_join_all(looks).await?) {
        survey.seen.insert(wanted.spot.path.clone(), present.map_or(Seen::Absent, Seen::Present));
    }
    for bucket in wanted.iter().map(|wanted| &wanted.spot).filter(|spot| spot.piece == Piece::Bucket) {
        match survey.at(bucket) {
            Seen::Present(_) if extras && !bucket.is_default() => {
                others::<kind::Group>(client, wanted, bucket, &mut survey).await?;
                others::<kind::Collection>(client, wanted, bucket, &mut survey).await?;
            }
            Seen::Absent if wanted.iter().any(|other| is_seen_in(&survey, &other.spot, bucket)) => {
                survey.seen.insert(bucket.path.clone(), Seen::Hidden);
            }
            Seen::Absent if probes && !bucket.is_default() && !may_be_created(client, bucket).await? => {
                let inside = wanted.iter().map(|wanted| &wanted.spot).filter(|spot| spot.bucket == bucket.bucket);
                survey.seen.extend(inside.map(|spot| (spot.path.clone(), Seen::Hidden)));
            }
            _ => {}
        }
    }
    Ok(survey)
}

fn is_seen_in(survey: &Survey, spot: &Spot, bucket: &Spot) -> bool {
    spot.bucket == bucket.bucket && matches!(survey.at(spot), Seen::Present(_))
}

/// An object as it is now, if there is one that can be seen.
pub(super) async fn look(client: &Client, spot: &Spot) -> Result<Option<Present>> {
    sealed::Run::run(Look { spot }, client.clone()).await
}

/// The records of a collection as they are now.
pub(super) async fn count(client: &Client, spot: &Spot) -> Result<Records> {
    sealed::Run::run(CountRecords { spot }, client.clone()).await
}

struct Look<'a> {
    spot: &'a Spot,
}

impl sealed::Operation for Look<'_> {
    type Output = Option<Present>;

    fn subject(&self) -> Subject {
        Subject::new(on("get", self.spot.piece), self.spot.path.as_str())
    }

    fn request(&self) -> Result<Option<Request>> {
        Ok(Some(Request::get(self.spot.path.clone())))
    }

    fn response(self, response: Response) -> Result<Option<Present>> {
        match response.success() {
            Ok(answer) => {
                Present::from_answer(&answer.body).map(Some).map_err(|error| Error::not_kinto(&error, &answer.body))
            }
            // What is missing in a bucket that cannot be read looks like that.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Forbidden) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether a bucket that cannot be seen is not there, and can be created. A bucket that is hidden looks the same until it is
/// to be written.
async fn may_be_created(client: &Client, bucket: &Spot) -> Result<bool> {
    sealed::Run::run(Probe { spot: bucket }, client.clone()).await
}

/// A request to change an object if it is of a time of which none is. It changes nothing, whatever the answer.
struct Probe<'a> {
    spot: &'a Spot,
}

impl sealed::Operation for Probe<'_> {
    type Output = bool;

    fn subject(&self) -> Subject {
        Subject::new(on("get", self.spot.piece), self.spot.path.as_str())
    }

    fn request(&self) -> Result<Option<Request>> {
        let never = Precondition::Unchanged(Timestamp::from_millis(1));
        let nothing = Write { data: Some(JsonObject::new()), permissions: None::<()> };
        Request::new(Method::PUT, self.spot.path.clone()).provided(never).repeatable().json(&nothing).map(Some)
    }

    fn response(self, response: Response) -> Result<bool> {
        match response.success() {
            Err(error) if matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::Unauthorized) => Ok(false),
            Err(error) if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Refused) => Err(error),
            _ => Ok(true),
        }
    }
}

/// `create collection`, for a kind that is known only when the program runs.
pub(super) fn on(verb: &'static str, piece: Piece) -> &'static str {
    match piece {
        Piece::Bucket => operation::<kind::Bucket>(verb),
        Piece::Group => operation::<kind::Group>(verb),
        Piece::Collection => operation::<kind::Collection>(verb),
    }
}

/// Finds the groups, or the collections, of a bucket that the blueprint does not have.
async fn others<K: Inner>(client: &Client, wanted: &[Wanted], bucket: &Spot, survey: &mut Survey) -> Result<()> {
    let list = K::list(&bucket.bucket);
    let all = match sealed::Run::run(GetAll::<K, JsonObject>::new(list), client.clone()).await {
        Ok(all) => all,
        Err(error) if error.is_forbidden() => {
            survey.notes.push(format!("the {} of {bucket} are hidden from you: there may be extra ones", K::PLURAL));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for object in all {
        let spot = Spot::within(K::PIECE, &bucket.name, &bucket.bucket, &object.id);
        if wanted.iter().any(|wanted| wanted.spot.path == spot.path) {
            continue;
        }
        let records = match K::PIECE {
            Piece::Collection => Some(count(client, &spot).await?),
            _ => None,
        };
        survey.extras.push(Extra { spot, last_modified: object.last_modified, records });
    }
    Ok(())
}

/// The kinds that lie in buckets.
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
    spot: &'a Spot,
}

impl sealed::Operation for CountRecords<'_> {
    type Output = Records;

    fn subject(&self) -> Subject {
        Subject::new("count", format!("{}/records", self.spot.path))
    }

    fn request(&self) -> Result<Option<Request>> {
        Ok(Some(Request::new(Method::HEAD, format!("{}/records", self.spot.path))))
    }

    fn response(self, response: Response) -> Result<Records> {
        let response = response.success()?;
        Ok(Records { count: response.total()?, last_modified: response.etag()? })
    }
}
