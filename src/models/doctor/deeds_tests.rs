use super::*;

fn call(text: &str) -> Option<(&'static str, Value)> {
    let deed = asked(text, "Ada")?;
    Some(match deed.want {
        Want::Given(arguments) => (deed.tool, Value::Object(arguments)),
        Want::Described(words) => (deed.tool, json!(words)),
        Want::Timed(when, what) => (deed.tool, json!([format!("{when:?}"), what])),
    })
}

#[test]
fn requests_are_read() {
    for (text, tool, with) in [
        (
            "Remember that my cat is called Tom.",
            "remember",
            json!({"text": "My cat is called Tom."}),
        ),
        ("Ada, please note that tea is at 4!", "remember", json!({"text": "Tea is at 4."})),
        ("What do you remember about my cat?", "recall", json!({"query": "my cat"})),
        ("do you remember Tom?", "recall", json!({"query": "Tom"})),
        ("forget that tea is at 4", "forget", json!("tea is at 4")),
        (
            "write Buy milk to the file todo.md",
            "write_file",
            json!({"path": "todo.md", "content": "Buy milk"}),
        ),
        (
            "save \"a to b\" in notes/x.txt",
            "write_file",
            json!({"path": "notes/x.txt", "content": "a to b"}),
        ),
        ("add eggs to the file todo", "append_to_file", json!({"path": "todo", "content": "eggs"})),
        ("read the file todo", "read_file", json!({"path": "todo"})),
        ("What is in notes/x.txt?", "read_file", json!({"path": "notes/x.txt"})),
        ("delete todo.md", "delete_file", json!({"path": "todo.md"})),
        ("list your files", "list_files", json!({})),
        ("list the files in notes", "list_files", json!({"path": "notes"})),
        (
            "fetch https://example.org/A?b=C.",
            "fetch_url",
            json!({"url": "https://example.org/A?b=C"}),
        ),
        ("fetch example.org", "fetch_url", json!({"url": "https://example.org"})),
        ("read http://a.test/x", "fetch_url", json!({"url": "http://a.test/x"})),
        (
            "tell Bob Stone that lunch is ready",
            "send_message",
            json!({"to": "bob-stone", "text": "Lunch is ready."}),
        ),
        ("let Bob know that it rains", "send_message", json!({"to": "bob", "text": "It rains."})),
        (
            "ask Bob and Eve whether they agree",
            "ask_agents",
            json!({"to": ["bob", "eve"], "text": "Whether they agree."}),
        ),
        ("ask Bob to count to ten", "ask_agents", json!({"to": ["bob"], "text": "Count to ten."})),
        (
            "say hello to all in the channel plaza",
            "send_to_channel",
            json!({"channel": "plaza", "text": "hello to all"}),
        ),
        (
            "post good news in #general",
            "send_to_channel",
            json!({"channel": "#general", "text": "good news"}),
        ),
        ("which agents are there?", "list_agents", json!({})),
        ("list your channels", "list_channels", json!({})),
        ("list my reminders", "list_triggers", json!({})),
        ("cancel the reminder to drink water", "cancel_trigger", json!("drink water")),
        ("set yourself the goal to learn Greek", "set_goal", json!({"text": "learn Greek"})),
        (
            "remind me every 5 minutes to drink water",
            "schedule_trigger",
            json!(["Every(300)", "drink water"]),
        ),
    ] {
        assert_eq!(call(text), Some((tool, with)), "{text}");
    }
}

#[test]
fn talk_is_no_request() {
    for text in [
        "I remember my childhood",
        "remember when we met?",
        "remember me",
        "forget it",
        "tell me about weaving",
        "tell me that you care",
        "tell your sister that I called",
        "ask me anything",
        "read between the lines",
        "I need to write to my mother",
        "write soon",
        "what is in a name",
        "remind me",
        "get lost",
        "add it to the list",
        "list",
        "what",
        "please",
        "",
        "open up to me",
        "fetch",
        "delete it",
        "say something",
    ] {
        assert_eq!(call(text), None, "{text}");
    }
}

#[test]
fn what_is_described_is_found_among_what_is_listed() {
    let id = |digit: &str| format!("{}-0000-4000-8000-000000000000", digit.repeat(8));
    let listing = format!(
        "- forget that tea is at 4 (id {})\n- Tea is at four, or 4 (id {})\n- Cats (id {})",
        id("1"),
        id("2"),
        id("3")
    );
    assert_eq!(described("tea is at 4", &listing, "Ada"), Some(id("2")));
    assert_eq!(described("the cats", &listing, "Ada"), Some(id("3")));
    assert_eq!(described("dogs", &listing, "Ada"), None);
    assert_eq!(described(&id("9"), "", "Ada"), Some(id("9")));
}
