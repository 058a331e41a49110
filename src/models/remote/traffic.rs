//! How many bytes of content went to a provider and came from it.
//!
//! What the crate puts on the wire is not seen from here; the marks of each provider's own form and the
//! heads of HTTP come on top.

use std::io;

use genai::chat::{ChatRequest, ChatStreamEvent};

/// The bytes of a request, as JSON.
pub(super) fn sent(request: &ChatRequest) -> usize {
    let mut bytes = Counted(0);
    // What cannot be counted is not invented.
    drop(serde_json::to_writer(&mut bytes, request));
    bytes.0
}

/// The bytes that a piece of an answer brings.
pub(super) fn received(event: &ChatStreamEvent) -> usize {
    match event {
        ChatStreamEvent::Chunk(chunk)
        | ChatStreamEvent::ReasoningChunk(chunk)
        | ChatStreamEvent::ThoughtSignatureChunk(chunk) => chunk.content.len(),
        ChatStreamEvent::ToolCallChunk(chunk) => {
            let call = &chunk.tool_call;
            call.fn_name.len().saturating_add(call.fn_arguments.to_string().len())
        }
        ChatStreamEvent::Start | ChatStreamEvent::End(_) | ChatStreamEvent::Heartbeat => 0,
    }
}

/// A writer that counts, and keeps nothing.
struct Counted(usize);

impl io::Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use genai::chat::{ChatMessage, StreamChunk};

    use super::*;

    #[test]
    fn what_goes_and_comes_is_counted_by_its_content() {
        let short = sent(&ChatRequest::new(vec![ChatMessage::user("a")]));
        let long = sent(&ChatRequest::new(vec![ChatMessage::user("a".repeat(101))]));
        assert_eq!(long - short, 100);
        let chunk = StreamChunk { content: "größe".to_owned() };
        assert_eq!(received(&ChatStreamEvent::Chunk(chunk)), 7);
        assert_eq!(received(&ChatStreamEvent::Start), 0);
    }
}
