//! Agents that speak and listen, through a provider and by programs of this machine.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::form;
use crate::support::http::{Client, Request, Response};
use crate::support::model::ModelServer;
use crate::support::needs::wanted;
use crate::support::server::Server;
use crate::support::{Site, until};

const NOBODY: &str = "99999999-9999-4999-8999-999999999999";

/// Words that a small recogniser knows.
const SENTENCES: [&str; 5] = [
    "The quick brown fox jumps over the lazy dog.",
    "Please open the window and close the door.",
    "We will meet again tomorrow morning at the station.",
    "My brother bought a new house near the river.",
    "The weather is very nice today.",
];

/// A host, and an agent that runs on it.
struct Stage {
    site: Arc<Site>,
    _server: Server,
    client: Client,
    agent: String,
}

impl Stage {
    async fn at(site: Site, settings: Value) -> Self {
        let site = Arc::new(site);
        let server = Server::start(&site).await;
        let client = server.client();
        let character = json!({"name": "Ada", "bio": "x", "settings": settings});
        let agent = client.create(&character).await;
        let start = Request::new("POST", format!("/api/agents/{agent}/start"));
        client.send(&start).await.unwrap().expect(200);
        Self { site, _server: server, client, agent }
    }

    /// With a provider for both directions.
    async fn with_provider(model: &ModelServer, settings: Value) -> Self {
        let name = model.name();
        let config = format!(
            "[model]\ndefault = \"{name}\"\n\
             [speech]\nsynthesizer = \"{name}\"\nrecognizer = \"{name}\"\napi_key_env = \"A_KEY\""
        );
        Self::at(Site::configured(&config).with("A_KEY", "sk-a-secret"), settings).await
    }

    fn path(&self, path: &str) -> String {
        path.replace("AGENT", &self.agent)
    }

    async fn post(&self, path: &str, body: Value) -> Response {
        self.client.post(self.path(path), &body).await.unwrap()
    }

    async fn send(&self, path: &str, parts: &[Vec<u8>]) -> Response {
        self.client.send(&form::request(&self.path(path), parts)).await.unwrap()
    }

    /// Entries of the agent's log, newest first.
    async fn log(&self, kind: &str) -> Vec<Value> {
        let page = self.client.get(self.path("/api/agents/AGENT/logs")).await.unwrap();
        let entries = page.expect(200)["data"].as_array().unwrap().clone();
        entries.into_iter().filter(|entry| entry["type"] == kind).collect()
    }
}

/// A file as browsers name what they recorded.
fn file(field: &str, media_type: &str, content: &[u8]) -> Vec<u8> {
    form::file(field, "blob", media_type, content)
}

fn sample(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/sound");
    std::fs::read(folder.join(name)).unwrap()
}

fn sound(data: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(data["audio"].as_str().unwrap()).unwrap()
}

fn is_wav(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF")
}

fn is_mp3(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff])
}

#[tokio::test]
async fn words_are_said_by_a_provider_in_every_form_that_clients_ask_for() {
    let model = ModelServer::start().await;
    let settings = json!({"voice": {"model": "en_US-male-medium", "voice": "nova", "speed": 1.5}});
    let stage = Stage::with_provider(&model, settings).await;

    for (path, body, media_type) in [
        ("/api/audio/AGENT/speech/generate", json!({"text": "hello"}), "audio/mpeg"),
        ("/api/audio/AGENT/audio-messages/synthesize", json!({"text": "hello"}), "audio/mpeg"),
        (
            "/api/audio/AGENT/speech/generate",
            json!({"text": "hello", "format": "wav"}),
            "audio/wav",
        ),
        // What is not made here is answered as MP3.
        (
            "/api/audio/AGENT/speech/generate",
            json!({"text": "hello", "format": "opus"}),
            "audio/mpeg",
        ),
    ] {
        let spoken = stage.post(path, body).await;
        assert_eq!((spoken.status, spoken.header("content-type")), (200, Some(media_type)));
        let is_it = if media_type == "audio/wav" { is_wav } else { is_mp3 };
        assert!(is_it(&spoken.body));
    }
    let asked = model.sound();
    assert!(asked.contains("POST /v1/audio/speech "), "{asked}");
    assert!(asked.contains("authorization: Bearer sk-a-secret"), "{asked}");
    for field in
        ["\"model\":\"stub\"", "\"input\":\"hello\"", "\"voice\":\"nova\"", "\"speed\":1.5"]
    {
        assert!(asked.contains(field), "{asked}");
    }
    let own = json!({"text": "hello", "voice": "echo", "speed": 1, "pitch": 1, "language": "en"});
    stage.post("/api/audio/AGENT/speech/generate", own).await.expect(200);
    let asked = model.sound();
    assert!(asked.contains("\"voice\":\"echo\"") && asked.contains("\"speed\":1.0"), "{asked}");

    let packed = stage.post("/api/agents/AGENT/speech/synthesize", json!({"text": "hi"})).await;
    let data = packed.expect(200)["data"].clone();
    assert_eq!(data["format"], "mp3");
    assert!(is_mp3(&sound(&data)));

    // What was said before, in a channel or to the agent alone.
    let said =
        stage.post("/agents/AGENT/message", json!({"text": "remember", "roomId": "r"})).await;
    let message = said.expect(200)["data"]["messageId"].clone();
    let ask = json!({"messageId": message, "format": "wav"});
    let packed = stage.post("/api/audio/AGENT/audio-messages/synthesize", ask).await;
    let data = packed.expect(200)["data"].clone();
    assert_eq!(data["format"], "wav");
    assert!(is_wav(&sound(&data)) && model.sound().contains("\"input\":\"remember\""));

    let entries = stage.log("useModel:TEXT_TO_SPEECH").await;
    assert_eq!(entries.len(), 7);
    let body = &entries[0]["body"];
    assert_eq!(body["provider"], "openai:stub");
    assert_eq!(body["prompt"], "remember");
    assert_eq!(body["params"]["voice"], "nova");
    assert_eq!(body["response"], json!({"format": "wav", "bytes": 44}));
}

#[tokio::test]
async fn sound_is_understood_by_a_provider_in_every_form_that_clients_send() {
    let model = ModelServer::start().await;
    let stage = Stage::with_provider(&model, json!({})).await;
    let words = json!({"text": "Stub transcription."});
    let message = json!({
        "transcription": "Stub transcription.",
        "message": "Audio transcribed, further processing TBD.",
    });
    for (path, field, name, expected) in [
        ("/api/audio/AGENT/transcriptions", "file", "sentence.ogg", &words),
        ("/api/audio/AGENT/audio-messages", "file", "opus.webm", &message),
        ("/api/agents/AGENT/speech/transcribe", "audio", "sentence.flac", &words),
    ] {
        // What it is, its content says.
        let parts = [file(field, "audio/wav", &sample(name)), form::text("language", "en-US")];
        let heard = stage.send(path, &parts).await.expect(200);
        assert_eq!(&heard["data"], expected, "{path}");
        let asked = model.sound();
        let extension = name.split_once('.').unwrap().1;
        assert!(asked.contains("POST /v1/audio/transcriptions "), "{asked}");
        assert!(asked.contains(&format!("filename=\"audio.{extension}\"")), "{asked}");
        assert!(asked.contains("\r\n\r\nen\r\n"), "{asked}");
    }
    let entries = stage.log("useModel:TRANSCRIPTION").await;
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[0]["body"]["response"], "Stub transcription.");
    assert_eq!(entries[0]["body"]["params"]["bytes"], sample("sentence.flac").len());
}

#[tokio::test]
async fn an_agent_is_talked_with() {
    let model = ModelServer::start().await;
    let stage = Stage::with_provider(&model, json!({})).await;
    let wav = file("file", "audio/wav", &sample("sentence.flac"));

    let talk = json!({
        "text": "talk to me", "roomId": "r1", "entityId": "e1", "worldId": "w1", "userName": "Uma",
    });
    let spoken = stage.post("/api/audio/AGENT/speech/conversation", talk).await;
    assert_eq!((spoken.status, spoken.header("content-type")), (200, Some("audio/mpeg")));
    assert!(model.sound().contains("Stub reply to: talk to me"), "{}", model.sound());
    let room = stage.log("useModel:TEXT_TO_SPEECH").await[0]["roomId"].clone();
    let rooms = stage.client.get(stage.path("/api/agents/AGENT/rooms")).await.unwrap().expect(200);
    let rooms = rooms["data"]["rooms"].as_array().unwrap();
    let found = rooms.iter().find(|known| known["id"] == room).unwrap();
    assert_eq!((&found["name"], &found["channelId"]), (&json!("Chat with Uma"), &json!("r1")));

    for (path, parts) in [
        ("/api/audio/AGENT/speech/conversation", vec![wav.clone(), form::text("format", "wav")]),
        ("/api/audio/AGENT/speech", vec![wav, form::text("metadata", "{\"roomId\": \"r1\"}")]),
        (
            "/api/agents/AGENT/speech/conversation",
            vec![file("audio", "audio/mpeg", &sample("stereo.mp3"))],
        ),
    ] {
        let is_wanted_as_wav = parts.len() == 2 && path.ends_with("conversation");
        let data = stage.send(path, &parts).await.expect(200)["data"].clone();
        assert_eq!(data["text"], "Stub reply to: Stub transcription.", "{path}");
        assert_eq!(data["transcription"], "Stub transcription.");
        let (format, is_it): (_, fn(&[u8]) -> bool) =
            if is_wanted_as_wav { ("wav", is_wav) } else { ("mp3", is_mp3) };
        assert_eq!(data["format"], format, "{path}");
        assert!(is_it(&sound(&data)), "{path}");
    }
    let said = stage.post("/api/audio/AGENT/speech/conversation", json!({"text": "!fail"})).await;
    assert_eq!(said.expect(500)["error"]["code"], "MODEL_ERROR");
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_the_words_of_elizaos() {
    let model = ModelServer::start().await;
    let stage = Stage::with_provider(&model, json!({})).await;
    let idle = stage.client.create(&json!({"name": "Idle", "bio": "x"})).await;
    let flac = sample("sentence.flac");
    let wav = || vec![file("file", "audio/wav", &flac)];
    let generate = "/api/audio/AGENT/speech/generate";
    let synthesize = "/api/audio/AGENT/audio-messages/synthesize";
    let conversation = "/api/audio/AGENT/speech/conversation";
    let transcriptions = "/api/audio/AGENT/transcriptions";

    let text_missing = "Text is required for speech synthesis";
    for (path, body, status, code, words) in [
        (generate, json!({}), 400, "INVALID_REQUEST", text_missing),
        (generate, json!({"text": " "}), 400, "INVALID_REQUEST", text_missing),
        (synthesize, json!({"text": 5}), 400, "INVALID_REQUEST", text_missing),
        (conversation, json!({}), 400, "INVALID_REQUEST", "Text is required for conversation"),
        (generate, json!({"text": "x", "speed": "fast"}), 400, "BAD_REQUEST", "speed: expected"),
        (generate, json!({"text": "x".repeat(4_097)}), 400, "INVALID_REQUEST", "4096 characters"),
        (synthesize, json!({"messageId": "x"}), 400, "INVALID_ID", "Invalid messageId format"),
        (synthesize, json!({"messageId": NOBODY}), 404, "NOT_FOUND", "Message not found"),
        ("/api/audio/x/speech/generate", json!({"text": "x"}), 400, "INVALID_ID", "Invalid agent"),
        (generate, json!({"text": "!fail"}), 500, "PROCESSING_ERROR", "Error generating speech"),
        (generate, json!({"text": "!noise"}), 500, "PROCESSING_ERROR", "Error generating speech"),
        (generate, json!({"text": "!busy"}), 503, "OVERLOADED", "try again"),
        (transcriptions, json!({"file": "x"}), 400, "INVALID_REQUEST", "No audio file provided"),
    ] {
        let refused = stage.post(path, body.clone()).await.expect(status);
        assert_eq!(refused["error"]["code"], code, "{path} {body}");
        assert!(refused["error"]["message"].as_str().unwrap().contains(words), "{refused}");
    }
    for agent in [NOBODY, idle.as_str()] {
        let path = generate.replace("AGENT", agent);
        let refused = stage.post(&path, json!({"text": "x"})).await.expect(404);
        assert_eq!(refused["error"]["message"], "Agent not found");
        let path = transcriptions.replace("AGENT", agent);
        let refused = stage.send(&path, &wav()).await.expect(404);
        assert_eq!(refused["error"]["message"], "Agent not found");
    }

    let missing = "No audio file provided";
    for (path, parts, status, code, words) in [
        (transcriptions, vec![], 400, "INVALID_REQUEST", missing),
        (transcriptions, vec![form::text("x", "y")], 400, "INVALID_REQUEST", missing),
        (transcriptions, vec![form::text("file", "y")], 400, "INVALID_REQUEST", missing),
        (conversation, vec![form::text("file", "y")], 400, "INVALID_REQUEST", missing),
        (
            transcriptions,
            vec![file("file", "image/png", b"x")],
            400,
            "INVALID_FILE_TYPE",
            "Invalid audio file type. Only audio/mpeg, ",
        ),
        (
            transcriptions,
            vec![file("file", "audio/wav", b"<html>")],
            400,
            "INVALID_FILE_TYPE",
            "it begins like no format of sound",
        ),
        (
            transcriptions,
            vec![file("file", "audio/wav", b"OggS!silence")],
            500,
            "PROCESSING_ERROR",
            "Failed to transcribe audio",
        ),
        (
            "/api/audio/AGENT/audio-messages",
            vec![file("file", "audio/wav", b"OggS!broken")],
            500,
            "PROCESSING_ERROR",
            "Error processing audio message",
        ),
        ("/api/audio/x/transcriptions", wav(), 400, "INVALID_ID", "Invalid agent ID format"),
    ] {
        let refused = stage.send(path, &parts).await.expect(status);
        assert_eq!(refused["error"]["code"], code, "{path} {refused}");
        assert!(refused["error"]["message"].as_str().unwrap().contains(words), "{refused}");
    }
    let spool = stage.client.get("/api/audio").await.unwrap();
    assert_eq!(spool.expect(404)["error"]["message"], "API endpoint not found");
}

#[tokio::test]
async fn a_host_that_can_neither_speak_nor_listen_says_what_would_help() {
    // Without a PATH there is no program.
    let stage = Stage::at(Site::new(), json!({"voice": "flite"})).await;
    let flac = [file("file", "audio/flac", &sample("sentence.flac"))];
    for (answer, words) in [
        (
            stage.post("/api/audio/AGENT/speech/generate", json!({"text": "x"})).await,
            ["speech.synthesizer", "install flite"],
        ),
        (
            stage.post("/api/audio/AGENT/speech/conversation", json!({"text": "x"})).await,
            ["speech.synthesizer", "install flite"],
        ),
        (
            stage.send("/api/audio/AGENT/transcriptions", &flac).await,
            ["speech.recognizer", "install pocketsphinx"],
        ),
        (
            stage.send("/api/audio/AGENT/speech", &flac).await,
            ["speech.recognizer", "install pocketsphinx"],
        ),
    ] {
        assert_eq!(answer.header("retry-after"), None);
        let refused = answer.expect(503);
        assert_eq!(refused["error"]["code"], "PROCESSING_ERROR");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
    // The agent was not asked in vain.
    assert_eq!(stage.log("run_event").await, Vec::<Value>::new());
}

/// A program that does not come to an end, and writes down who it is.
fn endless(folder: &Path) -> PathBuf {
    let program = folder.join("endless");
    let script =
        format!("#!/bin/sh\necho $$ > '{}'\nexec sleep 1000\n", folder.join("pid").display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
    program
}

#[tokio::test]
async fn a_program_that_does_not_end_is_ended_and_whoever_finds_no_place_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let program = endless(folder.path());
    let config = format!(
        "[speech]\nflite = \"{}\"\nworks_max = 1\nworks_waiting_max = 0\ntimeout_s = 2",
        program.display()
    );
    let path = env::var("PATH").unwrap();
    let stage = Stage::at(Site::configured(&config).with("PATH", &path), json!({})).await;
    let say = || stage.post("/api/audio/AGENT/speech/generate", json!({"text": "hello"}));
    let pid = || std::fs::read_to_string(folder.path().join("pid")).ok();
    let (first, second) = tokio::join!(say(), async {
        until("the program runs", async || pid().filter(|pid| pid.ends_with('\n'))).await;
        say().await
    });
    assert_eq!(second.expect(503)["error"]["code"], "OVERLOADED");
    assert_eq!(first.expect(500)["error"]["message"], "Error generating speech");
    let process = PathBuf::from("/proc").join(pid().unwrap().trim());
    until("the program is gone", async || (!process.exists()).then_some(())).await;
    let errors = stage.log("useModel:TEXT_TO_SPEECH").await;
    assert!(
        errors.iter().any(|entry| entry["body"]["error"] == "not done within 2s"),
        "{errors:?}"
    );
    let spool = stage.site.data().join("media/spool");
    until("the spool is empty", async || {
        std::fs::read_dir(&spool).unwrap().next().is_none().then_some(())
    })
    .await;
}

fn words(text: &str) -> Vec<String> {
    let letters = text.to_lowercase().replace(|letter: char| !letter.is_alphanumeric(), " ");
    letters.split_whitespace().map(str::to_owned).collect()
}

/// How many words of `said` are in `heard`, in the same order.
fn kept(said: &[String], heard: &[String]) -> usize {
    let mut longest = vec![0; heard.len() + 1];
    for word in said {
        let mut diagonal = 0;
        for (place, other) in heard.iter().enumerate() {
            let above = longest[place + 1];
            longest[place + 1] =
                if word == other { diagonal + 1 } else { above.max(longest[place]) };
            diagonal = above;
        }
    }
    longest[heard.len()]
}

#[test]
fn words_are_counted_in_their_order() {
    let kept = |said: &str, heard: &str| kept(&words(said), &words(heard));
    assert_eq!(kept("The quick, brown fox.", "a quick brown box the fox"), 3);
    assert_eq!(kept("a b", "b a"), 1);
    assert_eq!(kept("a b", ""), 0);
}

#[tokio::test]
async fn five_sentences_are_said_and_understood_without_any_network() {
    let programs = [
        ("flite", "flite"),
        ("pocketsphinx_continuous", "pocketsphinx"),
        ("pocketsphinx_continuous", "pocketsphinx-en-us"),
    ];
    if !wanted("speech", &programs) {
        return;
    }
    let path = env::var("PATH").unwrap();
    let stage = Stage::at(Site::new().with("PATH", &path), json!({})).await;
    let text = SENTENCES.join(" ");
    for (format, media_type) in [("mp3", "audio/mpeg"), ("wav", "audio/wav")] {
        let wish = json!({"text": text, "format": format});
        let spoken = stage.post("/api/audio/AGENT/speech/generate", wish).await;
        assert_eq!((spoken.status, spoken.header("content-type")), (200, Some(media_type)));
        let parts = [file("file", media_type, &spoken.body)];
        let heard = stage.send("/api/audio/AGENT/transcriptions", &parts).await.expect(200);
        let heard = heard["data"]["text"].as_str().unwrap().to_owned();
        let (said, heard) = (words(&text), words(&heard));
        let right = kept(&said, &heard);
        println!("{format}: {right} of {} words: {}", said.len(), heard.join(" "));
        assert!(right * 10 >= said.len() * 7, "{format}: {right} of {}: {heard:?}", said.len());
    }
}

#[tokio::test]
async fn what_is_not_built_in_is_unpacked_by_a_program_or_refused_with_its_name() {
    let programs = [("ffmpeg", "ffmpeg"), ("pocketsphinx_continuous", "pocketsphinx-en-us")];
    if !wanted("speech", &programs) {
        return;
    }
    let path = env::var("PATH").unwrap();
    let opus = [file("file", "audio/webm", &sample("opus.webm"))];
    let stage = Stage::at(Site::new().with("PATH", &path), json!({})).await;
    let heard = stage.send("/api/audio/AGENT/transcriptions", &opus).await.expect(200);
    assert_eq!(heard["data"]["text"], "please open the window");

    let without =
        Site::new().with("PATH", &path).with("GREENROOM_SPEECH__FFMPEG", "no-such-program");
    let stage = Stage::at(without, json!({})).await;
    let refused = stage.send("/api/audio/AGENT/transcriptions", &opus).await.expect(400);
    assert_eq!(refused["error"]["code"], "INVALID_FILE_TYPE");
    assert!(refused["error"]["message"].as_str().unwrap().contains("install ffmpeg"), "{refused}");
}
