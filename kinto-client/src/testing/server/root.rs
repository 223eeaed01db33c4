//! Information about the server, and snapshots.

use std::{cmp::Reverse, collections::BTreeMap};

use serde_json::{Map, Value, json};

use super::{
    Server,
    access::has_entry,
    answer::{Answer, Invalid, Outcome, forbidden, missing_object, refused},
    database::{Kind, Row},
    default_bucket::default_bucket_id,
    filter::is_true,
    object::whole,
    request::{Request, is_id},
    who::Who,
};

/// The date of the end of the service, for which there is no setting here.
const END: &str = "2099-01-01";

/// The capabilities: their names, descriptions and pages of documentation.
const CAPABILITIES: [(&str, &str, &str); 6] = [
    ("accounts", "Manage user accounts.", "https://kinto.readthedocs.io/en/latest/api/1.x/accounts.html"),
    (
        "basicauth",
        "Very basic authentication sessions. Not for production use.",
        "http://kinto.readthedocs.io/en/stable/api/1.x/authentication.html",
    ),
    (
        "default_bucket",
        "The default bucket is an alias for a personal bucket where collections are created implicitly.",
        "https://kinto.readthedocs.io/en/latest/api/1.x/buckets.html#personal-bucket-default",
    ),
    ("history", "Track changes on data.", "http://kinto.readthedocs.io/en/latest/api/1.x/history.html"),
    (
        "permissions_endpoint",
        "The permissions endpoint can be used to list all user objects permissions.",
        "https://kinto.readthedocs.io/en/latest/configuration/settings.html#activating-the-permissions-endpoint",
    ),
    (
        "schema",
        "Validates collection records with JSON schemas.",
        "https://kinto.readthedocs.io/en/latest/api/1.x/collections.html#collection-json-schema",
    ),
];

impl Server {
    pub(super) fn root(&self, request: &Request, who: &Who) -> Answer {
        let settings = &self.settings;
        let mut body = json!({
            "project_name": "kinto",
            "project_version": "26.5.0",
            "http_api_version": "1.23",
            "project_docs": "https://kinto.readthedocs.io/",
            "url": format!("{}/v1/", request.origin),
            "config": null,
            "settings": {
                "batch_max_requests": settings.batch_max_requests,
                "readonly": settings.readonly,
                "explicit_permissions": settings.explicit_permissions,
            },
            "capabilities": self.capabilities(),
        });
        if let (Some(user), Some(body)) = (&who.user, body.as_object_mut()) {
            let mut about = json!({"id": user, "principals": who.principals});
            if let (true, Some(about)) = (settings.default_bucket, about.as_object_mut()) {
                about.insert("bucket".to_owned(), default_bucket_id(user).into());
            }
            body.insert("user".to_owned(), about);
        }
        if let (Some(_), Some(body)) = (&settings.end_of_service, body.as_object_mut()) {
            body.insert("eos".to_owned(), END.into());
        }
        let answer = Answer::ok(body);
        if settings.readonly { answer.kept_for(86_400, self.database.now) } else { answer }
    }

    fn capabilities(&self) -> Map<String, Value> {
        let settings = &self.settings;
        #[cfg(feature = "schema")]
        let schema = settings.schema;
        #[cfg(not(feature = "schema"))]
        let schema = false;
        let is_on = [
            settings.accounts,
            settings.basic_auth,
            settings.default_bucket,
            settings.history,
            settings.permissions_endpoint,
            schema,
        ];
        let described = |(name, description, url): (&str, &str, &str)| {
            let mut capability = json!({"description": description, "url": url});
            if let (true, Some(capability)) = (name == "accounts", capability.as_object_mut()) {
                capability.insert("validation_enabled".to_owned(), false.into());
            }
            (name.to_owned(), capability)
        };
        is_on.into_iter().zip(CAPABILITIES).filter(|(is_on, _)| *is_on).map(|(_, one)| described(one)).collect()
    }

    /// Returns the records of a collection as they were at a time, from those that did not change since and the history.
    pub(super) fn snapshot(&self, bucket: &str, collection: &str, timestamp: &str, who: &Who) -> Outcome {
        let Some(time) = timestamp.trim().parse::<i64>().ok().filter(|time| *time >= 0) else {
            let description = format!("Invalid timestamp '{timestamp}'");
            return Err(refused(vec![Invalid::new("path", "timestamp", description)]));
        };
        for (kind, id) in [(Kind::Bucket, bucket), (Kind::Collection, collection)] {
            if !is_id(kind, id) {
                return Err(missing_object(111, kind.name(), id));
            }
        }
        let bucket_uri = format!("/buckets/{bucket}");
        let uri = format!("{bucket_uri}/collections/{collection}");
        let may = |uri: &str, permission: &str| has_entry(&self.database, &who.principals, uri, permission);
        if ![&bucket_uri, &uri].iter().any(|uri| may(uri, "read") || may(uri, "write")) {
            return Err(forbidden(who.user.is_some()));
        }
        let empty = BTreeMap::default();
        let rows = self.database.list(&(uri, Kind::Record)).map_or(&empty, |list| &list.rows);
        // A record that says itself that it is deleted is taken for a tombstone.
        let says_deleted = |row: &Row| row.data.get("deleted").is_some_and(is_true);
        let unchanged = rows.iter().filter(|(_, row)| row.last_modified <= time && !row.deleted && !says_deleted(row));
        let mut records: Vec<Map<String, Value>> = unchanged.map(|(id, row)| whole(id, row)).collect();
        let history = self.database.list(&(bucket_uri, Kind::History));
        let entries =
            history.into_iter().flat_map(|list| list.by_time.values().rev().filter_map(|id| list.rows.get(id)));
        // The newest come first.
        let mut versions: BTreeMap<&str, &Row> = BTreeMap::new();
        for row in entries.filter(|row| !row.deleted) {
            let text = |name: &str| row.data.get(name).and_then(Value::as_str);
            let at = row.data.get("target").and_then(|target| target.get("data")?.get("last_modified")?.as_i64());
            let is_of_records = text("resource_name") == Some("record") && text("collection_id") == Some(collection);
            if let (true, Some(id)) = (is_of_records && at.is_some_and(|at| at <= time), text("record_id")) {
                versions.entry(id).or_insert(row);
            }
        }
        for (id, _) in rows.iter().filter(|(_, row)| row.last_modified > time) {
            let version = versions.get(id.as_str());
            let data = version.and_then(|row| row.data.get("target")?.get("data")?.as_object().cloned());
            records.extend(data);
        }
        let at = |record: &Map<String, Value>| record.get("last_modified").and_then(Value::as_i64);
        records.sort_by_key(|record| Reverse(at(record)));
        Ok(Answer::ok(json!({"data": records})))
    }
}
