//! Errors in a blueprint, found before anything is sent, and the text of a plan.

use kinto_client::{
    Blueprint,
    blueprint::{BucketSpec, CollectionSpec},
    json,
};
use kinto_server::{Backend, Server};
use kinto_tests::{Fixture, Outcome, TestUser};

use super::{Note, Task, blueprint, two};
use crate::predicates;

#[tokio::test]
async fn plan_rejects_invalid_blueprint_before_sending() -> Outcome {
    let fixture = Fixture::new().await;
    for (wrong, said) in [
        (Blueprint::new().bucket("a b", BucketSpec::new()), "cannot be the id of a bucket"),
        (Blueprint::new().bucket("a", BucketSpec::new().nobody_may("reed")), "did you mean `read`?"),
        (Blueprint::new().collection::<Task>(), "the blueprint has no group `editors` in this bucket"),
        (Blueprint::new().collection::<Note>().collection::<Note>(), r#"the collection "notes" is declared twice"#),
    ] {
        let error = fixture.client.plan(&wrong).await.unwrap_err();
        assert_eq!(predicates(&error), ["invalid"]);
        assert!(error.to_string().contains(said), "{error}");
        let error = fixture.client.plan(&wrong).await.unwrap_err();
        assert!(error.to_string().starts_with("could not make a plan for http://"), "{error}");
    }
    assert_eq!(fixture.sent.take_lines(), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn plan_of_blueprint_from_file_equals_plan_of_built_one() -> Outcome {
    let names = two();
    let blueprint = blueprint(&names);
    let file = serde_json::to_string_pretty(&blueprint)?;
    assert!(file.contains("\"group:editors\"") && file.contains("\"displayFields\""), "{file}");
    assert_eq!(serde_json::from_str::<Blueprint>(&file)?, blueprint);
    Ok(())
}

#[tokio::test]
async fn plan_displays_steps_and_differences() -> Outcome {
    let fixture = Fixture::new().await;
    let names = two();
    let text = fixture.client.plan(&blueprint(&names)).await?.to_string();
    let text = text.replace(&names[0], "app").replace(&names[1], "site");
    let schema = r#"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"text":{"type":"string"}},"required":["text"]"#;
    let start = format!(
        "\
+ bucket app
    + owner: \"us\"
    + collection:create /buckets/app/groups/editors
    + read account:natim
+ group app/authors
    + member account:remy
    + read /buckets/app/groups/editors
    + read system.Authenticated
+ group app/editors
    + member account:alexis
    + member account:niko
    + write /buckets/app/groups/editors
+ collection app/notes
    + cache_expires: 60
    + schema: {}…
    + uiSchema: {{\"ui:order\":[\"text\",\"*\"]}}
    + record:create /buckets/app/groups/authors
+ collection app/tasks
",
        &schema[..100]
    );
    assert!(text.starts_with(&start), "{text}\n{start}");
    assert!(text.ends_with("\n+ collection site/pages\n    + read system.Everyone\n8 to create"), "{text}");
    Ok(())
}

#[tokio::test]
async fn plan_notes_server_without_schema_checks() -> Outcome {
    let setting = ("kinto.experimental_collection_schema_validation", "false");
    let server = Server::builder().backend(Backend::Memory).setting(setting.0, setting.1).shared()?;
    let me = TestUser::new(server.url(), "me").await;
    let plan = me.client.plan(&blueprint(&two())).await?;
    assert_eq!(plan.notes(), ["this server does not check schemas: it stores them, and accepts any record"]);
    assert!(plan.to_string().contains("\n! this server does not check schemas"), "{plan}");
    let bucket = BucketSpec::new().collection("c", CollectionSpec::new().attributes(json!({"sort": "x"})));
    assert_eq!(me.client.plan(&Blueprint::new().bucket(two()[0].as_str(), bucket)).await?.notes(), [""; 0]);
    Ok(())
}

#[test]
fn plan_works_with_blocking_calls() -> Outcome {
    let client = kinto_client::Client::builder(Server::shared()?.url()).auth(("alexis", "p4ssw0rd")).build()?;
    let [app, _] = two();
    let blueprint = Blueprint::new().bucket(app, BucketSpec::new());
    client.plan(&blueprint).call()?.apply().call()?;
    assert!(client.plan(&blueprint).call()?.is_empty());
    Ok(())
}
