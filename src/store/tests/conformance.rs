//! What every store has to keep.

use std::sync::{Arc, Mutex};

use greenroom_actors::conformance;

use super::support::Place;

#[tokio::test]
async fn it_keeps_what_every_store_has_to_keep() {
    let places = Mutex::new(Vec::new());
    conformance::check(|| {
        let place = Place::new();
        let store = Arc::new(place.open());
        places.lock().unwrap().push(place);
        store
    })
    .await;
}
