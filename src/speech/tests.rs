//! Which engine is chosen, and what is refused before any is asked.

use futures::FutureExt;
use futures::future::BoxFuture;

use super::*;

/// Says what it was told to, after a while or never.
struct Parrot {
    name: &'static str,
    is_there: bool,
    answers: bool,
}

impl Parrot {
    fn called(name: &'static str) -> Self {
        Self { name, is_there: true, answers: true }
    }
}

impl Synthesizer for Parrot {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn is_there(&self) -> bool {
        self.is_there
    }

    fn speak(&self, utterance: Utterance) -> BoxFuture<'_, Result<Spoken, SpeechError>> {
        if !self.answers {
            return std::future::pending().boxed();
        }
        let Utterance { text, format, .. } = utterance;
        std::future::ready(Ok(Spoken { bytes: text.into_bytes(), format })).boxed()
    }
}

fn speech(provider: Option<Parrot>, offline: Option<Parrot>) -> Speech {
    let arc = |parrot: Parrot| -> Arc<dyn Synthesizer> { Arc::new(parrot) };
    let synthesizers = Choice { provider: provider.map(arc), offline: offline.map(arc) };
    let timeout = Duration::from_secs(100);
    Speech(Arc::new(Engines { synthesizers, timeout, text_max: 20, ..Engines::default() }))
}

#[test]
fn an_agent_gets_the_engine_it_wants_or_else_the_other_one() {
    let provider = || Some(Parrot::called("provider"));
    let flite = || Some(Parrot::called("flite"));
    let absent = || Some(Parrot { is_there: false, ..Parrot::called("flite") });
    for (wish, there, expected) in [
        (None, speech(provider(), flite()), Some("provider")),
        (Some("en_US-male-medium"), speech(provider(), flite()), Some("provider")),
        (Some("openai"), speech(None, flite()), Some("flite")),
        (Some("flite"), speech(provider(), flite()), Some("flite")),
        (Some("offline"), speech(provider(), flite()), Some("flite")),
        (Some("flite"), speech(provider(), absent()), Some("provider")),
        (None, speech(None, flite()), Some("flite")),
        (None, speech(None, absent()), None),
        (Some("flite"), Speech::default(), None),
    ] {
        let wish = Wish { engine: wish.map(str::to_owned), ..Wish::default() };
        let found = there.synthesizer(&wish).map(|engine| engine.name());
        assert_eq!(found.ok().as_deref(), expected, "{wish:?}");
        assert!(matches!(there.recognizer(&wish), Err(SpeechError::NoRecognizer)));
    }
}

#[tokio::test]
async fn a_text_is_said_if_it_is_one_and_not_too_long() {
    let speech = speech(Some(Parrot::called("parrot")), None);
    let say = async |text: &str| {
        let spoken = speech.speak(text, &Wish::default(), Format::Mp3).await;
        spoken.map(|spoken| String::from_utf8(spoken.bytes).unwrap())
    };
    for (text, expected) in [
        (" hello\u{7}there\n", Ok("hello there".to_owned())),
        ("éééééééééééééééééééé", Ok("é".repeat(20))),
        ("ééééééééééééééééééééx", Err(SpeechError::TextTooLong(20))),
        (" \n", Err(SpeechError::NothingToSay)),
    ] {
        assert_eq!(say(text).await, expected, "{text:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_does_not_answer_is_given_up() {
    let silent = Parrot { answers: false, ..Parrot::called("silent") };
    let spoken = speech(Some(silent), None).speak("hello", &Wish::default(), Format::Wav).await;
    assert_eq!(spoken.err(), Some(SpeechError::TimedOut(Duration::from_secs(100))));
}

#[test]
fn of_a_long_answer_as_much_is_said_as_may_be() {
    let speech = speech(None, None);
    for (text, expected) in [
        ("short", "short"),
        ("exactly twenty chars", "exactly twenty chars"),
        ("a few words, and then some", "a few words, and"),
        ("éééééééééééééééééééééé", "éééééééééééééééééééé"),
    ] {
        assert_eq!(speech.speakable(text), expected);
    }
}
