//! Uploads and time: a slow line is waited for, a dead one is not.

use std::time::Duration;

use actix_web::test::TestRequest;
use actix_web::web::Bytes;
use futures::{StreamExt, stream};
use serde_json::json;

use super::support::{Heard, Stage, stage};
use crate::dialects::elizaos::ElizaosSettings;

const PATH: &str = "/api/media/agents/52b464d2-13a3-0603-8af4-cc4004c65c52/upload-media";

const HEAD: &str =
    "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n";
const END: &str = "\r\n--b--\r\n";

/// An upload whose `pieces` come one after the other, each after so long.
async fn upload(stage: &Stage, pieces: usize, each_after: Duration) -> Heard {
    let pieces = std::iter::repeat_n("piece", pieces).chain([END]);
    let pieces =
        stream::once(async { HEAD }).chain(stream::iter(pieces).then(move |piece| async move {
            tokio::time::sleep(each_after).await;
            piece
        }));
    let body = pieces.map(|piece| Ok(Bytes::from_static(piece.as_bytes())));
    let request = TestRequest::post().uri(PATH);
    let request = request.insert_header(("content-type", "multipart/form-data; boundary=b"));
    stage.pour(request, body.boxed_local()).await
}

#[actix_web::test]
async fn a_slow_upload_is_waited_for_and_one_that_stands_still_is_not() {
    let settings = ElizaosSettings { request_timeout_s: 30, ..Default::default() };
    let stage = stage(settings).await;
    tokio::time::pause();
    let slow = upload(&stage, 20, Duration::from_secs(10)).await;
    assert_eq!((slow.status, &slow.json()["data"]["size"]), (200, &json!(100)));
    for (pieces, each_after) in [(1, Duration::from_secs(16)), (200, Duration::from_secs(10))] {
        let given_up = upload(&stage, pieces, each_after).await;
        assert_eq!(given_up.status, 408, "{}", given_up.text);
        assert_eq!(given_up.json()["error"]["code"], "TIMEOUT");
    }
}

#[actix_web::test]
async fn uploads_have_places_of_their_own() {
    let settings = ElizaosSettings { uploads_in_flight_max: 1, ..Default::default() };
    let stage = stage(settings).await;
    tokio::time::pause();
    let slow = upload(&stage, 1, Duration::from_secs(10));
    let meanwhile = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let refused = upload(&stage, 1, Duration::ZERO).await;
        (refused.status, stage.get("/api/agents").await.status)
    };
    let (slow, meanwhile) = futures::join!(slow, meanwhile);
    assert_eq!((slow.status, meanwhile), (200, (503, 200)));
}

#[actix_web::test]
async fn uploads_to_channels_have_a_limit_of_their_own_told_by_the_older_names() {
    let settings = ElizaosSettings { is_loopback_rate_limited: true, ..Default::default() };
    let stage = stage(settings).await;
    let path = "/api/media/channels/cccccccc-0001-4000-8000-000000000001/upload-media";
    for left in (0..100).rev() {
        let heard = stage.send("POST", path, json!({})).await;
        assert_eq!((heard.status, heard.header("x-ratelimit-limit")), (400, "100"));
        assert_eq!(heard.header("x-ratelimit-remaining"), left.to_string());
    }
    let refused = stage.send("POST", path, json!({})).await;
    assert_eq!((refused.status, refused.header("ratelimit-policy")), (429, "1000;w=900"));
    assert_eq!(refused.json()["error"]["code"], "RATE_LIMIT_EXCEEDED");
    assert!(!refused.header("retry-after").is_empty());
    let other = path.replace("/api/media", "/api/messaging");
    assert_eq!(stage.send("POST", &other, json!({})).await.status, 400);
}
