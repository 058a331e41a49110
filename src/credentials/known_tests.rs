use greenroom_actors::facts::{Batch, Epoch};
use greenroom_actors::memory_store::MemoryStore;
use serde_json::json;

use super::*;

fn known() -> Known {
    Known::new(Arc::new(Secrets::new("salt")))
}

fn values(of: &[&str]) -> Values {
    of.iter().map(|value| Zeroizing::new((*value).to_owned())).collect()
}

fn character(secrets: &[&str]) -> Character {
    let sealing = Secrets::new("salt");
    let sealed = secrets.iter().map(|secret| (secret.to_string(), json!(sealing.seal(secret))));
    let secrets: serde_json::Map<_, _> = sealed.collect();
    serde_json::from_value(json!({"name": "Ada", "settings": {"secrets": secrets}})).unwrap()
}

fn masked(known: &Known, agent: AgentId, text: &str) -> String {
    known.of(agent).map_or_else(|| text.to_owned(), |mask| mask.on(text).into_owned())
}

#[test]
fn what_stands_in_files_and_characters_is_masked() {
    let (known, ada, bob) = (known(), AgentId::new(), AgentId::new());
    assert!(known.is_empty());
    assert!(known.stand(ada, values(&["sk-file"]), UnixMillis(1)).is_some());
    assert!(known.met(ada, &character(&["sk-own-1"]), UnixMillis(1)).is_some());
    assert!(!known.is_empty());
    let text = "sk-file and sk-own-1";
    assert_eq!(masked(&known, ada, text), "*** and ***");
    assert_eq!(masked(&known, bob, text), text);
    // Nothing new is nothing to be kept.
    assert!(known.stand(ada, values(&["sk-file"]), UnixMillis(2)).is_none());
    assert!(known.met(ada, &character(&["sk-own-1"]), UnixMillis(2)).is_none());
    assert!(known.met(bob, &character(&[]), UnixMillis(2)).is_none());
    assert!(known.stand(bob, Values::new(), UnixMillis(2)).is_none());
    // A key that was changed still opens doors; that of a character is gone with it.
    assert!(known.stand(ada, values(&["sk-newer"]), UnixMillis(3)).is_some());
    let gone = known.met(ada, &character(&[]), UnixMillis(3));
    assert!(matches!(gone, Some(Fact::DocumentRemoved { .. })));
    assert_eq!(masked(&known, ada, "sk-newer sk-file sk-own-1"), "*** *** sk-own-1");

    assert_eq!(known.leaving(ada).len(), 2);
    known.left(ada);
    assert!(known.is_empty() && known.leaving(ada).is_empty());
}

#[actix::test]
async fn what_is_kept_is_sealed_and_found_again_at_the_next_start() {
    let (store, before) = (MemoryStore::new(), known());
    let (ada, at) = (AgentId::new(), UnixMillis(1));
    let facts: Vec<_> = [
        before.stand(ada, values(&["sk-file", "grüße"]), at),
        before.met(ada, &character(&["sk-own-1"]), at),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(!format!("{facts:?}").contains("sk-"), "{facts:?}");
    let boot = store.boot(at).await.unwrap();
    let epoch: Epoch = boot.epoch;
    store.commit(Batch { epoch, facts }).await.unwrap();

    let after = Known::load(&store, Arc::new(Secrets::new("salt"))).await.unwrap();
    assert_eq!(masked(&after, ada, "sk-file grüße sk-own-1"), "*** *** ***");
    assert!(after.stand(ada, values(&["sk-file"]), at).is_none());
    let other = Known::load(&store, Arc::new(Secrets::new("other"))).await.unwrap();
    assert!(other.is_empty());
}

#[test]
fn there_are_no_more_than_may_be() {
    let (known, ada) = (known(), AgentId::new());
    for round in 0..3 {
        let many: Vec<_> = (0..200).map(|number| format!("secret-{round}-{number}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        known.stand(ada, values(&many), UnixMillis(1));
    }
    assert_eq!(masked(&known, ada, "secret-2-199 secret-1-5"), "*** ***");
    assert_eq!(masked(&known, ada, "secret-0-5"), "secret-0-5");
}
