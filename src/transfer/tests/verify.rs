//! Proofs that nothing is lost.

use std::io::Write;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::{ALL, Home, PASSWORD, fixtures, generated};
use crate::transfer::container::Opened;
use crate::transfer::{Password, TransferError};

#[actix::test]
async fn nothing_of_a_file_is_lost_and_a_proof_says_so() {
    let home = Home::new().await;
    let verified = async |password: &str, bytes: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let password = Password::new(password.to_owned()).unwrap();
        home.transfer.verify(file, password).await
    };
    for (file, described) in fixtures() {
        let outcome = verified(described["password"].as_str().unwrap(), &file).await.unwrap();
        assert_eq!(json!(outcome.agent_name), described["expected"]["agentName"]);
        assert_eq!(serde_json::to_value(outcome.counts).unwrap(), described["expected"]["counts"]);
        assert_eq!(outcome.differences, Vec::<String>::new(), "{}", described["file"]);
    }
    let mut runner = TestRunner::deterministic();
    for _ in 0..8 {
        let generated = generated::agent().new_tree(&mut runner).unwrap().current();
        let agent = generated.keep(&home).await;
        let (exported, file) = home.export(agent, ALL).await;
        let outcome = verified(PASSWORD, &file).await.unwrap();
        assert_eq!((outcome.counts, outcome.differences), (exported.counts, Vec::new()));
    }
    // A reader that knows nothing of it passes over it, and says so.
    let (file, described) = fixtures().swap_remove(0);
    let known = Password::new(described["password"].as_str().unwrap().to_owned()).unwrap();
    let mut opened = Opened::open(std::io::Cursor::new(&file), &known).unwrap();
    let mut payload: Value = serde_json::from_reader(opened.unpacked(u64::MAX).unwrap()).unwrap();
    payload["rooms"] = json!([{"id": "r", "name": "Hall", "colour": "red"}]);
    let odd = super::file(payload.to_string().as_bytes());
    let differences = verified(PASSWORD, &odd).await.unwrap().differences;
    assert_eq!(differences, ["rooms: 1 not the same, first rooms.0"]);
    assert_eq!(verified("wrong", &odd).await.unwrap_err(), TransferError::Decryption);
    assert_eq!(home.on_their_way(), 0);
}
