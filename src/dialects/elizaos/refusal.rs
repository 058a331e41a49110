//! Refusals with fixed words: a status, a code and a message, as clients know them.

use actix_web::http::StatusCode;

/// A refusal with fixed words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// Absent: the status is the code.
    pub(super) code: Option<&'static str>,
    pub(super) message: &'static str,
    /// Whether the details repeat the message.
    pub(super) repeats: bool,
    /// A message beside the error.
    pub(super) aside: Option<&'static str>,
}

impl Refusal {
    const fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code: Some(code), message, repeats: false, aside: None }
    }

    const fn bad(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    const fn id(message: &'static str) -> Self {
        Self::bad("INVALID_ID", message)
    }

    const fn missing(message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    const fn fault(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, message)
    }

    const fn too_many(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, message)
    }

    const fn forbidden(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    const fn later(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }
}

macro_rules! refusals {
    ($($name:ident = $refusal:expr;)*) => {
        $(pub(super) static $name: Refusal = $refusal;)*
    };
}

refusals! {
    // Credentials and limits.
    UNAUTHORIZED = Refusal {
        aside: Some("Missing or invalid X-API-KEY header"),
        ..Refusal::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "API key required")
    };
    FOREIGN_ORIGIN = Refusal::new(
        StatusCode::FORBIDDEN, "FORBIDDEN",
        "Pages of another origin may not use the operator's routes; see elizaos.cors_origin");
    FOREIGN_HOST = Refusal::new(
        StatusCode::FORBIDDEN, "FORBIDDEN",
        "Without a token, the operator's routes answer to localhost and the bound address only");
    CONTENT_TYPE = Refusal::bad("INVALID_CONTENT_TYPE", "Invalid or missing Content-Type header");
    RATE = Refusal::too_many(
        "RATE_LIMIT_EXCEEDED", "Too many requests. Please try again later.");
    FILE_RATE = Refusal::too_many(
        "FILE_RATE_LIMIT_EXCEEDED", "Too many file operations. Please try again later.");
    UPLOAD_RATE = Refusal::too_many(
        "UPLOAD_RATE_LIMIT_EXCEEDED", "Too many upload attempts. Please try again later.");
    CHANNEL_UPLOAD_RATE = Refusal::too_many(
        "RATE_LIMIT_EXCEEDED", "Too many requests, please try again later.");
    HEALTH_RATE = Refusal::too_many(
        "RATE_LIMIT_EXCEEDED",
        "Too many health check requests from this IP, please try again later.");
    BUSY = Refusal::later("OVERLOADED", "Too many requests are in flight, please try again");
    STREAMS = Refusal::later("OVERLOADED", "Too many streams are open, please try again");
    TOO_SLOW = Refusal::later("TIMEOUT", "The request took too long; whether it was done is unknown");

    // Requests that cannot be.
    BAD_REQUEST = Refusal::bad("BAD_REQUEST", "Bad request");
    CREATE = Refusal { repeats: true, ..Refusal::bad("CREATE_ERROR", "Error creating agent") };
    WORLD_NAME = Refusal::bad("BAD_REQUEST", "World name is required");
    ROOM_NAME = Refusal::bad("MISSING_PARAM", "Room name is required");
    AGENT_IDS = Refusal::bad("BAD_REQUEST", "agentIds must be a non-empty array");
    ENV_CONTENT = Refusal::bad("INVALID_INPUT", "Missing or invalid \"content\" in request body");
    FORBIDDEN_ENV = Refusal::new(
        StatusCode::FORBIDDEN, "FORBIDDEN",
        "Local environment management is not available in production");

    // Messaging.
    SERVER_FIELDS = Refusal::bad("BAD_REQUEST", "Missing required fields: name, sourceType");
    OTHER_SERVER_READ = Refusal::forbidden("Cannot access agents for a different server");
    OTHER_SERVER_WRITE = Refusal::forbidden("Cannot modify agents for a different server");
    CHANNEL_PAYLOAD = Refusal::bad(
        "BAD_REQUEST",
        "Invalid payload. Required: name, message_server_id (UUID), participantCentralUserIds \
         (array of UUIDs). Optional: type, metadata.");
    DM_IDS = Refusal::bad("BAD_REQUEST", "Missing targetUserId or currentUserId");
    DM_SELF = Refusal::bad("BAD_REQUEST", "Cannot create DM channel with oneself");
    NOT_A_PARTICIPANT = Refusal::missing("Agent is not a participant in this channel");
    MESSAGE_FIELDS = Refusal::bad(
        "BAD_REQUEST",
        "Missing required fields: channelId, message_server_id, author_id, content");
    NO_AGENT = Refusal::bad("BAD_REQUEST", "No agent found in channel participants");
    SERVER_MISSING = Refusal::missing("Server does not exist");
    SUBMIT_FIELDS = Refusal::bad(
        "BAD_REQUEST",
        "Missing required fields: channel_id, message_server_id, author_id, content, \
         source_type, raw_message");
    INGEST_PAYLOAD = Refusal::bad("BAD_REQUEST", "Invalid external message payload");
    TITLE_AGENT = Refusal::bad("BAD_REQUEST", "Valid agent ID is required");
    TITLE_AGENT_NOT_FOUND = Refusal::missing("Agent not found or not active");
    JOB = Refusal::bad("BAD_REQUEST", "Invalid job");
    JOB_NOT_FOUND = Refusal::missing("Job not found");
    NO_AGENTS = Refusal::missing("No agents available on server");
    JOB_AGENT = Refusal::missing("Agent not found");

    // Speech.
    AUDIO_MISSING = Refusal::bad("INVALID_REQUEST", "No audio file provided");
    AUDIO_TYPE = Refusal::bad(
        "INVALID_FILE_TYPE",
        "Invalid audio file type. Only audio/mpeg, audio/mp3, audio/wav, audio/ogg, audio/webm, \
         audio/mp4, audio/aac, audio/flac, audio/x-wav, audio/wave are allowed");
    AUDIO_TOO_LARGE = Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE, "FILE_TOO_LARGE", "Audio file too large (max 50MB)");
    SPEECH_TEXT = Refusal::bad("INVALID_REQUEST", "Text is required for speech synthesis");
    CONVERSATION_TEXT = Refusal::bad("INVALID_REQUEST", "Text is required for conversation");
    NO_RESPONSE = Refusal::fault("MODEL_ERROR", "No response from model");

    // Media.
    NO_MEDIA = Refusal::bad("INVALID_REQUEST", "No media file provided");
    FILE_NAME = Refusal::bad("INVALID_REQUEST", "Invalid filename detected");
    FILE_TYPE = Refusal::bad("INVALID_FILE_TYPE", "Invalid file type");
    FILE_TYPES = Refusal::bad(
        "INVALID_FILE_TYPE",
        "Invalid file type. Only audio/mpeg, audio/mp3, audio/wav, audio/ogg, audio/webm, \
         audio/mp4, audio/aac, audio/flac, audio/x-wav, audio/wave, image/jpeg, image/png, \
         image/gif, image/webp, video/mp4, video/webm, application/pdf, text/plain are allowed");
    MEDIA_TYPE = Refusal::bad("UNSUPPORTED_MEDIA_TYPE", "Invalid file type");
    FILE_AGENT_ID = Refusal::id("Invalid agent ID format");
    FILE_CHANNEL_ID = Refusal::id("Invalid channel ID format");
    FILE_DENIED = Refusal::forbidden("Access denied");
    NO_UPLOAD = Refusal::missing("File does not exist!!!!!!!");
    NO_FILE = Refusal::missing("File not found");
    FILE_RANGE = Refusal::new(
        StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_NOT_SATISFIABLE", "Range not satisfiable");
    FILE_CONDITION = Refusal::new(
        StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED", "The file is another one");

    // Ids that are none.
    SERVER_ID = Refusal::id("Invalid messageServerId format");
    SERVER_ID_SHORT = Refusal::id("Invalid messageServerId");
    SERVER_OR_AGENT_ID = Refusal::id("Invalid messageServerId or agentId format");
    AGENT_ID_CAMEL = Refusal::id("Invalid agentId format");
    CHANNEL_SERVER_ID = Refusal::id("Invalid message_server_id format");
    CHANNEL_ID_SHORT = Refusal::id("Invalid channelId");
    CHANNEL_ID_FORMAT = Refusal::id("Invalid channelId format");
    CHANNEL_OR_AGENT_ID = Refusal::id("Invalid channelId or agentId format");
    CHANNEL_OR_MESSAGE_ID = Refusal::id("Invalid channelId or messageId");
    MESSAGE_ID = Refusal::id("Invalid messageId format");
    ACTION_ID = Refusal::id("Invalid message id");
    IN_REPLY_TO = Refusal::id("Invalid in_reply_to_message_id format");
    AUTHOR_ID = Refusal::id("Invalid author_id format");
    AGENT_ID = Refusal::id("Invalid agent ID format");
    AGENT_ID_SHORT = Refusal::id("Invalid agent ID");
    AGENT_OR_LOG_ID = Refusal::id("Invalid agent or log ID format");
    AGENT_OR_RUN_ID = Refusal::id("Invalid agent or run ID format");
    AGENT_OR_WORLD_ID = Refusal::id("Invalid agent ID or world ID format");
    AGENT_OR_ROOM_ID = Refusal::id("Invalid agent ID or room ID format");
    AGENT_OR_CHANNEL_ID = Refusal::id("Invalid agent ID or channel ID format");
    AGENT_OR_MEMORY_ID = Refusal::id("Invalid agent ID or memory ID format");
    ROOM_ID = Refusal::id("Invalid room ID format");
    ROOM_ID_SHORT = Refusal::id("Invalid room ID");
    CHANNEL_ID = Refusal::id("Invalid channel ID format");
    USER_ID = Refusal::id("Invalid user ID format");
    GROUP_ID = Refusal::id("Invalid messageServerId (worldId) format");
    PLUGIN_AGENT_ID = Refusal::bad("INVALID_AGENT_ID", "Invalid agent ID format");

    // What is not there.
    AGENT_NOT_FOUND = Refusal::missing("Agent not found");
    NO_ACTIVE_AGENTS = Refusal::missing("No active agents found to get worlds");
    WORLD_NOT_FOUND = Refusal::missing("World not found");
    ROOM_NOT_FOUND = Refusal::missing("Room not found");
    MEMORY_NOT_FOUND = Refusal::missing("Memory not found");
    MESSAGE_NOT_FOUND = Refusal::missing("Message not found");
    LOG_NOT_FOUND = Refusal::missing("Log not found");
    PANEL_NOT_FOUND = Refusal::missing("Panel not found");
    PLUGIN_AGENT = Refusal::new(StatusCode::NOT_FOUND, "AGENT_NOT_FOUND", "Agent not found");
    NO_CLIENT = Refusal::missing("Client application not found");
    PAGE_METHOD = Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "Pages can only be read");
    PAGE_FORBIDDEN = Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN", "Forbidden");
    UNKNOWN_ENDPOINT = Refusal {
        code: None, ..Refusal::missing("API endpoint not found")
    };

    // Faults of the inside, as the routes call them.
    INTERNAL = Refusal {
        code: None, ..Refusal::fault("INTERNAL_SERVER_ERROR", "Internal server error")
    };
    AGENT_LIST = Refusal::fault("DB_ERROR", "Error retrieving agents");
    AGENT_UPDATE = Refusal::fault("UPDATE_ERROR", "Error updating agent");
    AGENT_CREATE = Refusal::fault("CREATE_ERROR", "Error creating agent");
    AGENT_DELETE = Refusal::fault("DELETE_ERROR", "Error deleting agent");
    AGENT_START = Refusal::fault("START_ERROR", "Error starting agent");
    LOGS = Refusal::fault("LOG_ERROR", "Error retrieving agent logs");
    LOG_DELETE = Refusal::fault("DELETE_ERROR", "Failed to delete log");
    RUNS = Refusal::fault("RUNS_ERROR", "Error retrieving agent runs");
    RUN_DETAIL = Refusal::fault("RUN_DETAIL_ERROR", "Error retrieving run details");
    PANEL = Refusal::fault("PANEL_ERROR", "Error retrieving agent panels");
    MEMORIES = Refusal::fault("MEMORY_ERROR", "Error retrieving memories");
    MEMORY_UPDATE = Refusal::fault("UPDATE_ERROR", "Failed to update memory");
    MEMORY_DELETE = Refusal::fault("DELETE_ERROR", "Error deleting memories");
    ROOMS = Refusal::fault("RETRIEVAL_ERROR", "Failed to retrieve agent rooms");
    ROOM_CREATE = Refusal::fault("CREATE_ERROR", "Failed to create room");
    GROUP_CREATE = Refusal::fault("CREATE_ERROR", "Failed to Create group");
    GROUP_DELETE = Refusal::fault("DELETE_ERROR", "Error deleting message server");
    SERVERS = Refusal::fault("RETRIEVAL_ERROR", "Failed to fetch message servers");
    SERVER_CREATE = Refusal::fault("CREATE_ERROR", "Failed to create message server");
    SERVER_AGENTS = Refusal::fault("RETRIEVAL_ERROR", "Failed to fetch message server agents");
    SERVER_AGENT_ADD = Refusal::fault("UPDATE_ERROR", "Failed to add agent to message server");
    SERVER_AGENT_REMOVE = Refusal::fault(
        "UPDATE_ERROR", "Failed to remove agent from message server");
    CHANNELS = Refusal::fault("RETRIEVAL_ERROR", "Failed to fetch channels");
    CHANNEL_CREATE = Refusal::fault("CREATE_ERROR", "Failed to create group channel");
    CHANNEL_UPDATE = Refusal::fault("UPDATE_ERROR", "Failed to update channel");
    CHANNEL_DELETE = Refusal::fault("DELETE_ERROR", "Failed to delete channel");
    CHANNEL_CLEAR = Refusal::fault("DELETE_ERROR", "Failed to clear channel messages");
    DM_CHANNEL = Refusal::fault("CREATE_ERROR", "Failed to find or create DM channel");
    MESSAGES = Refusal::fault("RETRIEVAL_ERROR", "Failed to fetch messages");
    MESSAGE = Refusal::fault("PROCESSING_ERROR", "Failed to process message");
    MESSAGE_DELETE = Refusal::fault("DELETE_ERROR", "Failed to delete message");
    HTTP_TRANSPORT = Refusal::fault(
        "PROCESSING_ERROR", "Failed to process message in HTTP transport");
    SUBMIT = Refusal::fault("PROCESSING_ERROR", "Failed to submit agent message");
    ACTION = Refusal::fault("PROCESSING_ERROR", "Failed to create action");
    INGEST = Refusal::fault("PROCESSING_ERROR", "Failed to ingest message");
    TITLE_FAILED = Refusal::fault("PROCESSING_ERROR", "Failed to summarize channel");
    SESSION = Refusal::fault("INTERNAL_SERVER_ERROR", "An unexpected error occurred");
    JOB_CREATE = Refusal::fault("CREATE_ERROR", "Failed to create job");
    JOBS = Refusal::fault("RETRIEVAL_ERROR", "Failed to list jobs");
    TRANSCRIPTION = Refusal::fault("PROCESSING_ERROR", "Error transcribing audio");
    NOTHING_HEARD = Refusal::fault("PROCESSING_ERROR", "Failed to transcribe audio");
    AUDIO_MESSAGE = Refusal::fault("PROCESSING_ERROR", "Error processing audio message");
    SPEECH = Refusal::fault("PROCESSING_ERROR", "Error generating speech");
    CONVERSATION = Refusal::fault("PROCESSING_ERROR", "Error processing conversation");
    UPLOAD = Refusal::fault("UPLOAD_ERROR", "Failed to process media upload");
    ENV_READ = Refusal::fault("FETCH_ERROR", "Failed to retrieve local envs");
    ENV_WRITE = Refusal::fault("UPDATE_ERROR", "Failed to update local envs");
}
