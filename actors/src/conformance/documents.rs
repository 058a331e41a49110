//! Documents.

use serde_json::json;

use crate::documents::Document;
use crate::facts::Fact;
use crate::time::UnixMillis;

use super::kit::Subject;

fn document(shelf: &str, key: &str, at: i64) -> Document {
    Document {
        shelf: shelf.into(),
        key: key.into(),
        value: json!({"at": at, "ü": [null, "☃"]}),
        updated_at: UnixMillis(at),
    }
}

fn set(document: &Document) -> Fact {
    Fact::DocumentSet(Box::new(document.clone()))
}

pub(super) async fn documents_are_set_replaced_and_removed(on: Subject) {
    let (first, other) = (document("milady", "config", 1), document("trinity", "config", 2));
    on.keep([set(&first), set(&other)]).await;
    assert_eq!(on.document("milady", "config").await.unwrap(), Some(first));
    let second = document("milady", "config", 3);
    on.keep([set(&second)]).await;
    assert_eq!(on.document("milady", "config").await.unwrap(), Some(second));
    let removed = || Fact::DocumentRemoved { shelf: "milady".to_owned(), key: "config".to_owned() };
    assert_eq!(on.affected(removed()).await, 1);
    assert_eq!(on.affected(removed()).await, 0);
    assert_eq!(on.document("milady", "config").await.unwrap(), None);
    assert_eq!(on.document("trinity", "config").await.unwrap(), Some(other));
}

pub(super) async fn documents_of_a_shelf_are_listed_by_the_beginning_of_their_keys(on: Subject) {
    let keys = ["a", "talk", "talk/", "talk/2", "talk/1", "talk/%", "talks", "tälk/1", "nul\0/1"];
    on.keep(keys.map(|key| set(&document("milady", key, 1)))).await;
    on.keep([set(&document("other", "talk/3", 1))]).await;
    let listed = async |prefix: &str, offset, limit| {
        let found = on.documents("milady", prefix, offset, limit).await.unwrap();
        found.into_iter().map(|document| document.key).collect::<Vec<_>>()
    };
    assert_eq!(listed("talk/", 0, 9).await, ["talk/", "talk/%", "talk/1", "talk/2"]);
    assert_eq!(listed("talk/", 1, 2).await, ["talk/%", "talk/1"]);
    assert_eq!(listed("talk/%", 0, 9).await, ["talk/%"]);
    assert_eq!(listed("tä", 0, 9).await, ["tälk/1"]);
    assert_eq!(listed("nul\0", 0, 9).await, ["nul\0/1"]);
    assert_eq!(listed("", 0, 99).await.len(), keys.len());
    assert!(listed("z", 0, 9).await.is_empty());
}
