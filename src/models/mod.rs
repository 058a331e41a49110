//! The models: implementations of [`greenroom_actors::ports::Model`].
//!
//! [`build`] turns settings into a [`Router`], which chooses the model that a prompt names, retries,
//! falls back and counts what it cost. Behind it are providers: [`doctor`] needs no network and no
//! key; all others speak to a server. Embeddings come from a server or from [`embedding`].
//!
//! A model is one line of configuration. `PROVIDER:MODEL` names one at its provider's own address,
//! `PROVIDER:MODEL@URL` one anywhere else:
//!
//! ```toml
//! [model]
//! default = "openai:gpt-4o-mini"                      # with OPENAI_API_KEY in the environment
//! fallback = ["openai:tiny@http://127.0.0.1:8081/v1"] # llama.cpp, vLLM, …
//! ```
//!
//! Whoever wants prices, limits or a name for characters to choose by writes a table:
//!
//! ```toml
//! [model]
//! default = "small"
//!
//! [models.small]
//! provider = "openai"
//! model = "gpt-4o-mini"
//! price_input = 0.15
//! price_output = 0.60
//! ```

mod call;
mod catalog;
pub mod doctor;
pub mod embedding;
mod endpoint;
mod provider;
mod remote;
mod router;
mod settings;
mod tls;
mod tokens;

pub(crate) use endpoint::Endpoint;
pub use router::{Offer, Router, build, providers};
pub use settings::{ModelChoice, ModelSettings, ModelsError, ModelsSettings};
pub use tls::install_tls;
