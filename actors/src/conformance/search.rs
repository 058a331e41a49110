//! Search by words and by meaning.

use crate::facts::Fact;
use crate::ids::AgentId;
use crate::ports::SearchQuery;
use crate::records::{Embedding, Memory};

use super::kit::{ADA, BOB, Subject, id, memory, remembered};

fn words(text: &str) -> SearchQuery {
    SearchQuery {
        agent_id: ADA,
        kind: None,
        room_id: None,
        text: text.into(),
        embedding: None,
        limit: 10,
    }
}

fn vector<const N: usize>(embedder: &str, vector: [f32; N]) -> Embedding {
    Embedding { embedder: embedder.into(), vector: vector.to_vec() }
}

async fn found(on: &Subject, query: SearchQuery) -> Vec<u128> {
    let asked = query.clone();
    let found = on.search(query).await.unwrap_or_else(|error| panic!("{asked:?}: {error}"));
    assert!(found.is_sorted_by(|a, b| a.score >= b.score), "best first: {found:?}");
    assert!(found.iter().all(|scored| scored.score > 0.0));
    found.iter().map(|scored| scored.memory.id.0.as_u128()).collect()
}

async fn with_texts(on: Subject, texts: &[(u128, &str)]) -> Subject {
    let on = on.with_agents().await;
    for (number, text) in texts {
        on.keep([remembered(&memory(ADA, *number, 10, text))]).await;
    }
    on
}

pub(super) async fn words_are_found_in_whatever_case(on: Subject) {
    let on = with_texts(on, &[(1, "The Teapot, is ROUND."), (2, "nothing of the sort")]).await;
    for text in ["teapot", "TEAPOT", "Round", "  round\t", "is-round?", "teapot unheard"] {
        assert_eq!(found(&on, words(text)).await, [1], "{text}");
    }
    for text in ["tea", "teapots unheard", "", "   "] {
        assert_eq!(found(&on, words(text)).await, [], "{text}");
    }
    let scored = on.search(words("teapot")).await.unwrap();
    assert_eq!(scored[0].memory, memory(ADA, 1, 10, "The Teapot, is ROUND."));
    assert!((scored[0].score - 1.0 / 61.0).abs() < 1e-6, "the score is that of the first place");
}

pub(super) async fn more_shared_words_come_first(on: Subject) {
    let texts = [
        (1, "green things grow here slowly"),
        (2, "green tea grows there slowly"),
        (3, "green tea with milk is best"),
        (4, "something else is the matter"),
    ];
    let on = with_texts(on, &texts).await;
    assert_eq!(found(&on, words("green tea milk")).await, [3, 2, 1]);
    assert_eq!(found(&on, SearchQuery { limit: 2, ..words("green tea milk") }).await, [3, 2]);
    assert_eq!(found(&on, SearchQuery { limit: 0, ..words("green tea milk") }).await, []);
}

pub(super) async fn search_stays_within_agent_kind_and_room(on: Subject) {
    let on = on.with_agents().await;
    let meaning = vector("test-2", [1.0, 0.0]);
    for (agent, number, kind, room) in
        [(ADA, 1, "messages", 1), (ADA, 2, "facts", 1), (ADA, 3, "facts", 2), (BOB, 4, "facts", 2)]
    {
        let memory = Memory {
            kind: kind.into(),
            room_id: id(room),
            ..memory(agent, number, 10, "a round teapot")
        };
        let embedded =
            Fact::Embedded { agent_id: agent, memory_id: memory.id, embedding: meaning.clone() };
        on.keep([remembered(&memory), embedded]).await;
    }
    let nobody: AgentId = id(9);
    for (agent_id, kind, room, expected) in [
        (ADA, None, None, vec![1, 2, 3]),
        (ADA, Some("facts"), None, vec![2, 3]),
        (ADA, None, Some(1), vec![1, 2]),
        (ADA, Some("facts"), Some(2), vec![3]),
        (ADA, Some("dreams"), None, vec![]),
        (BOB, None, None, vec![4]),
        (nobody, None, None, vec![]),
    ] {
        for (text, embedding) in [
            ("teapot", None),
            ("teapot", Some(meaning.clone())),
            ("unheard", Some(meaning.clone())),
        ] {
            let query = SearchQuery {
                agent_id,
                kind: kind.map(str::to_owned),
                room_id: room.map(id),
                embedding,
                ..words(text)
            };
            let mut numbers = found(&on, query.clone()).await;
            numbers.sort_unstable();
            assert_eq!(numbers, expected, "{query:?}");
        }
    }
}

pub(super) async fn no_text_is_a_query_language(on: Subject) {
    let on = with_texts(on, &[(1, "a near teapot and or not"), (2, "content of col")]).await;
    // What would be syntax has no meaning; the word in it is found all the same.
    for text in [
        "\"teapot",
        "teapot\"",
        "\"\"teapot\"\"",
        "'teapot'",
        "teapot*",
        "*teapot",
        "^teapot",
        "NEAR(teapot",
        "NEAR(teapot, 2) )",
        "(teapot",
        ")teapot(",
        "teapot AND",
        "NOT teapot",
        "OR teapot OR",
        "text:teapot",
        "{a b}:teapot",
        "-teapot",
        "teapot + +",
        "teapot; DROP TABLE memories; --",
        "teapot\u{0}",
        "\u{0}teapot",
        "teapot \\ % _ [a-z] ? ?1 :a @a $a",
        "teapot\u{202e}\u{feff} \u{10ffff}",
    ] {
        let numbers = found(&on, words(text)).await;
        assert_eq!(numbers.first(), Some(&1), "{text:?}");
    }
    for text in ["\"", "*", "\"\"", "(", ")", "^", "-", ":", "{}", "' '", "\u{0}", "%", "_", "🜁"]
    {
        assert_eq!(found(&on, words(text)).await, [], "{text:?}");
    }
    let many: String = (0..5_000).map(|number| format!("w{number} ")).collect();
    assert_eq!(found(&on, words(&many)).await, []);
    found(&on, words(&"x".repeat(200_000))).await;
    found(&on, words(&"\"(".repeat(10_000))).await;
}

pub(super) async fn texts_of_every_script_are_found(on: Subject) {
    let texts = [
        (1, "Москва весной"),
        (2, "東京 タワー"),
        (3, "Émile boit du thé"),
        (4, "Größe zählt"),
        (5, "قهوة الصباح"),
    ];
    let on = with_texts(on, &texts).await;
    for (text, number) in [
        ("москва", 1),
        ("МОСКВА", 1),
        ("東京", 2),
        ("émile", 3),
        ("ÉMILE", 3),
        ("größe", 4),
        ("قهوة", 5),
    ] {
        assert_eq!(found(&on, words(text)).await, [number], "{text}");
    }
}

pub(super) async fn what_changed_or_went_is_found_no_more(on: Subject) {
    let on = with_texts(on, &[(1, "a teapot"), (2, "a teapot"), (3, "a teapot")]).await;
    on.keep([
        remembered(&memory(ADA, 1, 10, "a samovar")),
        Fact::Forgot { agent_id: ADA, memory_id: id(2) },
    ])
    .await;
    assert_eq!(found(&on, words("teapot")).await, [3]);
    assert_eq!(found(&on, words("samovar")).await, [1]);
    on.keep([Fact::ForgotAll { agent_id: ADA, kind: None, room_id: None }]).await;
    assert_eq!(found(&on, words("teapot samovar")).await, []);
}

/// Three memories with vectors by two embedders, and one without.
async fn with_vectors(on: Subject) -> Subject {
    let texts = [(1, "north"), (2, "east"), (3, "north east"), (4, "up"), (5, "nowhere")];
    let on = with_texts(on, &texts).await;
    for (number, embedding) in [
        (1, vector("test-2", [0.0, 1.0])),
        (2, vector("test-2", [1.0, 0.0])),
        (3, vector("test-2", [0.6, 0.8])),
        (4, vector("test-3", [0.0, 1.0, 0.0])),
    ] {
        on.keep([Fact::Embedded { agent_id: ADA, memory_id: id(number), embedding }]).await;
    }
    on
}

pub(super) async fn meaning_is_compared_within_one_embedder(on: Subject) {
    let on = with_vectors(on).await;
    let meaning = |embedding| SearchQuery { embedding: Some(embedding), ..words("") };
    let north = meaning(vector("test-2", [0.0, 1.0]));
    assert_eq!(found(&on, SearchQuery { limit: 2, ..north.clone() }).await, [1, 3]);
    assert_eq!(found(&on, SearchQuery { limit: 1, ..north.clone() }).await, [1]);
    assert!(!found(&on, north).await.contains(&4));
    let east = meaning(vector("test-2", [1.0, 0.0]));
    assert_eq!(found(&on, SearchQuery { limit: 2, ..east }).await, [2, 3]);
    assert_eq!(found(&on, meaning(vector("test-3", [0.0, 1.0, 0.0]))).await, [4]);
    assert_eq!(found(&on, meaning(vector("unheard", [0.0, 1.0]))).await, []);
}

pub(super) async fn words_and_meaning_are_put_together(on: Subject) {
    let on = with_vectors(on).await;
    // By words: 5 alone. By meaning: 1, 3, 2. Two firsts share a score.
    let embedding = Some(vector("test-2", [0.0, 1.0]));
    let query = SearchQuery { embedding: embedding.clone(), ..words("nowhere") };
    let mut first_two = found(&on, SearchQuery { limit: 2, ..query }).await;
    first_two.sort_unstable();
    assert_eq!(first_two, [1, 5]);
    // Named by both, 2 comes before 1, which only one puts first.
    let query = SearchQuery { embedding, ..words("east") };
    let both = found(&on, query.clone()).await;
    assert!(both.iter().position(|n| *n == 2) < both.iter().position(|n| *n == 1), "{both:?}");
    assert!(both.iter().position(|n| *n == 3) < both.iter().position(|n| *n == 1), "{both:?}");
    let scored = on.search(query).await.unwrap();
    assert!(scored[0].score > 1.5 / 61.0, "two places add up");
}
