//! Stopping is silent: when it is answered, the call of the model is gone, and none follows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::Site;
use crate::support::database::Database;
use crate::support::model::ModelServer;
use crate::support::server::Server;
use crate::support::until;

/// How long a stop may take: a guard, not a measure.
const ANSWER: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_hangs_up_on_the_model_and_is_answered_after() {
    let model = ModelServer::start().await;
    let site = Arc::new(Site::new().with("GREENROOM_MODEL__DEFAULT", &model.name()));
    let server = Server::start(&site).await;
    let client = server.client();
    let agent = client.create(&json!({"name": "Ada", "bio": "Waits."})).await;
    let bystander = client.create(&json!({"name": "Bob", "bio": "Goes on."})).await;
    for agent in [&agent, &bystander] {
        client.post(format!("/api/agents/{agent}/start"), &json!({})).await.unwrap().expect(200);
    }
    let asked = tokio::spawn({
        let (client, path) = (client.clone(), format!("/agents/{agent}/message"));
        async move { client.post(path, &json!({"text": "!hang"})).await }
    });
    model.hangs(1).await;

    let begun = Instant::now();
    let stopped = client.post(format!("/api/agents/{agent}/stop"), &json!({})).await.unwrap();
    let answered = Instant::now();
    stopped.expect(200);
    assert!(answered - begun < ANSWER, "{:?}", answered - begun);
    assert!(model.hung_up().await < answered, "the call outlived the answer");
    model.hangs(0).await;
    let (calls, heard) = (model.calls(), model.heard());

    // Whoever waited for the reply is told that there will be none.
    let told = asked.await.unwrap().unwrap();
    assert!(told.status >= 400 || told.text().contains("\"agentResponses\":[]"), "{}", told.text());

    let runs = client.get(format!("/api/agents/{bystander}/runs")).await.unwrap().expect(200);
    assert_eq!(runs["data"]["total"], 0);
    let database = Database::open(&site.data());
    let run = until("the run is closed", async || {
        let runs = database.rows("SELECT status, ended_at IS NOT NULL FROM runs", |row| {
            (row.get::<_, String>(0).unwrap(), row.get::<_, bool>(1).unwrap())
        });
        assert_eq!(runs.len(), 1);
        runs.into_iter().next().filter(|(_, has_ended)| *has_ended)
    })
    .await;
    assert_eq!(run.0, "cancelled");

    // Nothing brings it back: not a message, nor time, nor what another agent does meanwhile.
    let late = json!({"text": "still there?"});
    let refused = client.post(format!("/agents/{agent}/message"), &late).await.unwrap();
    assert!(refused.status >= 400, "{}", refused.text());
    assert_eq!((model.calls(), model.heard()), (calls, heard), "a byte left after the answer");
    let path = format!("/agents/{bystander}/message");
    let reply = client.post(path, &json!({"text": "and you?"})).await.unwrap().expect(200);
    assert_eq!(reply["data"]["agentResponses"][0]["text"], "Stub reply to: and you?");
    assert_eq!(model.calls(), calls + 1);
}
