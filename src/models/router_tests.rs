use std::collections::VecDeque;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use greenroom_actors::character::Character;
use greenroom_actors::figures::Tally;
use greenroom_actors::ports::{Bounds, Delta, Generation, Purpose, Role, Turn, collect};
use greenroom_actors::runs::Usage;
use serde_json::Map;
use tokio::time::{Instant, sleep};

use super::super::provider::{Failure, Piece, Provider};
use super::*;

/// A provider that does in each attempt what it is told to.
struct Scripted(Mutex<VecDeque<Vec<Step>>>);

#[derive(Clone)]
enum Step {
    Say(&'static str),
    Wait(u64),
    Fail(Failure),
    End(Option<u64>, Option<u64>),
}

use Step::{End, Fail, Say, Wait};

impl Provider for Scripted {
    fn generate(&self, _: &Arc<Prompt>) -> BoxStream<'static, Result<Piece, Failure>> {
        let steps = self.0.lock().unwrap().pop_front().expect("one attempt too many");
        let piece = |step| async {
            match step {
                Say(text) => Some(Ok(Piece::Text(text.to_owned()))),
                Wait(seconds) => {
                    sleep(Duration::from_secs(seconds)).await;
                    None
                }
                Fail(failure) => Some(Err(failure)),
                End(input, output) => Some(Ok(Piece::End { input, output })),
            }
        };
        stream::iter(steps).then(piece).filter_map(|piece| async { piece }).boxed()
    }

    fn embed(&self, texts: Vec<String>) -> BoxFuture<'static, Result<Vec<Vec<f32>>, Failure>> {
        async move { Ok(texts.iter().map(|_| vec![3.0, 4.0]).collect()) }.boxed()
    }
}

fn served(name: &str, attempts: Vec<Vec<Step>>) -> Arc<Served> {
    let settings =
        ModelSettings { timeout_s: 60, answer_max_bytes: 100, ..ModelSettings::default() };
    Arc::new(Served {
        name: name.to_owned(),
        model: format!("{name}-large"),
        of: "scripted".to_owned(),
        provider: Arc::new(Scripted(Mutex::new(attempts.into()))),
        limits: Limits::from(&settings),
        price: Price { input: Some(1.0), output: Some(10.0) },
        max_tokens: Some(100),
        abilities: greenroom_actors::ports::Abilities::default(),
    })
}

fn router(served: Vec<Arc<Served>>) -> Router {
    let models = served.iter().map(|served| (served.name.clone(), served.clone())).collect();
    let default = served[0].clone();
    let embedder = Embedder::Served { name: "e".into(), dimensions: None, served: default.clone() };
    let (small, fallback, unknown) = (None, served, Mutex::default());
    let learned = RwLock::default();
    let inner = Arc::new(Inner { models, default, small, fallback, embedder, unknown, learned });
    Router { inner, dearest: Rate::default() }
}

fn prompt(model: Option<&str>) -> Prompt {
    Prompt {
        model: model.map(str::to_owned),
        purpose: Purpose::Reply,
        may_ignore: false,
        is_single_attempt: false,
        character: Arc::new(Character::named("Ada")),
        system: "You are Ada.".to_owned(),
        turns: vec![Turn::new(Role::User, "hello")],
        tools: Vec::new(),
        settings: Map::new(),
        tally: Tally::default(),
        bounds: Bounds::default(),
    }
}

async fn ask(router: &Router, model: Option<&str>) -> Result<Generation, ModelError> {
    collect(router.generate(prompt(model)), 10_000, |_| ()).await
}

fn busy() -> Step {
    let after = Some(Duration::from_secs(7));
    Fail(Failure::passing(ModelError::RateLimited { retry_after: after }, after))
}

fn down() -> Step {
    Fail(Failure::passing(ModelError::Unavailable("down".to_owned()), None))
}

fn refused() -> Step {
    Fail(Failure::lasting(ModelError::Refused("no".to_owned())))
}

#[tokio::test(start_paused = true)]
async fn a_busy_provider_is_asked_again_when_it_says() {
    let router = router(vec![served("a", vec![vec![busy()], vec![Say("hi"), End(None, None)]])]);
    let began = Instant::now();
    assert_eq!(ask(&router, None).await.unwrap().text, "hi");
    assert_eq!(began.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn the_bill_is_the_providers_count_or_an_estimate() {
    for (end, expected) in [(End(Some(10), Some(20)), (10, 20, 210)), (End(None, None), (5, 2, 25))]
    {
        let router = router(vec![served("a", vec![vec![Say("hello"), end]])]);
        let usage = ask(&router, None).await.unwrap().usage;
        assert_eq!(usage.model.as_deref(), Some("a-large"));
        let found = (usage.input_tokens, usage.output_tokens, usage.cost_micros.unwrap());
        assert_eq!(found, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_stands_in_for_one_that_fails_before_it_spoke() {
    let fine = || vec![vec![Say("b"), End(None, None)]];
    let hangs = vec![vec![Wait(1_000), Say("late")]];
    for failing in [vec![vec![down()]; 3], hangs, vec![vec![]]] {
        let router = router(vec![served("a", failing), served("b", fine())]);
        let answer = ask(&router, None).await.unwrap();
        assert_eq!((answer.text.as_str(), answer.usage.model.as_deref()), ("b", Some("b-large")));
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_stands_in_once_something_was_given_out() {
    let broken = vec![Say("so"), down()];
    let hangs = vec![Say("so"), Wait(1_000), Say("late")];
    let short = vec![Say("so")];
    let too_long = vec![Say("so"), Say("x".repeat(100).leak()), End(None, None)];
    for (steps, expected) in [
        (broken, ModelError::Unavailable("down".to_owned())),
        (hangs, ModelError::TimedOut(Duration::from_secs(60))),
        (short, ModelError::Unavailable("the answer broke off".to_owned())),
        (too_long, ModelError::Unavailable("the answer is longer than 100 bytes".to_owned())),
    ] {
        let router = router(vec![served("a", vec![steps]), served("b", vec![])]);
        let mut answer = router.generate(prompt(None));
        assert_eq!(answer.next().await, Some(Ok(Delta::Text("so".to_owned()))));
        assert!(matches!(answer.next().await, Some(Ok(Delta::Billed(_)))), "{expected}");
        assert_eq!(answer.next().await, Some(Err(expected)));
        assert_eq!(answer.next().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_final() {
    let router = router(vec![served("a", vec![vec![refused()]]), served("b", vec![])]);
    assert_eq!(ask(&router, None).await, Err(ModelError::Refused("no".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_covers_attempts_and_waits() {
    let slow = || vec![Wait(28), down()];
    let router = router(vec![served("a", vec![slow(), slow(), slow()])]);
    let began = Instant::now();
    let failed = ask(&router, None).await;
    assert_eq!(failed, Err(ModelError::TimedOut(Duration::from_secs(60))));
    assert_eq!(began.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_the_one_asked_for_is_told() {
    let gone = Fail(Failure::lasting(ModelError::Unavailable("gone".to_owned())));
    let router = router(vec![served("a", vec![vec![gone]]), served("b", vec![vec![refused()]])]);
    assert_eq!(ask(&router, None).await, Err(ModelError::Unavailable("gone".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_model_is_found_by_its_name_or_its_providers_name_of_it() {
    let says = |word| vec![vec![Say(word), End(None, None)]];
    for (name, expected) in
        [(Some("b"), "b"), (Some("b-large"), "b"), (Some("unheard-of"), "a"), (None, "a")]
    {
        let router = router(vec![served("a", says("a")), served("b", says("b"))]);
        assert_eq!(ask(&router, name).await.unwrap().text, expected, "{name:?}");
    }
}

#[tokio::test]
async fn vectors_of_a_provider_have_length_one() {
    let router = router(vec![served("a", vec![])]);
    let found = router.embed(vec![String::new(); 130]).await.unwrap();
    assert_eq!(found.len(), 130);
    assert_eq!(found[129], Embedding { embedder: "e".into(), vector: vec![0.6, 0.8] });

    assert!(check_vectors(&[vec![1.0], vec![1.0, 2.0]], None).is_err());
    assert!(check_vectors(&[vec![1.0]], Some(2)).is_err());
    assert!(check_vectors(&[], Some(2)).is_ok());
}

#[tokio::test]
async fn with_nothing_configured_the_doctor_answers_for_nothing() {
    let router = build(&ModelsSettings::default(), &|_| None).unwrap();
    let answer = ask(&router, Some("gpt-4o")).await.unwrap();
    assert_eq!(answer.text, "Hello. I am Ada. What is on your mind?");
    assert_eq!(answer.usage.model.as_deref(), Some("doctor"));
    assert_eq!(answer.usage.cost_micros, Some(0));
    assert!(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
    assert_eq!(router.embedder(), "hash-384");
    assert_eq!(router.embed(vec!["a".into()]).await.unwrap()[0].vector.len(), 384);
}

#[test]
fn settings_that_make_no_router_name_the_key() {
    for (text, key) in [
        ("[model]\ndefault = \"nobody\"", "model.default"),
        ("[model]\ndefault = \"openai:gpt\"", "model.default"),
        ("[model]\nfallback = [\"doctor\", \"what:ever\"]", "model.fallback[1]"),
        ("[model]\nsmall = \"nobody\"", "model.small"),
        ("[model]\nembedder = \"doctor\"", "model.embedder"),
        ("[models.x]\nprovider = \"nobody\"", "models.x.provider"),
        ("[models.x]\nprovider = \"ollama\"\nmodel = \"m\"\ntimeout_s = 0", "models.x.timeout_s"),
    ] {
        let settings: ModelsSettings = toml::from_str(text).unwrap();
        assert_eq!(build(&settings, &|_| None).err().map(|error| error.key).as_deref(), Some(key));
    }
}

#[test]
fn a_name_beats_a_line_and_tables_may_be_fallbacks() {
    let settings: ModelsSettings = toml::from_str(
        "[model]\ndefault = \"small\"\nfallback = [\"ollama:llama3:8b\", \"doctor\"]\n\
         embedder = \"vectors\"\n\
         [models.small]\nprovider = \"openai\"\nmodel = \"tiny\"\n\
         base_url = \"http://127.0.0.1:1/v1\"\n\
         [models.vectors]\nprovider = \"ollama\"\nmodel = \"nomic\"\ndimensions = 768",
    )
    .unwrap();
    let router = build(&settings, &|_| None).unwrap();
    let names: Vec<_> =
        router.inner.chain(None, Purpose::Reply).iter().map(|s| s.model.clone()).collect();
    assert_eq!(names, ["tiny", "llama3:8b", "doctor"]);
    assert_eq!(router.embedder(), "nomic-768");
}

#[test]
fn where_little_is_asked_the_small_model_is_asked_first_if_there_is_one() {
    let models = "[models.own]\nprovider = \"openai\"\nmodel = \"own\"\n\
                  base_url = \"http://127.0.0.1:1/v1\"";
    for (small, titled) in [("", "own"), ("ollama:tiny", "tiny")] {
        let text = format!("[model]\nsmall = \"{small}\"\n{models}");
        let router = build(&toml::from_str(&text).unwrap(), &|_| None).unwrap();
        for (purpose, expected) in [(Purpose::Title, titled), (Purpose::Reply, "own")] {
            let asked = Prompt { purpose, ..prompt(Some("own")) };
            assert_eq!(
                router.inner.chain(asked.model.as_deref(), asked.purpose)[0].model,
                expected
            );
        }
    }
}

#[test]
fn models_at_their_own_addresses_need_a_key_alone() {
    let line = "[model]\ndefault = \"openai:gpt-4o-mini\"\nfallback = [\"anthropic:claude-x\"]";
    let settings: ModelsSettings = toml::from_str(line).unwrap();
    let router = build(&settings, &|name| name.ends_with("_API_KEY").then(|| "sk".to_owned()));
    assert!(router.is_ok(), "{:?}", router.err());
}

#[tokio::test(start_paused = true)]
async fn a_single_attempt_is_quoted_and_made_as_one() {
    let router = router(vec![served("a", vec![vec![down()]]), served("b", vec![vec![Say("b")]])]);
    let asked = Prompt { is_single_attempt: true, ..prompt(None) };
    assert_eq!(router.quote(&asked).output_tokens_max, 100);
    let answer = collect(router.generate(asked), 10_000, |_| {}).await;
    assert!(answer.is_err(), "neither again nor another: {answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_quote_bounds_every_attempt_of_every_model_and_the_bill_stays_below_it() {
    let broken = || vec![Say("so")];
    let fine = || vec![Say("b"), End(Some(5), Some(3))];
    for (of_a, of_b, attempts) in [
        (vec![fine()], vec![], 0),
        (vec![vec![down()], fine()], vec![], 1),
        (vec![vec![busy()], fine()], vec![], 0),
        (vec![vec![down()]; 3], vec![vec![down()], fine()], 4),
        (vec![vec![down()]; 3], vec![vec![down()]; 3], 6),
        (vec![vec![down()], vec![refused()]], vec![], 1),
        (vec![vec![refused()]], vec![], 0),
        (vec![vec![Wait(100)]], vec![broken()], 2),
    ] {
        let router = router(vec![served("a", of_a), served("b", of_b)]);
        let quote = router.quote(&prompt(None));
        assert_eq!((quote.model.as_str(), quote.max_tokens), ("a-large", 100));
        // Two models, three attempts each, 100 tokens an answer.
        assert_eq!(quote.output_tokens_max, 600);
        assert_eq!(quote.cost_micros_max, quote.input_tokens_max + 6_000);
        let mut billed = Usage::default();
        let answer = collect(router.generate(prompt(None)), 10_000, |piece| {
            if let Delta::Done(usage) | Delta::Billed(usage) = piece {
                billed.add(usage);
            }
        });
        let answered = u64::from(answer.await.is_ok());
        assert_eq!(billed.output_tokens, attempts * 100 + answered * 3);
        let cost = attempts * quote.cost_micros_max / 6 + answered * 35;
        assert_eq!(billed.cost_micros.unwrap_or(0), cost);
        assert!(cost <= quote.cost_micros_max);
    }
}

#[test]
fn what_has_no_price_counts_as_the_dearest() {
    let line = "[model]\ndefault = \"ollama:free\"\n";
    let priced = "[models.x]\nprovider = \"openai\"\nmodel = \"x\"\nprice_input = 2.0\n\
                  price_output = 9.0\nbase_url = \"http://127.0.0.1:1/v1\"\n\
                  [models.y]\nprovider = \"ollama\"\nmodel = \"y\"\nprice_input = 3.0";
    let otherwise = Rate { input: 15.0, output: 75.0 };
    for (text, dearest) in [
        (line.to_owned(), otherwise),
        (format!("{line}{priced}"), Rate { input: 3.0, output: 9.0 }),
    ] {
        let router = build(&toml::from_str(&text).unwrap(), &|_| None).unwrap();
        let router = router.with_dearest(otherwise);
        let mut asked = prompt(None);
        asked.settings.insert("maxTokens".to_owned(), 10.into());
        let quote = router.quote(&asked);
        assert_eq!(quote.rate, dearest);
        let cost = dearest.cost_micros(quote.input_tokens_max, quote.output_tokens_max);
        // Rounded up for each attempt.
        assert!((cost..cost + 6).contains(&quote.cost_micros_max), "{quote:?}");
    }
    let doctor = build(&ModelsSettings::default(), &|_| None).unwrap().with_dearest(otherwise);
    assert_eq!(doctor.quote(&prompt(None)).cost_micros_max, 0);
}
