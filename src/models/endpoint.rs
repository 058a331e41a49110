//! What a provider offers beside words: the requests are made by whoever wants it, the address, the
//! key, the client and the meaning of an error are as with models.

use genai::adapter::AdapterKind;
use greenroom_actors::error::ModelError;
use reqwest::{RequestBuilder, Response, Url};

use super::catalog::{self, Env, Source, Target};
use super::remote::Clients;
use super::remote::failure::Teller;
use super::settings::{ModelSettings, ModelsError};
use super::tls::install_tls;

/// Bytes of a refusal that are read to word it.
const REFUSAL_MAX_BYTES: usize = 16 * 1024;

/// A model at a server that speaks as OpenAI does.
pub(crate) struct Endpoint {
    client: reqwest::Client,
    base_url: Url,
    teller: Teller,
    provider: String,
    model: String,
}

impl Endpoint {
    /// The model of one line, `PROVIDER:MODEL` or `PROVIDER:MODEL@URL`, as it stands under `key`;
    /// its key in that environment variable, or else the provider's usual one.
    ///
    /// # Errors
    /// What is wrong with the line or the key.
    pub(crate) fn of_line(
        line: &str,
        api_key_env: Option<&str>,
        key: &str,
        env: &Env<'_>,
    ) -> Result<Self, ModelsError> {
        install_tls();
        let wrong = |reason: String| ModelsError::new(key, reason);
        let settings = catalog::parse(line)
            .ok_or_else(|| wrong("must be PROVIDER:MODEL or PROVIDER:MODEL@URL".to_owned()))?;
        let settings = ModelSettings { api_key_env: api_key_env.map(str::to_owned), ..settings };
        let target = catalog::resolve(&settings, &Source::Line(key), env)?;
        let Target { adapter, base_url, model, key: secret } = target;
        if matches!(adapter, AdapterKind::Anthropic | AdapterKind::Gemini) {
            let reason =
                format!("the provider `{}` does not speak as OpenAI does", settings.provider);
            return Err(wrong(reason));
        }
        let client = Clients::default().to(&base_url);
        let client = client.map_err(|reason| wrong(format!("no client for it: {reason}")))?;
        let host = base_url.host_str().unwrap_or_default().to_owned();
        let teller = Teller { key: secret, host };
        Ok(Self { client, base_url, teller, provider: settings.provider, model })
    }

    /// Who serves it.
    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    /// What its provider calls it.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// A request to a path below the address.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.base_url));
        match &self.teller.key {
            Some(key) => request.bearer_auth(key.as_str()),
            None => request,
        }
    }

    /// Sends it, and reads an answer of at most `max_bytes`.
    ///
    /// # Errors
    /// As a call of a model.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        max_bytes: usize,
    ) -> Result<Vec<u8>, ModelError> {
        let mut answer =
            request.send().await.map_err(|error| self.teller.of_connection(&error).error)?;
        let status = answer.status();
        if status.is_success() {
            let body = self.body(&mut answer, max_bytes).await?;
            return body.ok_or_else(|| {
                ModelError::Unavailable(format!("the answer is longer than {max_bytes} bytes"))
            });
        }
        let body = self.body(&mut answer, REFUSAL_MAX_BYTES).await?;
        let words = String::from_utf8_lossy(body.as_deref().unwrap_or_default());
        Err(self.teller.of_status(status, &words, answer.headers()).error)
    }

    /// The body of an answer; absent where it is longer.
    async fn body(
        &self,
        answer: &mut Response,
        max_bytes: usize,
    ) -> Result<Option<Vec<u8>>, ModelError> {
        let mut whole = Vec::new();
        loop {
            let piece = answer.chunk().await;
            match piece.map_err(|error| self.teller.of_connection(&error).error)? {
                None => return Ok(Some(whole)),
                Some(piece) if whole.len().saturating_add(piece.len()) > max_bytes => {
                    return Ok(None);
                }
                Some(piece) => whole.extend_from_slice(&piece),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_names_no_such_server_is_refused_under_its_key() {
        for (line, words) in [
            ("tts-1", "must be PROVIDER:MODEL"),
            ("opneai:tts-1", "no provider"),
            ("anthropic:x@http://h", "does not speak as OpenAI does"),
            ("openai:tts-1", "OPENAI_API_KEY is not set"),
        ] {
            let refused = Endpoint::of_line(line, None, "speech.synthesizer", &|_| None);
            let refused = refused.err().unwrap();
            assert_eq!(refused.key, "speech.synthesizer");
            assert!(refused.reason.contains(words), "{refused}");
        }
        let fine = Endpoint::of_line("openai:a@http://127.0.0.1:1", None, "x", &|_| None).unwrap();
        assert_eq!((fine.provider(), fine.model()), ("openai", "a"));
    }
}
