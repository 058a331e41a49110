//! One call of one model: its attempts, its deadline, its bounds and its bill.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use greenroom_actors::budget::Rate;
use greenroom_actors::error::ModelError;
use greenroom_actors::ports::{Abilities, Delta, ModelStream, Prompt, Quote};
use greenroom_actors::runs::Usage;
use tokio::time::{Instant, sleep, timeout_at};

use super::provider::{Failure, Piece, Provider};
use super::settings::ModelSettings;
use super::tokens::{self, Price};

/// Texts that are embedded in one request; providers refuse many more.
const EMBED_BATCH: usize = 64;

/// Bytes of a text that are embedded; embedders refuse a text that is longer than their window.
const EMBED_TEXT_MAX_BYTES: usize = 8_000;

/// How long and how often a model is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// For a call, with all its attempts and waits.
    pub(super) timeout: Duration,
    /// Attempts after the first.
    pub(super) retries: u32,
    /// The wait before the second attempt.
    pub(super) wait: Duration,
    /// The longest wait.
    pub(super) wait_max: Duration,
    /// Bytes of an answer.
    pub(super) answer_max_bytes: usize,
}

impl From<&ModelSettings> for Limits {
    fn from(settings: &ModelSettings) -> Self {
        Self {
            timeout: Duration::from_secs(settings.timeout_s),
            retries: settings.retries,
            wait: Duration::from_millis(settings.retry_wait_ms),
            wait_max: Duration::from_secs(settings.retry_wait_max_s),
            answer_max_bytes: settings.answer_max_bytes,
        }
    }
}

impl Limits {
    /// The wait before the attempt after `attempt` (from 0); `None` if there is to be none.
    ///
    /// Exponential, and anywhere between half and whole: callers that failed together do not come
    /// back together. What the provider asks for comes first, unless it is longer than allowed.
    fn wait_after(&self, attempt: u32, failure: &Failure) -> Option<Duration> {
        if !failure.retry || attempt >= self.retries {
            return None;
        }
        let doubled = self.wait.saturating_mul(2_u32.saturating_pow(attempt)).min(self.wait_max);
        let jittered = doubled.mul_f64(rand::random_range(0.5..=1.0));
        let wait = failure.retry_after.map_or(jittered, |asked| asked.max(jittered));
        (wait <= self.wait_max).then_some(wait)
    }
}

/// A model as this host serves it.
pub(super) struct Served {
    /// The name it is chosen by.
    pub(super) name: String,
    /// What its provider calls it.
    pub(super) model: String,
    /// What its provider is called.
    pub(super) of: String,
    /// Who answers.
    pub(super) provider: Arc<dyn Provider>,
    /// How long and how often it is asked.
    pub(super) limits: Limits,
    /// What it costs.
    pub(super) price: Price,
    /// Tokens of an answer, where the prompt does not say it.
    pub(super) max_tokens: Option<u32>,
    /// What it can do.
    pub(super) abilities: Abilities,
}

/// What attempts that came to nothing may be billed for.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    usage: Usage,
    attempts: u32,
    /// What tokens of a model without a price count as.
    rate: Rate,
}

impl Owed {
    /// Nothing, so far.
    pub(super) fn nothing(rate: Rate) -> Self {
        Self { usage: Usage::default(), attempts: 0, rate }
    }

    fn add(&mut self, attempt: &Usage) {
        self.usage.add(attempt);
        self.attempts = self.attempts.saturating_add(1);
    }

    /// What is to be told before an error.
    pub(super) fn told(&self) -> Option<Delta> {
        (self.attempts > 0).then(|| Delta::Billed(self.usage.clone()))
    }

    /// The bill of the answer that came after all, and this.
    fn with(&self, bill: Usage) -> Usage {
        if self.attempts == 0 {
            return bill;
        }
        let model = bill.model.clone();
        let own = self.rate.cost_micros(bill.input_tokens, bill.output_tokens);
        let mut all = Usage { cost_micros: bill.cost_micros.or(Some(own)), ..bill };
        all.add(&self.usage);
        Usage { model, ..all }
    }
}

impl Served {
    /// Asks until the first piece of an answer is there; the rest comes as a stream.
    ///
    /// Nothing has been given out when this fails, so that another model may be asked.
    pub(super) async fn open(
        self: Arc<Self>,
        prompt: Arc<Prompt>,
        owed: &mut Owed,
    ) -> Result<ModelStream, ModelError> {
        let deadline = Instant::now() + self.limits.timeout;
        let attempt = self.attempt(&prompt, owed.rate);
        let opening = self
            .persist(
                (deadline, self.retries(&prompt)),
                || owed.add(&attempt),
                || async {
                    let mut pieces = self.provider.generate(&prompt);
                    match pieces.next().await {
                        Some(first) => Ok((first?, pieces)),
                        None => Err(Failure::broken_off()),
                    }
                },
            )
            .await;
        let (first, rest) = opening?;
        let answer = Answer {
            served: self,
            deadline,
            pieces: rest,
            bytes: 0,
            read: tokens::of_prompt(&prompt),
            ended: false,
            attempt,
            owed: owed.clone(),
            failed: None,
        };
        Ok(answer.given_out(first))
    }

    /// What one attempt may be billed for at most.
    pub(super) fn attempt(&self, prompt: &Prompt, rate: Rate) -> Usage {
        let input_tokens = prompt.input_tokens_max();
        let output_tokens = u64::from(self.answer_max_tokens(prompt));
        let rate = match self.price {
            Price { input: None, output: None } => rate,
            Price { input, output } => {
                Rate { input: input.unwrap_or(0.0), output: output.unwrap_or(0.0) }
            }
        };
        let cost_micros = Some(rate.cost_micros(input_tokens, output_tokens));
        Usage { model: Some(self.model.clone()), input_tokens, output_tokens, cost_micros }
    }

    /// Attempts that a call makes at most.
    pub(super) fn attempts(&self, prompt: &Prompt) -> u64 {
        u64::from(self.retries(prompt)).saturating_add(1)
    }

    /// Attempts after the first.
    fn retries(&self, prompt: &Prompt) -> u32 {
        if prompt.is_single_attempt { 0 } else { self.limits.retries }
    }

    /// The tokens of an answer to that prompt, where it is bounded; otherwise those that it has to be
    /// bounded to where that matters.
    pub(super) fn answer_max_tokens(&self, prompt: &Prompt) -> u32 {
        prompt.max_tokens().or(self.max_tokens).unwrap_or(Quote::MAX_TOKENS)
    }

    /// Embeds all texts, a batch at a time, within one deadline.
    pub(super) async fn embed(
        self: Arc<Self>,
        texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let deadline = Instant::now() + self.limits.timeout;
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(EMBED_BATCH) {
            let texts = || batch.iter().map(|text| embeddable(text)).collect();
            let found = self
                .persist((deadline, self.limits.retries), || (), || self.provider.embed(texts()))
                .await?;
            if found.len() != batch.len() {
                let reason = format!("{} vectors for {} texts", found.len(), batch.len());
                return Err(ModelError::Unavailable(reason));
            }
            vectors.extend(found);
        }
        Ok(vectors)
    }

    /// Makes attempts until one succeeds, none is worth making, or time is up; `waste` notes each that
    /// came to nothing and may be billed.
    async fn persist<T, F>(
        &self,
        (deadline, retries): (Instant, u32),
        mut waste: impl FnMut(),
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, ModelError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut made = 0;
        loop {
            let failure = match timeout_at(deadline, attempt()).await {
                Ok(Ok(outcome)) => return Ok(outcome),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    waste();
                    return Err(ModelError::TimedOut(self.limits.timeout));
                }
            };
            if failure.may_be_billed {
                waste();
            }
            let now = Instant::now();
            let limits = Limits { retries, ..self.limits };
            match limits.wait_after(made, &failure) {
                Some(wait) if now + wait < deadline => {
                    let (model, error) = (&self.name, &failure.error);
                    tracing::debug!(model, %error, ?wait, "asking the model again");
                    sleep(wait).await;
                }
                _ => return Err(failure.error),
            }
            made += 1;
        }
    }
}

/// What of `text` a provider takes: neither too much nor nothing, or one text would refuse all.
fn embeddable(text: &str) -> String {
    let end = text.floor_char_boundary(EMBED_TEXT_MAX_BYTES);
    match text.get(..end).unwrap_or_default().trim() {
        "" => "(empty)".to_owned(),
        text => text.to_owned(),
    }
}

/// An answer that has begun.
struct Answer {
    served: Arc<Served>,
    deadline: Instant,
    pieces: BoxStream<'static, Result<Piece, Failure>>,
    bytes: usize,
    read: u64,
    ended: bool,
    /// What it may be billed for, if it comes to nothing.
    attempt: Usage,
    /// What the attempts before it may be billed for.
    owed: Owed,
    /// Why it came to nothing, once what it may be billed for was told.
    failed: Option<ModelError>,
}

impl Answer {
    fn given_out(mut self, first: Piece) -> ModelStream {
        let first = self.delta(first);
        let first = first.or_else(|error| self.fail(error));
        stream::once(async { first })
            .chain(stream::unfold(self, |mut answer| async {
                let delta = answer.next().await?;
                Some((delta, answer))
            }))
            .boxed()
    }

    async fn next(&mut self) -> Option<Result<Delta, ModelError>> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        if self.ended {
            return None;
        }
        let delta = match timeout_at(self.deadline, self.pieces.next()).await {
            Ok(Some(Ok(piece))) => self.delta(piece),
            Ok(Some(Err(failure))) => Err(failure.error),
            Ok(None) => Err(Failure::broken_off().error),
            Err(_) => Err(ModelError::TimedOut(self.served.limits.timeout)),
        };
        if !matches!(delta, Ok(Delta::Text(_) | Delta::ToolCall(_))) {
            self.end();
        }
        Some(delta.or_else(|error| self.fail(error)))
    }

    /// What it may be billed for; the error comes next.
    fn fail(&mut self, error: ModelError) -> Result<Delta, ModelError> {
        self.owed.add(&self.attempt);
        match self.owed.told() {
            Some(billed) => {
                self.failed = Some(error);
                Ok(billed)
            }
            None => Err(error),
        }
    }

    /// Lets go of the provider, which closes the connection also while the answer is still held.
    fn end(&mut self) {
        self.ended = true;
        self.pieces = stream::empty().boxed();
    }

    fn delta(&mut self, piece: Piece) -> Result<Delta, ModelError> {
        let max = self.served.limits.answer_max_bytes;
        let delta = match piece {
            Piece::Text(text) => {
                self.bytes = self.bytes.saturating_add(text.len());
                Delta::Text(text)
            }
            Piece::ToolCall(call) => {
                let size = call.name.len().saturating_add(call.arguments.to_string().len());
                self.bytes = self.bytes.saturating_add(size);
                Delta::ToolCall(call)
            }
            Piece::End { input, output } => {
                self.end();
                return Ok(Delta::Done(self.usage(input, output)));
            }
        };
        if self.bytes > max {
            self.end();
            let reason = format!("the answer is longer than {max} bytes");
            return Err(ModelError::Unavailable(reason));
        }
        Ok(delta)
    }

    /// The bill, with estimates where the provider did not count.
    fn usage(&self, input: Option<u64>, output: Option<u64>) -> Usage {
        let input_tokens = input.unwrap_or(self.read);
        let output_tokens = output.unwrap_or_else(|| tokens::of_bytes(self.bytes));
        self.owed.with(Usage {
            model: Some(self.served.model.clone()),
            input_tokens,
            output_tokens,
            cost_micros: self.served.price.cost_micros(input_tokens, output_tokens),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        timeout: Duration::from_secs(60),
        retries: 3,
        wait: Duration::from_millis(400),
        wait_max: Duration::from_secs(1),
        answer_max_bytes: 1_000,
    };

    fn busy(retry_after: Option<Duration>) -> Failure {
        Failure::passing(ModelError::RateLimited { retry_after }, retry_after)
    }

    #[test]
    fn waits_double_within_their_jitter_and_bound() {
        for (attempt, least, most) in [(0, 200, 400), (1, 400, 800), (2, 500, 1_000)] {
            let wait = LIMITS.wait_after(attempt, &busy(None)).unwrap();
            assert!(wait >= Duration::from_millis(least), "{attempt}: {wait:?}");
            assert!(wait <= Duration::from_millis(most), "{attempt}: {wait:?}");
        }
        assert_eq!(LIMITS.wait_after(3, &busy(None)), None);
    }

    #[test]
    fn what_the_provider_asks_for_is_honoured_up_to_the_bound() {
        let asked = |millis| busy(Some(Duration::from_millis(millis)));
        assert_eq!(LIMITS.wait_after(0, &asked(900)), Some(Duration::from_millis(900)));
        assert_eq!(LIMITS.wait_after(0, &asked(1_001)), None);
    }

    #[test]
    fn no_text_is_too_long_or_too_short_to_embed() {
        for (text, expected) in [(" a\n", "a"), ("  ", "(empty)"), ("", "(empty)")] {
            assert_eq!(embeddable(text), expected);
        }
        assert_eq!(embeddable(&"é".repeat(10_000)).len(), EMBED_TEXT_MAX_BYTES);
    }

    #[test]
    fn a_lasting_failure_is_not_tried_again() {
        let refused = Failure::lasting(ModelError::Refused("no".to_owned()));
        assert_eq!(LIMITS.wait_after(0, &refused), None);
    }
}
