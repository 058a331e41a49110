//! What cannot be, and the words that refuse it.

use super::*;

#[actix_web::test]
async fn what_cannot_be_is_refused_in_the_recorded_words() {
    let (stage, agent) = ready().await;
    let id = channel(&stage, &[&agent], "DM").await;
    let payload = "Invalid payload. Required: name, message_server_id (UUID), \
        participantCentralUserIds (array of UUIDs). Optional: type, metadata.";
    let fields = "Missing required fields: channelId, message_server_id, author_id, content";
    let submit = "Missing required fields: channel_id, message_server_id, author_id, content, \
        source_type, raw_message";
    let pigeon = "Invalid transport \"pigeon\". Must be one of: http, sse, websocket, sync, stream";
    let full = |key: &str, value: Value| {
        let mut body = json!({"channel_id": id, "message_server_id": ZERO, "author_id": agent,
            "content": "x", "source_type": "t", "raw_message": {}});
        body[key] = value;
        body
    };
    let say = |key: &str, value: Value| {
        let mut body = said("x", "websocket");
        body[key] = value;
        body
    };
    let talk = format!("channels/{id}/messages");
    let none = NOBODY;
    for (method, path, body, status, words) in [
        (
            "POST",
            "message-servers".to_owned(),
            json!({"name": "x"}),
            400,
            "Missing required fields: name, sourceType",
        ),
        ("GET", "message-servers/x/agents".to_owned(), NONE, 400, "Invalid messageServerId format"),
        (
            "GET",
            format!("message-servers/{none}/agents"),
            NONE,
            403,
            "Cannot access agents for a different server",
        ),
        (
            "POST",
            format!("message-servers/{none}/agents"),
            json!({"agentId": agent}),
            403,
            "Cannot modify agents for a different server",
        ),
        (
            "POST",
            format!("message-servers/{ZERO}/agents"),
            json!({"agentId": "x"}),
            400,
            "Invalid messageServerId or agentId format",
        ),
        (
            "POST",
            format!("message-servers/{ZERO}/agents"),
            json!({"agentId": none}),
            404,
            "Agent not found",
        ),
        (
            "DELETE",
            format!("servers/{none}/agents/{agent}"),
            NONE,
            403,
            "Cannot modify agents for a different server",
        ),
        ("GET", "agents/x/message-servers".to_owned(), NONE, 400, "Invalid agentId format"),
        ("GET", "message-servers/x/channels".to_owned(), NONE, 400, "Invalid messageServerId"),
        (
            "POST",
            format!("message-servers/{none}/sync-channels"),
            json!({"channels": []}),
            404,
            "Message server not found",
        ),
        (
            "POST",
            "channels".to_owned(),
            json!({"name": "E"}),
            400,
            "Invalid message_server_id format",
        ),
        (
            "POST",
            "channels".to_owned(),
            json!({"name": "", "message_server_id": ZERO}),
            400,
            payload,
        ),
        (
            "POST",
            "channels".to_owned(),
            json!({"name": "E", "message_server_id": ZERO, "participantCentralUserIds": ["x"]}),
            400,
            payload,
        ),
        (
            "POST",
            "channels".to_owned(),
            json!({"name": "E", "server_id": none}),
            404,
            "Message server not found",
        ),
        ("GET", "dm-channel".to_owned(), NONE, 400, "Missing targetUserId or currentUserId"),
        (
            "GET",
            format!("dm-channel?currentUserId={USER}&targetUserId={USER}"),
            NONE,
            400,
            "Cannot create DM channel with oneself",
        ),
        ("GET", "channels/x/details".to_owned(), NONE, 400, "Invalid channelId"),
        ("GET", format!("channels/{none}/details"), NONE, 404, "Channel not found"),
        ("GET", "channels/x/participants".to_owned(), NONE, 400, "Invalid channelId"),
        ("GET", "channels/x/agents".to_owned(), NONE, 400, "Invalid channelId format"),
        (
            "POST",
            format!("channels/{id}/agents"),
            json!({"agentId": "x"}),
            400,
            "Invalid channelId or agentId format",
        ),
        (
            "POST",
            format!("channels/{none}/agents"),
            json!({"agentId": agent}),
            404,
            "Channel not found",
        ),
        (
            "DELETE",
            format!("channels/{id}/agents/{none}"),
            NONE,
            404,
            "Agent is not a participant in this channel",
        ),
        ("DELETE", format!("channels/{none}/agents/{agent}"), NONE, 404, "Channel not found"),
        ("PATCH", "channels/x".to_owned(), json!({}), 400, "Invalid channelId"),
        ("PATCH", format!("channels/{none}"), json!({"name": "x"}), 404, "Channel not found"),
        ("DELETE", "channels/x".to_owned(), NONE, 400, "Invalid channelId"),
        ("DELETE", "channels/x/messages".to_owned(), NONE, 400, "Invalid channelId"),
        (
            "DELETE",
            format!("channels/{id}/messages/x"),
            NONE,
            400,
            "Invalid channelId or messageId",
        ),
        (
            "POST",
            "channels/x/generate-title".to_owned(),
            json!({"agentId": agent}),
            400,
            "Invalid channel ID format",
        ),
        (
            "POST",
            format!("channels/{id}/generate-title"),
            json!({}),
            400,
            "Valid agent ID is required",
        ),
        (
            "POST",
            format!("channels/{id}/generate-title"),
            json!({"agentId": none}),
            404,
            "Agent not found or not active",
        ),
        ("GET", "channels/x/messages".to_owned(), NONE, 400, "Invalid channelId"),
        ("POST", "channels/x/messages".to_owned(), said("x", "http"), 400, fields),
        ("POST", talk.clone(), say("author_id", json!("x")), 400, fields),
        ("POST", talk.clone(), say("content", json!("")), 400, fields),
        ("POST", talk.clone(), say("message_server_id", json!("x")), 400, fields),
        ("POST", talk.clone(), say("transport", json!("pigeon")), 400, pigeon),
        (
            "POST",
            talk.clone(),
            say("transport", json!(5)),
            400,
            "Invalid transport type \"number\". Transport must be a string.",
        ),
        (
            "POST",
            format!("channels/{none}/messages"),
            say("message_server_id", json!(none)),
            404,
            &format!("Server {none} does not exist"),
        ),
        (
            "POST",
            format!("channels/{none}/messages"),
            said("x", "websocket"),
            400,
            "No agent found in channel participants",
        ),
        ("POST", "submit".to_owned(), full("content", json!("")), 400, submit),
        (
            "POST",
            "submit".to_owned(),
            full("in_reply_to_message_id", json!("x")),
            400,
            "Invalid in_reply_to_message_id format",
        ),
        (
            "POST",
            "submit".to_owned(),
            full("messageId", json!("x")),
            400,
            "Invalid messageId format",
        ),
        (
            "POST",
            "submit".to_owned(),
            full("channel_id", json!(AGENTLESS)),
            404,
            "Channel not found",
        ),
        ("POST", "action".to_owned(), full("raw_message", NONE), 400, submit),
        ("PATCH", "action/x".to_owned(), json!({}), 400, "Invalid message id"),
        ("PATCH", format!("action/{none}"), json!({"content": "x"}), 404, "Message not found"),
        (
            "PATCH",
            format!("action/{none}"),
            json!({"author_id": "x"}),
            400,
            "Invalid author_id format",
        ),
        (
            "POST",
            "ingest-external".to_owned(),
            json!({"channel_id": id, "content": "x"}),
            400,
            "Invalid external message payload",
        ),
        ("GET", format!("messages/{none}"), NONE, 404, "Message not found"),
        ("PATCH", format!("messages/{none}"), json!({"content": "x"}), 404, "Message not found"),
        ("GET", "../channels/x/members".to_owned(), NONE, 400, "Invalid channel ID format"),
        ("GET", format!("../channels/{AGENTLESS}/members"), NONE, 404, "Channel not found"),
    ] {
        let path = match path.strip_prefix("../") {
            Some(path) => format!("/api/{path}"),
            None => format!("{API}/{path}"),
        };
        let (got, body) = stage.said(method, &path, body).await;
        assert_eq!((got, &body["error"]["message"]), (status, &json!(words)), "{method} {path}");
        assert_eq!(body["success"], false);
    }
    // It was said all the same.
    assert_eq!(messages(&stage, NOBODY).await.len(), 1);
}
