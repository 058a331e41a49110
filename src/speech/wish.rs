//! Which voice an agent wants, as its character says it.

use greenroom_actors::character::Character;
use serde_json::Value;

/// How slow and how fast anybody may speak, as multiples of the usual; what OpenAI takes.
const SPEEDS: (f32, f32) = (0.25, 4.0);

/// Characters of a voice's name.
const VOICE_MAX_CHARS: usize = 64;

/// Which engine is wanted, and how it shall sound. Characters may name engines that this host does not
/// have: then it is as if they had said nothing, since most were written for another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// The engine: a provider, `flite`, `pocketsphinx`, `offline`; anything else means: any.
    pub engine: Option<String>,
    /// The voice.
    pub voice: Option<String>,
    /// How fast, as a multiple of the usual.
    pub speed: Option<f32>,
}

impl Wish {
    /// What a character wants: `settings.voice`, a text or an object with `model`, `voice` and
    /// `speed`, and elizaOS' setting of OpenAI's voice.
    #[must_use]
    pub fn of(character: &Character) -> Self {
        let mut wish = match character.setting("voice") {
            Some(Value::String(line)) => Self::of_line(line),
            Some(Value::Object(fields)) => {
                let text = |key: &str| fields.get(key).and_then(Value::as_str);
                let mut wish = text("model").map(Self::of_line).unwrap_or_default();
                wish.voice = text("voice").and_then(name).or(wish.voice);
                wish.speed = fields.get("speed").and_then(Value::as_f64).and_then(speed);
                wish
            }
            _ => Self::default(),
        };
        let of_openai = || character.setting("OPENAI_TTS_VOICE").and_then(Value::as_str);
        wish.voice = wish.voice.or_else(|| of_openai().and_then(name));
        wish
    }

    /// `ENGINE` or `ENGINE:VOICE`.
    fn of_line(line: &str) -> Self {
        match line.split_once(':') {
            // Behind a provider stands its model, which is the operator's to choose.
            Some((engine @ ("flite" | "offline"), voice)) => {
                Self { engine: Some(engine.to_owned()), voice: name(voice), speed: None }
            }
            Some((engine, _)) => Self { engine: Some(engine.to_owned()), ..Self::default() },
            None => Self { engine: Some(line.to_owned()), ..Self::default() },
        }
    }

    /// The same, but for what a request says itself.
    #[must_use]
    pub fn but(self, voice: Option<&str>, speed: Option<f64>) -> Self {
        Self {
            engine: self.engine,
            voice: voice.and_then(name).or(self.voice),
            speed: speed.and_then(self::speed).or(self.speed),
        }
    }

    /// Whether a program of this machine is asked for.
    pub(super) fn is_offline(&self) -> bool {
        matches!(self.engine.as_deref(), Some("flite" | "pocketsphinx" | "offline"))
    }
}

/// The name of a voice, unless it is no name.
fn name(text: &str) -> Option<String> {
    let text = text.trim();
    let is_name = !text.is_empty() && text.chars().count() <= VOICE_MAX_CHARS;
    (is_name && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

fn speed(speed: f64) -> Option<f32> {
    // From text, since nothing else makes a smaller number of a larger one without a cast.
    let speed: f32 = speed.to_string().parse().ok()?;
    speed.is_finite().then(|| speed.clamp(SPEEDS.0, SPEEDS.1))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_character_says_it_in_many_ways() {
        let wish = |engine: Option<&str>, voice: Option<&str>, speed| Wish {
            engine: engine.map(str::to_owned),
            voice: voice.map(str::to_owned),
            speed,
        };
        for (settings, expected) in [
            (json!({}), wish(None, None, None)),
            (json!({"voice": null}), wish(None, None, None)),
            (json!({"voice": 7}), wish(None, None, None)),
            (json!({"voice": "flite"}), wish(Some("flite"), None, None)),
            (json!({"voice": "flite:slt"}), wish(Some("flite"), Some("slt"), None)),
            (json!({"voice": "openai:tts-1"}), wish(Some("openai"), None, None)),
            (
                json!({"voice": {"model": "en_US-male-medium"}}),
                wish(Some("en_US-male-medium"), None, None),
            ),
            (
                json!({"voice": {"model": "openai", "voice": "nova", "speed": 9}}),
                wish(Some("openai"), Some("nova"), Some(4.0)),
            ),
            (json!({"voice": {"speed": 1.5, "voice": " "}}), wish(None, None, Some(1.5))),
            (json!({"OPENAI_TTS_VOICE": "nova"}), wish(None, Some("nova"), None)),
        ] {
            let mut character = Character::named("Ada");
            character.settings = settings.as_object().cloned();
            assert_eq!(Wish::of(&character), expected, "{settings}");
        }
    }

    #[test]
    fn a_request_has_the_last_word() {
        let own = Wish { voice: Some("nova".into()), speed: Some(2.0), ..Wish::default() };
        assert_eq!(own.clone().but(None, None), own);
        let other = own.but(Some("echo"), Some(0.01));
        assert_eq!((other.voice.as_deref(), other.speed), (Some("echo"), Some(0.25)));
    }
}
